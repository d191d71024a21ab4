#!lua flags=no-writes
-- Names workflows whose retention is over.
-- KEYS expiry  zset: workflow by the end of its retention, epoch ms
-- ARGV now     epoch ms; "" in production: the server's clock decides
-- ARGV limit   workflows at most
-- REPLY list   ids
-- include lib/time
return redis.call("ZRANGEBYSCORE", keys.expiry, "-inf", clock(args.now), "LIMIT", 0, tonumber(args.limit))
