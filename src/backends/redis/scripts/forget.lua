#!lua flags=allow-oom
-- Takes a worker that has ended off the list. A signal may have gone with it, and it alone may have known when something is
-- due, so another one is sent looking.
-- KEYS pending    zset: id by priority and sequence
-- KEYS limited    zset: rate-limited jobs by kind and place
-- KEYS scheduled  zset: id by due time, epoch ms
-- KEYS retry      zset: id by due time, epoch ms
-- KEYS claims     hash: worker -> its last claim
-- KEYS workers    zset: worker by when it was last seen, epoch ms
-- KEYS about      hash: worker -> what it says of itself
-- KEYS wake       zset: the wake-up marker
-- ARGV worker     who has ended
-- REPLY number    1 when it was listed, else 0
-- include lib/signal
redis.call("HDEL", keys.claims, args.worker)
redis.call("HDEL", keys.about, args.worker)
if redis.call("EXISTS", keys.pending, keys.limited, keys.scheduled, keys.retry) > 0 then signal() end
return redis.call("ZREM", keys.workers, args.worker)
