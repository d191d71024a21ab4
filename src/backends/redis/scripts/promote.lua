#!lua flags=allow-oom
-- Makes due jobs visible.
-- KEYS jobs       hash: id -> record
-- KEYS pending    zset: id by priority and sequence
-- KEYS scheduled  zset: id by due time, epoch ms
-- KEYS retry      zset: id by due time, epoch ms
-- KEYS meta       hash: counters
-- KEYS wake       zset: the wake-up marker
-- ARGV now        epoch ms; "" in production: the server's clock decides
-- ARGV limit      jobs to move at most
-- REPLY number    of jobs moved
-- include lib/time
-- include lib/values
-- include lib/record
-- include lib/promote
-- include lib/signal
local keys = { jobs = KEYS[1], pending = KEYS[2], scheduled = KEYS[3], retry = KEYS[4], meta = KEYS[5], wake = KEYS[6] }
local promoted = promote(keys, tonumber(ARGV[2]), clock(ARGV[1]))
if promoted > 0 then signal(keys) end
return promoted
