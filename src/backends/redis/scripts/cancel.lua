#!lua flags=allow-oom
-- Ends a job that waits, or asks the holder of one that runs.
-- KEYS jobs       hash: id -> record
-- KEYS runs       hash: id -> run
-- KEYS pending    zset: id by priority and sequence
-- KEYS limited    zset: rate-limited jobs by kind and place
-- KEYS scheduled  zset: id by due time, epoch ms
-- KEYS retry      zset: id by due time, epoch ms
-- KEYS active     zset: id by lease expiry, epoch ms
-- KEYS cancelled  zset: id by end of retention, epoch ms
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
-- ARGV now        epoch ms; "" in production: the server's clock decides
-- ARGV notices    prefix of the channels of notices
-- ARGV queue      its name, for the holder
-- ARGV id         the job
-- ARGV reason     a JSON string
-- REPLY text      cancelled, requested, ended or gone
-- include lib/time
-- include lib/values
-- include lib/record
-- include lib/moves
-- include lib/limits
local now, queue, id, reason = clock(args.now), args.queue, args.id, args.reason
local record = redis.call("HGET", keys.jobs, id)
if not record then return "gone" end
local text = redis.call("HGET", keys.runs, id)
local run = text and parse_run(id, text) or new_run(record)
if not run then return redis.error_reply("ERR the record of the job is not of this make") end

if redis.call("ZREM", keys.scheduled, id) + redis.call("ZREM", keys.retry, id) > 0 or leave_waiting(id, record) then
  cancel_now(keys.pending, id, run, "cancelled", reason, now)
  return "cancelled"
end
if not redis.call("ZSCORE", keys.active, id) then return "ended" end
redis.call("HSET", keys.cancels, id, reason)
mind(run)
store_run(id, run)
redis.call("PUBLISH", args.notices .. run.worker, "cancel\n" .. queue .. "\n" .. id .. "\n" .. run.token .. "\n" .. reason)
return "requested"
