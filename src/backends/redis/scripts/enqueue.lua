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
-- KEYS requests   hash: producer -> its last request
-- KEYS producers  zset: producer by when it was last seen, epoch ms
-- KEYS members    zset: member of a workflow by when it ended, epoch ms
-- KEYS wake       zset: the wake-up marker
-- ARGV now        epoch ms; "" in production: the server's clock decides
-- ARGV producer   who enqueues
-- ARGV number     of this request, growing per producer: one that was sent again is known
-- ARGV ...jobs    seven values per job: id, visible ("" at once, "+ms" later, "@ms" at), expires ("" never, or alike),
--                 priority, unique key, how ("" reject, "r" replace, then the window in ms if it has one; of a member of
--                 a workflow "b" and until when it is accepted, epoch ms), record after its expiry
-- REPLY list      flat, only of jobs not stored as new: position from 1, then "same", "other", "late", or "key" or
--                 "replaced" and the holder's id ("" for the others)
-- include lib/time
-- include lib/record
-- include lib/signal
-- include lib/limits
local keys = {
  jobs = KEYS[1], runs = KEYS[2], pending = KEYS[3], limited = KEYS[4], limits = KEYS[5], scheduled = KEYS[6],
  unique = KEYS[7], windows = KEYS[8], meta = KEYS[9], requests = KEYS[10],
  producers = KEYS[11], members = KEYS[12], wake = KEYS[13]
}
local now = clock(ARGV[1])
local producer, number = ARGV[2], tonumber(ARGV[3])
local total = (#ARGV - 3) / 7

local ids = {}
for i = 1, total do ids[i] = ARGV[7 * i - 3] end
local existing = read_fields(keys.jobs, ids)
-- This request was carried out before, and its reply was lost. What is not stored any more has ended since.
local again = number <= tonumber(redis.call("HGET", keys.requests, producer) or "0")
if not again then redis.call("HSET", keys.requests, producer, exact(number)) end
redis.call("ZADD", keys.producers, now, producer)

local sequence = redis.call("HINCRBY", keys.meta, "sequence", total) - total
local head = redis.call("ZRANGE", keys.scheduled, 0, 0, "WITHSCORES")[2]

local limits = redis.call("HLEN", keys.limits) > 0 and read_limits(keys) or {}

local reply, records, ready, limited, scheduled = {}, {}, {}, {}, {}
local seen, taken = {}, {}
local soonest, stored, wakes = math.huge, 0, false

local function report(position, what, holder)
  reply[#reply + 1] = position
  reply[#reply + 1] = what
  reply[#reply + 1] = holder
end

local function instant(text)
  if text == "" then return nil end
  local millis = tonumber(string.sub(text, 2))
  return string.sub(text, 1, 1) == "+" and now + millis or millis
end

-- Headers tell of the call, a trace for one, and do not make it another job.
local function is_same(stored_record, rest)
  local line, payload = string.match(stored_record, "^%d,%d+,%d+,%d*(,[^\n]*)\n[^\n]*\n(.*)$")
  local new_line, new_payload = string.match(rest, "^([^\n]*)\n[^\n]*\n(.*)$")
  local function plain(text) return (string.gsub(text, "^(,%-?%d+,%d+,%d+,[^,]*,)%a:", "%1")) end
  return plain(line) == plain(new_line) and payload == new_payload
end

local function record_of(place, enqueued, expires, rest)
  local expiry = instant(expires)
  local held = string.match(rest, "^,%-?%d+,%d+,%d+,[^,]*,(%a?)")
  local minds = held ~= "" or string.match(rest, "^,%-?%d+,%d+,0,") == nil
  local flag = (minds and 1 or 0) + (expiry and 2 or 0) + (held == "s" and 4 or 0)
  return flag .. "," .. place .. "," .. enqueued .. "," .. (expiry or "") .. rest
end

local function stand(id, place, priority, visible, rest)
  local due = instant(visible) or now
  if due > now then
    scheduled[#scheduled + 1] = due
    scheduled[#scheduled + 1] = id
    if due < soonest then soonest = due end
    return
  end
  local score = tonumber(priority) * 1099511627776 + place
  local kind = string.match(rest, "^,%-?%d+,%d+,%d+,([^,]*),")
  if limits[kind] then
    limited[#limited + 1] = 0
    limited[#limited + 1] = limited_member(kind, score, id)
  else
    ready[#ready + 1] = score
    ready[#ready + 1] = id
  end
end

local function flush()
  spread("HSET", keys.jobs, records)
  spread("ZADD", keys.pending, ready)
  spread("ZADD", keys.limited, limited)
  spread("ZADD", keys.scheduled, scheduled)
  wakes = wakes or #ready > 0 or #limited > 0
  records, ready, limited, scheduled = {}, {}, {}, {}
end

local function holder_of(unique)
  local holder = taken[unique] or redis.call("HGET", keys.unique, unique)
  if not holder then return nil end
  local free_at = redis.call("ZSCORE", keys.windows, unique)
  if free_at and tonumber(free_at) <= now then return nil end
  return holder
end

local function hold(unique, id, window)
  taken[unique] = id
  redis.call("HSET", keys.unique, unique, id)
  if window then
    redis.call("ZADD", keys.windows, now + tonumber(window), unique)
  else
    redis.call("ZREM", keys.windows, unique)
  end
end

-- Makes a waiting job another one, under the same id and in the same place; answers whether it waits.
local function replace(id, unique, expires, priority, visible, rest)
  flush()
  local old = redis.call("HGET", keys.jobs, id)
  if not old or parse_run("w0,0,0,0,0,,,,," .. string.match(old, "^%d,([^\n]*)")).unique ~= unique then return false end
  if redis.call("ZREM", keys.scheduled, id) == 0 and not leave_waiting(keys, id, old) then return false end
  local place, enqueued = string.match(old, "^%d,(%d+),(%d+),")
  local record = record_of(place, enqueued, expires, rest)
  redis.call("HSET", keys.jobs, id, record)
  seen[id] = record
  local text = redis.call("HGET", keys.runs, id)
  if text then
    local run = parse_run(text)
    run.flag, run.tail = string.match(record, "^(%d),([^\n]*)")
    mind(run)
    redis.call("HSET", keys.runs, id, format_run(run))
  end
  stand(id, tonumber(place), priority, visible, rest)
  return true
end

for i = 1, total do
  local at = 7 * i - 3
  local id, visible, expires = ARGV[at], ARGV[at + 1], ARGV[at + 2]
  local priority, unique, how, rest = ARGV[at + 3], ARGV[at + 4], ARGV[at + 5], ARGV[at + 6]
  local stored_record = seen[id] or existing[i]
  local holder = not stored_record and unique ~= "" and holder_of(unique) or nil
  local replaces, window = string.match(how, "^(r?)(%d*)$")
  if window == "" then window = nil end
  local before = string.match(how, "^b(%d+)$")
  if stored_record then
    report(i, is_same(stored_record, rest) and "same" or "other", "")
  elseif before and redis.call("ZSCORE", keys.members, id) then
    report(i, "same", "")
  elseif before and (again or tonumber(before) <= now) then
    -- one that was accepted has left a trace
    report(i, "late", "")
  elseif again then
    -- accepted then
  elseif holder and replaces == "r" and replace(holder, unique, expires, priority, visible, rest) then
    hold(unique, holder, window)
    report(i, "replaced", holder)
  elseif holder then
    report(i, "key", holder)
  else
    local place = sequence + i
    local record = record_of(place, now, expires, rest)
    records[#records + 1] = id
    records[#records + 1] = record
    seen[id] = record
    stored = stored + 1
    if unique ~= "" then hold(unique, id, window) end
    stand(id, place, priority, visible, rest)
  end
end

flush()
-- whoever waits must learn of a job that is due before all others
if wakes or soonest < (tonumber(head) or math.huge) then signal(keys) end
count(keys.meta, "enqueued", stored)
count(keys.meta, "duplicates", #reply / 3)
return reply
