#!lua flags=no-writes
-- Recounts a queue in one step, and looks for entries without a record.
-- KEYS jobs       hash: id -> record
-- KEYS pending    zset: id by priority and sequence
-- KEYS limited    zset: rate-limited jobs by kind and place
-- KEYS scheduled  zset: id by due time, epoch ms
-- KEYS retry      zset: id by due time, epoch ms
-- KEYS active     zset: id by lease expiry, epoch ms
-- KEYS completed  zset: id by end of retention, epoch ms
-- KEYS cancelled  zset: id by end of retention, epoch ms
-- KEYS dead       zset: id by time of death, epoch ms
-- KEYS meta       hash: counters
-- ARGV limit      entries to look at per state, at most
-- REPLY list      enqueued, removed, entries, records, entries looked at, then per entry without a record: state and id
-- include lib/time
-- include lib/values
-- include lib/record
local limit = tonumber(args.limit)
local names = { "pending", "pending", "scheduled", "retry", "active", "completed", "cancelled", "dead" }
local counters = redis.call("HMGET", keys.meta, "enqueued", "removed")
local reply = { counters[1] or "0", counters[2] or "0", 0, redis.call("HLEN", keys.jobs), 0 }
for i = 2, 9 do
  reply[3] = reply[3] + redis.call("ZCARD", KEYS[i])
  local ids = limit > 0 and redis.call("ZRANGE", KEYS[i], 0, limit - 1) or {}
  -- members of limited are "<kind>,<place>,<id>"
  if i == 3 then
    for j, member in ipairs(ids) do ids[j] = string.match(member, "^[^,]*,[^,]*,(.*)$") or member end
  end
  reply[5] = reply[5] + #ids
  local records = read_fields(keys.jobs, ids)
  for j, id in ipairs(ids) do
    if not records[j] then
      reply[#reply + 1] = names[i - 1]
      reply[#reply + 1] = id
    end
  end
end
return reply
