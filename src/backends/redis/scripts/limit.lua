#!lua
-- Sets how many jobs of the queue may be active at once.
-- KEYS pending    zset: id by priority and sequence
-- KEYS meta       hash: limits
-- KEYS wake       zset: the wake-up marker
-- ARGV most       jobs, "" for no limit
-- REPLY number    1
-- include lib/signal
local keys = { pending = KEYS[1], meta = KEYS[2], wake = KEYS[3] }
if ARGV[1] == "" then
  redis.call("HDEL", keys.meta, "max_active")
else
  redis.call("HSET", keys.meta, "max_active", ARGV[1])
end
if redis.call("ZCARD", keys.pending) > 0 then signal(keys) end
return 1
