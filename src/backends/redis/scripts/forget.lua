#!lua flags=allow-oom
-- Takes a worker that has ended off the list.
-- KEYS claims     hash: worker -> its last claim
-- KEYS workers    zset: worker by when it was last seen, epoch ms
-- KEYS about      hash: worker -> what it says of itself
-- ARGV worker     who has ended
-- REPLY number    1 when it was listed, else 0
redis.call("HDEL", keys.claims, args.worker)
redis.call("HDEL", keys.about, args.worker)
return redis.call("ZREM", keys.workers, args.worker)
