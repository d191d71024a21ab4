#!lua flags=no-writes
-- Reads one job. Its state is the index it stands in.
-- KEYS jobs       hash: id -> record
-- KEYS runs       hash: id -> run
-- KEYS ledger     hash: id -> failures, a line each
-- KEYS result     hash: id -> encoded success or failure
-- KEYS cancels    hash: id -> why its holder is asked to stop, a JSON string
-- KEYS progress   hash: id -> encoded progress
-- KEYS limited    zset: rate-limited jobs by kind and place
-- KEYS pending    zset: id by priority and sequence
-- KEYS scheduled  zset: id by due time, epoch ms
-- KEYS retry      zset: id by due time, epoch ms
-- KEYS active     zset: id by lease expiry, epoch ms
-- KEYS completed  zset: id by end of retention, epoch ms
-- KEYS cancelled  zset: id by end of retention, epoch ms
-- KEYS dead       zset: id by time of death, epoch ms
-- ARGV id         the job
-- REPLY list      the job, or empty
-- include lib/time
-- include lib/read
-- include lib/limits
local states = { "pending", "scheduled", "retry", "active", "completed", "cancelled", "dead" }
local id = args.id
local record = redis.call("HGET", keys.jobs, id)
if not record then return {} end
local kind, place = kind_and_score(record)
if kind and redis.call("ZSCORE", keys.limited, limited_member(kind, place, id)) then
  return read_job(id, "pending", exact(place), record)
end
for i, state in ipairs(states) do
  local score = redis.call("ZSCORE", KEYS[7 + i], id)
  if score then return read_job(id, state, score, record) end
end
return {}
