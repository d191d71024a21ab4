-- Takes jobs in their order while some kinds are rate limited. Works only as far as the claim goes: of each kind it
-- reads no more than the bucket allows, and jobs of limited kinds that still stand in `pending` are moved once.

local divert_limit = 1000

local function divert(limits, most)
  local looked = 0
  while looked < divert_limit do
    local front = redis.call("ZRANGE", keys.pending, 0, math.max(most, 100) - 1)
    local moved, members = {}, {}
    for i, record in ipairs(#front > 0 and read_fields(keys.jobs, front) or {}) do
      local kind, score
      if record then kind, score = kind_and_score(record) end
      if kind and limits[kind] then
        moved[#moved + 1] = front[i]
        members[#members + 1] = 0
        members[#members + 1] = limited_member(kind, score, front[i])
      end
    end
    if #moved == 0 then return end
    spread("ZREM", keys.pending, moved)
    spread("ZADD", keys.limited, members)
    looked = looked + #front
  end
end

-- The next jobs of every kind that may run, and of the kinds without a limit, by score.
local function candidates_of(limits, most, now)
  local candidates = {}
  local front = redis.call("ZRANGE", keys.pending, 0, most - 1)
  for i, record in ipairs(#front > 0 and read_fields(keys.jobs, front) or {}) do
    local kind, score
    if record then kind, score = kind_and_score(record) end
    -- one of a limited kind was not moved yet, there being too many: it waits for a later claim to move it
    if not kind or not limits[kind] then
      candidates[#candidates + 1] = { id = front[i], score = score or -math.huge }
    end
  end
  for kind, rate in pairs(limits) do
    local allowed = math.min(most, math.floor(tokens_of(kind, rate, now)))
    if allowed > 0 then
      local first, last = of_kind(kind)
      for _, member in ipairs(redis.call("ZRANGEBYLEX", keys.limited, first, last, "LIMIT", 0, allowed)) do
        local place, id = string.match(member, "^[^,]*,(%d+),(.*)$")
        if place then candidates[#candidates + 1] = { id = id, score = tonumber(place) - place_offset, kind = kind, member = member } end
      end
    end
  end
  table.sort(candidates, function(a, b) return a.score < b.score end)
  return candidates
end

-- `bound` leaves out what would be too much at once. Answers ids and records.
local function take_limited(limits, most, now, bound)
  divert(limits, most)
  local candidates, ids = candidates_of(limits, most, now), {}
  for i = 1, math.min(most, #candidates) do ids[i] = candidates[i].id end
  local records = read_fields(keys.jobs, ids)
  local plain, members, used = {}, {}, {}
  for i = 1, bound(ids, records) do
    local candidate = candidates[i]
    if candidate.kind then
      members[#members + 1] = candidate.member
      used[candidate.kind] = (used[candidate.kind] or 0) + 1
    else
      plain[#plain + 1] = candidate.id
    end
  end
  spread("ZREM", keys.pending, plain)
  spread("ZREM", keys.limited, members)
  for kind, taken in pairs(used) do
    local rate = limits[kind]
    if rate.limit > 0 then
      local left = tokens_of(kind, rate, now) - taken
      redis.call("HSET", keys.buckets, kind, string.format("%.17g", left) .. "," .. exact(now))
    end
  end
  return ids, records
end

-- Whether jobs that stand apart may run now, and when some may that wait for tokens. Waiting for a tenth of a second's
-- worth of tokens costs little and spares a claim for every single one.
local function look_apart(limits, now)
  local more, soonest = false, math.huge
  for kind, rate in pairs(limits) do
    local first, last = of_kind(kind)
    if #redis.call("ZRANGEBYLEX", keys.limited, first, last, "LIMIT", 0, 1) > 0 then
      local tokens = tokens_of(kind, rate, now)
      if tokens >= 1 then
        more = true
      else
        local wanted = math.min(rate.burst, math.max(1, math.floor(100 * rate.limit / rate.per)))
        soonest = math.min(soonest, now + math.ceil((wanted - tokens) * rate.per / rate.limit))
      end
    elseif rate.limit == 0 then
      redis.call("HDEL", keys.limits, kind)
      limits[kind] = nil
    end
  end
  return more, soonest
end

-- Whether jobs are left that may run now, and when some may that wait for tokens. Those that became visible without a
-- place apart, or before their kind was limited, are not seen by their tokens until they are moved; it takes many of them
-- at once that more are left than this moves, and then a claim is of use to move them.
local function look_ahead(limits, now)
  local more, soonest = look_apart(limits, now)
  local front = not more and redis.call("ZRANGE", keys.pending, 0, 0)[1]
  if not front then return more, soonest end
  local kind = kind_and_score(redis.call("HGET", keys.jobs, front) or "")
  if not limits[kind or ""] then return true, soonest end
  divert(limits, 0)
  more, soonest = look_apart(limits, now)
  return more or redis.call("EXISTS", keys.pending) == 1, soonest
end
