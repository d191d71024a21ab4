-- How a job leaves the state it is in. `keys` names the queue's keys; callers declare those they reach.

local ledger_limit = 20

-- Adds a line to a job's ledger and drops the oldest beyond the limit. `error` is a JSON string, so it has no line break.
local function write_failure(keys, id, run, outcome, now, error)
  local line = run.attempt .. "," .. run.started .. "," .. now .. "," .. outcome .. "," .. error
  local ledger = redis.call("HGET", keys.ledger, id)
  if ledger then
    local _, lines = string.gsub(ledger, "\n", "\n")
    if lines + 1 >= ledger_limit then ledger = string.match(ledger, "^[^\n]*\n(.*)$") or "" end
    line = ledger == "" and line or (ledger .. "\n" .. line)
  end
  redis.call("HSET", keys.ledger, id, line)
  run.flag = "1"
end

local function free_key(keys, id, run)
  if run.unique ~= "" and redis.call("HGET", keys.unique, run.unique) == id then
    redis.call("HDEL", keys.unique, run.unique)
  end
end

local function remove(keys, index, id)
  redis.call("ZREM", index, id)
  redis.call("HDEL", keys.jobs, id)
  redis.call("HDEL", keys.runs, id)
  redis.call("HDEL", keys.ledger, id)
  redis.call("HDEL", keys.result, id)
end

local function store_run(keys, id, run)
  redis.call("HSET", keys.runs, id, format_run(run))
end

-- completed or cancelled
local function finish(keys, state, id, run, now, result)
  free_key(keys, id, run)
  if run.retain <= 0 then
    remove(keys, keys.active, id)
    count(keys.meta, "removed", 1)
  else
    redis.call("ZREM", keys.active, id)
    redis.call("ZADD", keys[state], now + run.retain, id)
    if result then redis.call("HSET", keys.result, id, result) end
    run.holder = "w"
    run.finished = now
    store_run(keys, id, run)
  end
  count(keys.meta, state, 1)
end

local function bury(keys, id, run, reason, now)
  free_key(keys, id, run)
  redis.call("ZREM", keys.active, id)
  redis.call("ZADD", keys.dead, now, id)
  run.holder = "w"
  run.finished = now
  run.reason = reason
  store_run(keys, id, run)
  count(keys.meta, "died", 1)
end

-- From active to another index.
local function leave_active(keys, index, score, id, run)
  redis.call("ZREM", keys.active, id)
  redis.call("ZADD", index, score, id)
  run.holder = "w"
  store_run(keys, id, run)
end
