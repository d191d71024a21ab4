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
local keys = {
  jobs = KEYS[1], runs = KEYS[2], pending = KEYS[3], active = KEYS[4], cancelled = KEYS[5], dead = KEYS[6],
  ledger = KEYS[7], result = KEYS[8], cancels = KEYS[9], progress = KEYS[10], logs = KEYS[11], watchers = KEYS[12],
  unique = KEYS[13], meta = KEYS[14], outbox = KEYS[15], endings = KEYS[16], members = KEYS[17], wake = KEYS[18],
  notices = ARGV[2]
}
local rescued, buried = rescue(keys, tonumber(ARGV[3]), clock(ARGV[1]))
if #rescued > 0 then signal(keys) end
return { rescued, buried }
