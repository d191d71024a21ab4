#!lua flags=no-writes
-- Reads the rate limits of a queue.
-- KEYS limits  hash: kind -> rate limit
-- REPLY list   flat: kind, "<limit>,<per ms>,<burst>"
return redis.call("HGETALL", keys.limits)
