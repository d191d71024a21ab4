#!lua
-- Stores jobs in order. One that exists, or whose unique key is held, is left out and reported, or takes the place of
-- the holder. When a worker waits in the producer's process and nothing else is to be done first, it is given the jobs
-- in the same step.
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
-- KEYS retry      zset: id by due time, epoch ms
-- KEYS active     zset: id by lease expiry, epoch ms
-- KEYS claims     hash: worker -> its last claim
-- KEYS workers    zset: worker by when it was last seen, epoch ms
-- KEYS wake       zset: the wake-up marker
-- ARGV now        epoch ms; "" in production: the server's clock decides
-- ARGV producer   who enqueues
-- ARGV number     of this request, growing per producer: one that was sent again is known
-- ARGV oldest     number of the oldest request of this producer that is not answered yet; older ones are not stored
-- ARGV claim      of a worker that waits in the same process: "<number>,<limit>,<lease in ms>,<worker>"; "" when none does,
--                 and unless the jobs are alike but for id and payload and come under no conditions
-- ARGV count      of jobs
-- ARGV ...jobs    the ids of all; then, for each row of jobs that are alike but for id and payload: how many they are, the
--                 record after its expiry up to its payload, and their payloads. Conditions come before the record: "?<visible>,<expires>,<how>,<unique>" LF; visible "" at once, "+ms"
--                 later, "@ms" at; expires "" never, or alike; how "" reject, "r" replace, then the window in ms if the
--                 key has one, or of a member of a workflow "b" and until when it is accepted, epoch ms, if there is an end to it; unique the key
-- REPLY text      when the claim was carried out, and brought all of these jobs and no others: "<next in ms or -1>,<first token>,<now>"
--       list      flat, only of jobs not stored as new: position from 1, then "same", "other", "late", or "key" or
--                 "replaced" and the holder's id ("" for the others)
-- No functions for what every call goes through, as in exchange.lua.
local find, byte, format, match = string.find, string.byte, string.format, string.match
local producer, number, oldest = args.producer, tonumber(args.number), tonumber(args.oldest)
local total, jobs_at = tonumber(args.count), 7
local now = tonumber(args.now)
if not now then
  local time = redis.call("TIME")
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end

-- Redis passes at most 8000 values to a command; more of them than these are split up.
local most_at_once = 3000

