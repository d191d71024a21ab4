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
local keys = {
  jobs = KEYS[1], runs = KEYS[2], completed = KEYS[3], cancelled = KEYS[4], dead = KEYS[5], ledger = KEYS[6],
  result = KEYS[7], progress = KEYS[8], logs = KEYS[9], meta = KEYS[10]
}
local removed = 0
for _, id in ipairs(ARGV) do
  for _, index in ipairs({ keys.completed, keys.cancelled, keys.dead }) do
    if redis.call("ZSCORE", index, id) then
      remove(keys, index, id)
      removed = removed + 1
      break
    end
  end
end
count(keys.meta, "removed", removed)
return removed
