#!lua flags=no-writes
-- Reads a queue's depths, counters and pause in one step.
-- KEYS pending    zset: id by priority and sequence
-- KEYS scheduled  zset: id by due time, epoch ms
-- KEYS retry      zset: id by due time, epoch ms
-- KEYS active     zset: id by lease expiry, epoch ms
-- KEYS completed  zset: id by end of retention, epoch ms
-- KEYS cancelled  zset: id by end of retention, epoch ms
-- KEYS dead       zset: id by time of death, epoch ms
-- KEYS limited    zset: rate-limited jobs by kind and place
-- KEYS meta       hash: counters, pause
-- ARGV ...names   of the fields of meta to read
-- REPLY list      the seven depths, then the values of the fields
local reply = {}
for i = 1, 7 do reply[i] = redis.call("ZCARD", KEYS[i]) end
-- rate-limited jobs are pending like others
reply[1] = reply[1] + redis.call("ZCARD", keys.limited)
for _, value in ipairs(redis.call("HMGET", keys.meta, unpack(ARGV))) do
  reply[#reply + 1] = value or ""
end
return reply
