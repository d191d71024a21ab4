#!lua flags=allow-oom
-- Stops or resumes handing out jobs.
-- KEYS pending  zset: id by priority and sequence
-- KEYS limited  zset: rate-limited jobs by kind and place
-- KEYS meta     hash: pause
-- KEYS wake     zset: the wake-up marker
-- ARGV paused  1 to pause, 0 to resume
-- REPLY number  1 when that changed something, else 0
-- include lib/signal
local keys = { pending = KEYS[1], limited = KEYS[2], meta = KEYS[3], wake = KEYS[4] }
local was = redis.call("HGET", keys.meta, "paused") or "0"
if ARGV[1] == "1" then
  redis.call("HSET", keys.meta, "paused", "1")
else
  redis.call("HDEL", keys.meta, "paused")
  if redis.call("ZCARD", keys.pending) + redis.call("ZCARD", keys.limited) > 0 then signal(keys) end
end
return was ~= ARGV[1] and 1 or 0
