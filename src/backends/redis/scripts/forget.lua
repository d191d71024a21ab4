#!lua flags=allow-oom
-- Takes a worker that has ended off the list.
-- KEYS claims     hash: worker -> its last claim
-- KEYS workers    zset: worker by when it was last seen, epoch ms
-- KEYS about      hash: worker -> what it says of itself
-- ARGV worker     who has ended
-- REPLY number    1 when it was listed, else 0
redis.call("HDEL", KEYS[1], ARGV[1])
redis.call("HDEL", KEYS[3], ARGV[1])
return redis.call("ZREM", KEYS[2], ARGV[1])
