#!lua flags=allow-oom
-- Removes a schedule. Its jobs stay.
-- KEYS schedules  hash: name -> schedule
-- KEYS ticks      zset: schedule by its next tick, epoch ms
-- ARGV name       of the schedule
-- REPLY 1         removed
-- REPLY 0         it was not there
redis.call("ZREM", keys.ticks, args.name)
return redis.call("HDEL", keys.schedules, args.name)
