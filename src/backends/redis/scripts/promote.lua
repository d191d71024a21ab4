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
local promoted = promote(tonumber(args.limit), clock(args.now))
if promoted > 0 then signal() end
return promoted
