#!lua flags=no-writes
-- Reads the ids of the oldest dead letters.
-- KEYS dead    zset: id by time of death, epoch ms
-- ARGV skip    how many to leave out
-- ARGV most    how many to read
-- REPLY list   ids, oldest first
local skip = tonumber(args.skip)
return redis.call("ZRANGE", keys.dead, skip, skip + tonumber(args.most) - 1)
