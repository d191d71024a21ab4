#!lua flags=no-writes
-- Reads one schedule.
-- KEYS schedules  hash: name -> schedule
-- ARGV now        epoch ms; "" in production: the server's clock decides
-- ARGV name       of the schedule
-- REPLY list      now, record ("" when there is none)
-- include lib/time
return { exact(clock(ARGV[1])), redis.call("HGET", KEYS[1], ARGV[2]) or "" }
