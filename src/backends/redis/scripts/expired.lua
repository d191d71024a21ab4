#!lua flags=no-writes
-- Names workflows whose retention is over.
-- KEYS expiry  zset: workflow by the end of its retention, epoch ms
-- ARGV now     epoch ms; "" in production: the server's clock decides
-- ARGV limit   workflows at most
-- REPLY list   ids
-- include lib/time
return redis.call("ZRANGEBYSCORE", KEYS[1], "-inf", clock(ARGV[1]), "LIMIT", 0, tonumber(ARGV[2]))
