#!lua flags=no-writes
-- Reads one schedule.
-- KEYS schedules  hash: name -> schedule
-- ARGV now        epoch ms; "" in production: the server's clock decides
-- ARGV name       of the schedule
-- REPLY list      now, record ("" when there is none)
-- include lib/time
return { exact(clock(args.now)), redis.call("HGET", keys.schedules, args.name) or "" }
