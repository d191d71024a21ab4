#!lua flags=allow-oom
-- Removes records of jobs that have ended.
-- KEYS jobs       hash: id -> record
-- KEYS runs       hash: id -> run
-- KEYS completed  zset: id by end of retention, epoch ms
-- KEYS cancelled  zset: id by end of retention, epoch ms
-- KEYS dead       zset: id by time of death, epoch ms
-- KEYS ledger     hash: id -> failures, a line each
-- KEYS result     hash: id -> encoded success or failure
-- KEYS progress   hash: id -> encoded progress
-- KEYS logs       hash: id -> log lines
-- KEYS meta       hash: counters
-- ARGV ...ids     the jobs
-- REPLY number    of records removed
-- include lib/time
-- include lib/values
-- include lib/record
-- include lib/moves
local removed = 0
for _, id in ipairs(ARGV) do
  for _, index in ipairs({ keys.completed, keys.cancelled, keys.dead }) do
    if redis.call("ZSCORE", index, id) then
      remove(index, id)
      removed = removed + 1
      break
    end
  end
end
count(keys.meta, "removed", removed)
return removed
