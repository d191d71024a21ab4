#!lua flags=allow-oom
-- Takes back jobs whose lease is over.
-- KEYS runs     hash: id -> run
-- KEYS pending  zset: id by priority and sequence
-- KEYS active   zset: id by lease expiry, epoch ms
-- KEYS dead     zset: id by time of death, epoch ms
-- KEYS ledger   hash: id -> failures, a line each
-- KEYS unique   hash: unique key -> id of the holder
-- KEYS meta     hash: counters
-- KEYS wake     zset: the wake-up marker
-- ARGV now     epoch ms; "" in production: the server's clock decides
-- ARGV limit   jobs to take back at most
-- REPLY list   ids put back, ids buried
-- include lib/time
-- include lib/record
-- include lib/moves
-- include lib/rescue
-- include lib/signal
local keys = {
  runs = KEYS[1], pending = KEYS[2], active = KEYS[3], dead = KEYS[4],
  ledger = KEYS[5], unique = KEYS[6], meta = KEYS[7], wake = KEYS[8]
}
local rescued, buried = rescue(keys, tonumber(ARGV[2]), clock(ARGV[1]))
if #rescued > 0 then signal(keys) end
return { rescued, buried }
