#!lua flags=allow-oom
-- Hands out workflows that somebody should look at, and to nobody else for a while.
-- KEYS looks   zset: workflow by when somebody should look at it, epoch ms
-- ARGV now     epoch ms; "" in production: the server's clock decides
-- ARGV limit   workflows at most
-- ARGV again   ms after which they are handed out again
-- REPLY list   ids
-- include lib/time
local now = clock(args.now)
local ids = redis.call("ZRANGEBYSCORE", keys.looks, "-inf", now, "LIMIT", 0, tonumber(args.limit))
for _, id in ipairs(ids) do redis.call("ZADD", keys.looks, now + tonumber(args.again), id) end
return ids
