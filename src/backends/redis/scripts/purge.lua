#!lua flags=allow-oom
-- Removes dead jobs.
-- KEYS jobs      hash: id -> record
-- KEYS runs      hash: id -> run
-- KEYS dead      zset: id by time of death, epoch ms
-- KEYS ledger    hash: id -> failures, a line each
-- KEYS result    hash: id -> encoded success or failure
-- KEYS progress  hash: id -> encoded progress
-- KEYS logs      hash: id -> log lines
-- KEYS meta      hash: counters
-- ARGV ...ids    the jobs
-- REPLY number  of jobs removed
-- include lib/time
-- include lib/values
-- include lib/record
-- include lib/moves
local purged = 0
for _, id in ipairs(ARGV) do
  if redis.call("ZSCORE", keys.dead, id) then
    remove(keys.dead, id)
    purged = purged + 1
  end
end
count(keys.meta, "removed", purged)
return purged
