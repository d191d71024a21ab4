#!lua flags=allow-oom
-- Hands out workflows that somebody should look at, and to nobody else for a while.
-- KEYS looks   zset: workflow by when somebody should look at it, epoch ms
-- ARGV now     epoch ms; "" in production: the server's clock decides
-- ARGV limit   workflows at most
-- ARGV again   ms after which they are handed out again
-- REPLY list   ids
-- include lib/time
local now = clock(ARGV[1])
local ids = redis.call("ZRANGEBYSCORE", KEYS[1], "-inf", now, "LIMIT", 0, tonumber(ARGV[2]))
for _, id in ipairs(ids) do redis.call("ZADD", KEYS[1], now + tonumber(ARGV[3]), id) end
return ids