local function store_any(again, existing)
  -- include lib/time
  -- include lib/values
  -- include lib/signal
  -- include lib/record
  -- include lib/limits
  -- include lib/store
  local jobs = {}
  for i = 1, total do jobs[i] = ARGV[jobs_at + i - 1] end
  local row = jobs_at + total
  while row < #ARGV do
    local line, payloads_at = ARGV[row + 1], row + 2
    row = payloads_at + ARGV[row]
    for payload_at = payloads_at, row - 1 do
      jobs[#jobs + 1] = line
      jobs[#jobs + 1] = ARGV[payload_at]
    end
  end
  return store_jobs(now, jobs, 1, again, existing)
end

-- A producer is listed when it enqueues, but not more than once in this time.
local listed_millis = 60000

-- Whether this request was carried out before, and its reply was lost; or nobody waits for it any more. Requests may
-- overtake each other on their way, so the last number would not do: one below it may be new.
local listed, floor, numbers = match(redis.call("HGET", keys.requests, producer) or "", "^(%d+),(%d+):(.*)$")
-- none yet, or not of this make
listed, floor, numbers = listed or "0", tonumber(floor or "0"), numbers or ""
local again = number < floor or find("," .. numbers, "," .. args.number .. ",", 1, true) ~= nil
if not again then
  local from = 1
  for known, after in string.gmatch(numbers, "(%d+),()") do
    if tonumber(known) >= oldest then break end
    from = after
  end
  if math.abs(now - tonumber(listed)) >= listed_millis then
    listed = format("%d", now)
    redis.call("ZADD", keys.producers, listed, producer)
  end
  local since = format("%s,%d:", listed, math.max(floor, oldest))
  redis.call("HSET", keys.requests, producer, since .. string.sub(numbers, from) .. args.number .. ",")
end

if again or total < 1 or total > most_at_once then return store_any(again) end

-- Jobs whose ids are new are stored here, if all that may keep them away is a unique key that is held, or the end of a
-- member that was stored before; all others take more.
local existing, seen = redis.call("HMGET", keys.jobs, unpack(ARGV, jobs_at, jobs_at + total - 1)), {}
for i = 1, total do
  local id = ARGV[jobs_at + i - 1]
  if existing[i] or seen[id] then return store_any(again, existing) end
  seen[id] = true
end
-- of rows that come under conditions, if there are any: where their records begin, and what is to be looked at
local records_at, members, uniques, holders, taken
local row, position = jobs_at + total, jobs_at
while row < #ARGV do
  local line = ARGV[row + 1]
  -- a comma: no conditions
  if byte(line, 1) ~= 44 then
    local until_when, unique, line_at = match(line, "^%?,,b?(%d*),([^\n]*)\n()")
    if not records_at then records_at, members, uniques, holders, taken = {}, {}, {}, {}, {} end
    if not line_at or (until_when ~= "") == (unique ~= "") then return store_any(again, existing) end
    if unique == "" then
      if tonumber(until_when) <= now then return store_any(again, existing) end
      for at = position, position + ARGV[row] - 1 do members[#members + 1] = ARGV[at] end
    elseif ARGV[row] ~= "1" or taken[unique] then
      return store_any(again, existing)
    else
      taken[unique] = true
      uniques[#uniques + 1] = unique
      holders[#holders + 1] = unique
      holders[#holders + 1] = ARGV[position]
    end
    records_at[row] = line_at
  end
  position = position + ARGV[row]
  row = row + 2 + ARGV[row]
end
if records_at then
  local known = #members > 0 and redis.call("ZMSCORE", keys.members, unpack(members)) or {}
  local held = #uniques > 0 and redis.call("HMGET", keys.unique, unpack(uniques)) or {}
  for i = 1, math.max(#known, #held) do
    if known[i] or held[i] then return store_any(again, existing) end
  end
end
-- one command tells what four would, when a worker waits in an empty queue
local is_calm = args.claim ~= "" and redis.call("EXISTS", keys.limits, keys.pending, keys.scheduled, keys.retry, keys.active) == 0
if not is_calm and redis.call("HLEN", keys.limits) > 0 then return store_any(again, existing) end

if args.claim ~= "" then
  -- include lib/hand-over
end

local sequence = redis.call("HINCRBY", keys.meta, "sequence", args.count) - total
local since = "," .. format("%d", now) .. ","
local records, ready, stored = {}, {}, 0
row = jobs_at + total
while row < #ARGV do
  local line, payloads_at = ARGV[row + 1], row + 2
  if records_at and records_at[row] then line = string.sub(line, records_at[row]) end
  local priority, retain, held = match(line, "^,(%-?%d+),%d+,(%d+),[^,]*,(%a?)")
  local head, tail = (held == "s" and "5" or (held ~= "" or retain ~= "0") and "1" or "0") .. ",", since .. line
  local base = tonumber(priority) * 1099511627776
  row = payloads_at + ARGV[row]
  for payload_at = payloads_at, row - 1 do
    local id, place = ARGV[jobs_at + stored], sequence + stored + 1
    records[2 * stored + 1] = id
    records[2 * stored + 2] = head .. format("%d", place) .. tail .. ARGV[payload_at]
    ready[2 * stored + 1] = format("%d", base + place)
    ready[2 * stored + 2] = id
    stored = stored + 1
  end
end
redis.call("HSET", keys.jobs, unpack(records))
if holders and #holders > 0 then redis.call("HSET", keys.unique, unpack(holders)) end
redis.call("ZADD", keys.pending, unpack(ready))
redis.call("ZADD", keys.wake, 0, "1")
redis.call("HINCRBY", keys.meta, "enqueued", args.count)
return {}
