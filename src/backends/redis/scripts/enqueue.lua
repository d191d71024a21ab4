#!lua
-- Stores jobs in order. One that exists, or whose unique key is held, is left out and reported.
-- KEYS jobs       hash: id -> record
-- KEYS pending    zset: id by priority and sequence
-- KEYS scheduled  zset: id by due time, epoch ms
-- KEYS unique     hash: unique key -> id of the holder
-- KEYS meta       hash: counters
-- KEYS wake       zset: the wake-up marker
-- ARGV now        epoch ms; "" in production: the server's clock decides
-- ARGV ...jobs    six values per job: id, visible ("" at once, "+ms" later, "@ms" at), expires ("" never, or alike), priority,
--                 unique key, record after its expiry
-- REPLY list      flat, only of jobs left out: position from 1, then "same", "other", or "key" and the holder's id ("" for the others)
-- include lib/time
-- include lib/record
-- include lib/signal
local keys = { jobs = KEYS[1], pending = KEYS[2], scheduled = KEYS[3], unique = KEYS[4], meta = KEYS[5], wake = KEYS[6] }
local now = clock(ARGV[1])
local total = (#ARGV - 1) / 6

local ids = {}
for i = 1, total do ids[i] = ARGV[6 * i - 4] end
local existing = read_fields(keys.jobs, ids)
local sequence = redis.call("HINCRBY", keys.meta, "sequence", total) - total

local left_out, records, ready, scheduled = {}, {}, {}, {}
local seen, taken, soonest = {}, {}, math.huge

local function leave_out(position, why, holder)
  left_out[#left_out + 1] = position
  left_out[#left_out + 1] = why
  left_out[#left_out + 1] = holder
end

local function instant(text)
  if text == "" then return nil end
  local millis = tonumber(string.sub(text, 2))
  return string.sub(text, 1, 1) == "+" and now + millis or millis
end

-- Headers tell of the call, a trace for one, and do not make it another job.
local function is_same(stored, rest)
  local line, payload = string.match(stored, "^%d,%d+,%d+,%d*(,[^\n]*)\n[^\n]*\n(.*)$")
  local new_line, new_payload = string.match(rest, "^([^\n]*)\n[^\n]*\n(.*)$")
  return line == new_line and payload == new_payload
end

for i = 1, total do
  local at = 6 * i - 4
  local id, visible, expires = ARGV[at], ARGV[at + 1], ARGV[at + 2]
  local priority, unique, rest = ARGV[at + 3], ARGV[at + 4], ARGV[at + 5]
  local stored = existing[i] or seen[id]
  local holder = not stored and unique ~= "" and (taken[unique] or redis.call("HGET", keys.unique, unique)) or nil
  if stored then
    leave_out(i, is_same(stored, rest) and "same" or "other", "")
  elseif holder then
    leave_out(i, "key", holder)
  else
    local place = sequence + i
    local plain = unique == "" and string.match(rest, "^,%-?%d+,%d+,0,") ~= nil
    local expiry = instant(expires)
    local flag = (plain and 0 or 1) + (expiry and 2 or 0)
    local record = flag .. "," .. place .. "," .. now .. "," .. (expiry or "") .. rest
    records[#records + 1] = id
    records[#records + 1] = record
    seen[id] = record
    if unique ~= "" then
      taken[unique] = id
      redis.call("HSET", keys.unique, unique, id)
    end
    local due = instant(visible) or now
    if due > now then
      scheduled[#scheduled + 1] = due
      scheduled[#scheduled + 1] = id
      if due < soonest then soonest = due end
    else
      ready[#ready + 1] = tonumber(priority) * 1099511627776 + place
      ready[#ready + 1] = id
    end
  end
end

spread("HSET", keys.jobs, records)
spread("ZADD", keys.pending, ready)
local wakes = #ready > 0
if #scheduled > 0 then
  local head = redis.call("ZRANGE", keys.scheduled, 0, 0, "WITHSCORES")
  -- whoever waits must learn of a job that is due before all others
  wakes = wakes or #head == 0 or soonest < tonumber(head[2])
  spread("ZADD", keys.scheduled, scheduled)
end
if wakes then signal(keys) end
count(keys.meta, "enqueued", #records / 2)
count(keys.meta, "duplicates", #left_out / 3)
return left_out
