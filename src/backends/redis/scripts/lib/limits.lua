-- Jobs of rate-limited kinds wait apart, in an index that is ordered by kind and then by place, so that one declared
-- key serves every kind and a claim reads only as many of a kind as its bucket allows.
--
--   limited       zset, all scores 0: "<kind>,<place>,<id>"; place is the score in `pending` plus an offset, 16 digits
--   limits[kind]  "<limit>,<per ms>,<burst>"; "0,0,0" when lifted while jobs still wait here
--   buckets[kind] "<tokens>,<epoch ms>" as of that time; absent: full

local place_offset = 4503599627370496

local function limited_member(kind, score, id)
  return kind .. "," .. string.format("%016.0f", score + place_offset) .. "," .. id
end

-- A kind holds no comma, and "-" follows it, so these bounds take in exactly the members of the kind.
local function of_kind(kind)
  return "[" .. kind .. ",", "(" .. kind .. "-"
end

local function read_limits()
  local limits, flat = {}, redis.call("HGETALL", keys.limits)
  for i = 1, #flat, 2 do
    local limit, per, burst = string.match(flat[i + 1], "^(%d+),(%d+),(%d+)$")
    if burst then limits[flat[i]] = { limit = tonumber(limit), per = tonumber(per), burst = tonumber(burst) } end
  end
  return limits
end

-- Tokens there are now; as many as wanted when the limit is lifted.
local function tokens_of(kind, rate, now)
  if rate.limit == 0 then return math.huge end
  local tokens, at = string.match(redis.call("HGET", keys.buckets, kind) or "", "^([^,]+),(%d+)$")
  tokens = tonumber(tokens)
  if not tokens then return rate.burst end
  local elapsed = math.max(0, now - tonumber(at))
  return math.min(rate.burst, tokens + elapsed * rate.limit / rate.per)
end

-- What was taken for a job that does not start.
local function give_back_token(limits, kind, now)
  local rate = limits[kind]
  if not rate or rate.limit == 0 then return end
  local tokens = tokens_of(kind, rate, now) + 1
  redis.call("HSET", keys.buckets, kind, string.format("%.17g", tokens) .. "," .. exact(now))
end

local function kind_and_score(record)
  local sequence, priority, kind = string.match(record, "^%d,(%d+),%d+,%d*,(-?%d+),%d+,%d+,([^,]*),")
  if not kind then return nil end
  return kind, tonumber(priority) * 1099511627776 + tonumber(sequence)
end

-- Takes a waiting job out of wherever it waits; answers whether it was there.
local function leave_waiting(id, record)
  if redis.call("ZREM", keys.pending, id) == 1 then return true end
  local kind, score = kind_and_score(record)
  return kind ~= nil and redis.call("ZREM", keys.limited, limited_member(kind, score, id)) == 1
end
