#!lua
-- Sets or lifts the rate limit of a kind.
-- KEYS limited  zset: rate-limited jobs by kind and place
-- KEYS limits   hash: kind -> rate limit
-- KEYS buckets  hash: kind -> tokens
-- KEYS wake     zset: the wake-up marker
-- ARGV now      epoch ms; "" in production: the server's clock decides
-- ARGV kind     the kind
-- ARGV limit    "<limit>,<per ms>,<burst>", "" to lift
-- REPLY number  1
-- include lib/time
-- include lib/limits
-- include lib/signal
local now, kind, limit = clock(args.now), args.kind, args.limit
if limit == "" then
  redis.call("HDEL", keys.buckets, kind)
  local first, last = of_kind(kind)
  if #redis.call("ZRANGEBYLEX", keys.limited, first, last, "LIMIT", 0, 1) == 0 then
    redis.call("HDEL", keys.limits, kind)
  else
    redis.call("HSET", keys.limits, kind, "0,0,0")
  end
else
  -- what has been gained so far was gained at the old rate
  local old = read_limits()[kind]
  if old and old.limit > 0 then
    redis.call("HSET", keys.buckets, kind, string.format("%.17g", tokens_of(kind, old, now)) .. "," .. exact(now))
  end
  redis.call("HSET", keys.limits, kind, limit)
end
if redis.call("ZCARD", keys.limited) > 0 then signal() end
return 1
