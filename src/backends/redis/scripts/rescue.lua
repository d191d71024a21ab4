#!lua flags=allow-oom
-- Takes back jobs whose lease is over.
-- KEYS jobs       hash: id -> record
-- KEYS runs       hash: id -> run
-- KEYS pending    zset: id by priority and sequence
-- KEYS active     zset: id by lease expiry, epoch ms
-- KEYS cancelled  zset: id by end of retention, epoch ms
-- KEYS dead       zset: id by time of death, epoch ms
-- KEYS ledger     hash: id -> failures, a line each
-- KEYS result     hash: id -> encoded success or failure
-- KEYS cancels    hash: id -> why its holder is asked to stop, a JSON string
-- KEYS progress   hash: id -> encoded progress
-- KEYS logs       hash: id -> log lines
-- KEYS watchers   hash: id -> who wants to know of its end
-- KEYS unique     hash: unique key -> id of the holder
-- KEYS meta       hash: counters
-- KEYS outbox     zset: member of a workflow by when its ending is handed out next, epoch ms
-- KEYS endings    hash: id -> sequence, place in its workflow, LF how it ended
-- KEYS members    zset: member of a workflow by when it ended, epoch ms
-- KEYS wake       zset: the wake-up marker
-- ARGV now        epoch ms; "" in production: the server's clock decides
-- ARGV notices    prefix of the channels of notices
-- ARGV limit      jobs to take back at most
-- REPLY list      ids put back, ids buried
-- include lib/time
-- include lib/values
-- include lib/record
-- include lib/moves
-- include lib/rescue
-- include lib/signal
local rescued, buried = rescue(tonumber(args.limit), clock(args.now))
if #rescued > 0 then signal() end
return { rescued, buried }
