#!lua
-- Stores jobs in order. One that exists, or whose unique key is held, is left out and reported, or takes the place of
-- the holder.
-- KEYS jobs       hash: id -> record
-- KEYS runs       hash: id -> run
-- KEYS pending    zset: id by priority and sequence
-- KEYS limited    zset: rate-limited jobs by kind and place
-- KEYS limits     hash: kind -> rate limit
-- KEYS scheduled  zset: id by due time, epoch ms
-- KEYS unique     hash: unique key -> id of the holder
-- KEYS windows    zset: unique key by when it is free again, epoch ms
-- KEYS meta       hash: counters
-- KEYS requests   hash: producer -> "<when it was listed>,<oldest>:<number>,<number>,": requests carried out, as far as they may be sent again
-- KEYS producers  zset: producer by when it was last seen, epoch ms
-- KEYS members    zset: member of a workflow by when it ended, epoch ms
-- KEYS wake       zset: the wake-up marker
-- ARGV now        epoch ms; "" in production: the server's clock decides
-- ARGV producer   who enqueues
-- ARGV number     of this request, growing per producer: one that was sent again is known
-- ARGV oldest     number of the oldest request of this producer that is not answered yet; older ones are not stored
-- ARGV ...jobs    the ids of all; then two values per job: the record after its expiry up to its payload, and the payload.
--                 Conditions come before the record: "?<visible>,<expires>,<how>,<unique>" LF; visible "" at once, "+ms"
--                 later, "@ms" at; expires "" never, or alike; how "" reject, "r" replace, then the window in ms if the
--                 key has one, or of a member of a workflow "b" and until when it is accepted, epoch ms; unique the key
-- REPLY list      flat, only of jobs not stored as new: position from 1, then "same", "other", "late", or "key" or
--                 "replaced" and the holder's id ("" for the others)
-- include lib/time
-- include lib/values
-- include lib/signal
local keys = {
  jobs = KEYS[1], runs = KEYS[2], pending = KEYS[3], limited = KEYS[4], limits = KEYS[5], scheduled = KEYS[6],
  unique = KEYS[7], windows = KEYS[8], meta = KEYS[9], requests = KEYS[10],
  producers = KEYS[11], members = KEYS[12], wake = KEYS[13]
}
local now = clock(ARGV[1])
local producer, number, oldest = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local jobs_at = 5

-- A producer is listed when it enqueues, but not more than once in this time.
local listed_millis = 60000

-- Requests may overtake each other on their way, so the last number would not do: one below it may be new.
local function is_known()
  local listed, floor, numbers = string.match(redis.call("HGET", keys.requests, producer) or "", "^(%d+),(%d+):(.*)$")
  -- none yet, or not of this make
  listed, floor, numbers = listed or "0", tonumber(floor or "0"), numbers or ""
  if number < floor or string.find("," .. numbers, "," .. ARGV[3] .. ",", 1, true) then return true end
  local from = 1
  for known, after in string.gmatch(numbers, "(%d+),()") do
    if tonumber(known) >= oldest then break end
    from = after
  end
  if math.abs(now - tonumber(listed)) >= listed_millis then
    listed = exact(now)
    redis.call("ZADD", keys.producers, listed, producer)
  end
  redis.call("HSET", keys.requests, producer,
    listed .. "," .. exact(math.max(floor, oldest)) .. ":" .. string.sub(numbers, from) .. ARGV[3] .. ",")
  return false
end

-- Stores jobs without conditions, whose ids are new; answers false, and does nothing, unless all are such. What else there
-- is takes many functions, and making these would cost more than storing a job.
local function store_plain(total, existing)
  local rest = jobs_at + total
  local seen = {}
  for i = 1, total do
    local id = ARGV[jobs_at + i - 1]
    -- a comma: no conditions
    if existing[i] or seen[id] or string.byte(ARGV[rest + 2 * i - 2], 1) ~= 44 then return false end
    seen[id] = true
  end
  if redis.call("HLEN", keys.limits) > 0 then return false end

  local sequence = redis.call("HINCRBY", keys.meta, "sequence", exact(total)) - total
  local since = "," .. exact(now) .. ","
  local records, ready = {}, {}
  local line, flag, base
  for i = 1, total do
    local id, text = ARGV[jobs_at + i - 1], ARGV[rest]
    if text ~= line then
      -- neighbours are mostly alike
      local priority, retain, held = string.match(text, "^,(%-?%d+),%d+,(%d+),[^,]*,(%a?)")
      line, flag, base = text, (held ~= "" or retain ~= "0") and "1" or "0", tonumber(priority) * 1099511627776
    end
    local place = sequence + i
    records[2 * i - 1] = id
    records[2 * i] = flag .. "," .. exact(place) .. since .. text .. ARGV[rest + 1]
    ready[2 * i - 1] = exact(base + place)
    ready[2 * i] = id
    rest = rest + 2
  end
  spread("HSET", keys.jobs, records)
  spread("ZADD", keys.pending, ready)
  signal(keys)
  count(keys.meta, "enqueued", total)
  return true
end

local function store_any(again, existing)
  -- include lib/record
  -- include lib/limits
  -- include lib/store
  return store_jobs(keys, now, ARGV, jobs_at, again, existing)
end

-- This request was carried out before, and its reply was lost; or nobody waits for it any more.
local again = is_known()
local total = (#ARGV - jobs_at + 1) / 3
local existing = read_range(keys.jobs, ARGV, jobs_at, jobs_at + total - 1)
if not again and store_plain(total, existing) then return {} end
return store_any(again, existing)
