#!lua flags=allow-oom
-- Stops or resumes handing out jobs.
-- KEYS pending  zset: id by priority and sequence
-- KEYS limited  zset: rate-limited jobs by kind and place
-- KEYS meta     hash: pause
-- KEYS wake     zset: the wake-up marker
-- ARGV paused  1 to pause, 0 to resume
-- REPLY number  1 when that changed something, else 0
-- include lib/signal
local was = redis.call("HGET", keys.meta, "paused") or "0"
if args.paused == "1" then
  redis.call("HSET", keys.meta, "paused", "1")
else
  redis.call("HDEL", keys.meta, "paused")
  if redis.call("ZCARD", keys.pending) + redis.call("ZCARD", keys.limited) > 0 then signal() end
end
return was ~= args.paused and 1 or 0
