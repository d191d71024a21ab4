#!lua
-- Sets how many jobs of the queue may be active at once.
-- KEYS pending    zset: id by priority and sequence
-- KEYS limited    zset: rate-limited jobs by kind and place
-- KEYS meta       hash: limits
-- KEYS wake       zset: the wake-up marker
-- ARGV most       jobs, "" for no limit
-- REPLY number    1
-- include lib/signal
if args.most == "" then
  redis.call("HDEL", keys.meta, "max_active")
else
  redis.call("HSET", keys.meta, "max_active", args.most)
end
if redis.call("ZCARD", keys.pending) + redis.call("ZCARD", keys.limited) > 0 then signal() end
return 1
