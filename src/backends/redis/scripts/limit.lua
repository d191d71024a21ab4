#!lua
-- Sets how many jobs of the queue may be active at once.
-- KEYS pending    zset: id by priority and sequence
-- KEYS limited    zset: rate-limited jobs by kind and place
-- KEYS meta       hash: limits
-- KEYS wake       zset: the wake-up marker
-- ARGV most       jobs, "" for no limit
-- REPLY number    1
-- include lib/signal
local keys = { pending = KEYS[1], limited = KEYS[2], meta = KEYS[3], wake = KEYS[4] }
if ARGV[1] == "" then
  redis.call("HDEL", keys.meta, "max_active")
else
  redis.call("HSET", keys.meta, "max_active", ARGV[1])
end
if redis.call("ZCARD", keys.pending) + redis.call("ZCARD", keys.limited) > 0 then signal(keys) end
return 1
