-- A job as the client decodes it: id, state, score in that state's index, record, run, ledger, result, why it is asked
-- to stop, progress.
local function read_job(id, state, score, record)
  return {
    id, state, score, record,
    redis.call("HGET", keys.runs, id) or "",
    redis.call("HGET", keys.ledger, id) or "",
    redis.call("HGET", keys.result, id),
    redis.call("HGET", keys.cancels, id),
    redis.call("HGET", keys.progress, id)
  }
end
