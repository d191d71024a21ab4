#!lua
-- Starts a new generation of dead jobs, at the end of their priority.
-- KEYS jobs     hash: id -> record
-- KEYS runs     hash: id -> run
-- KEYS pending  zset: id by priority and sequence
-- KEYS dead     zset: id by time of death, epoch ms
-- KEYS result   hash: id -> encoded failure
-- KEYS unique   hash: unique key -> id of the holder
-- KEYS windows  zset: unique key by when it is free again, epoch ms
-- KEYS meta     hash: counters
-- KEYS outbox   zset: member of a workflow by when its ending is handed out next, epoch ms
-- KEYS endings  hash: id -> sequence, place in its workflow, LF how it ended
-- KEYS members  zset: member of a workflow by when it ended, epoch ms
-- KEYS wake     zset: the wake-up marker
-- ARGV now      epoch ms; "" in production: the server's clock decides
-- ARGV ...ids   the jobs
-- REPLY list   flat: id, "ok", "not-dead" or "key-taken"
-- include lib/time
-- include lib/values
-- include lib/record
-- include lib/moves
-- include lib/signal
local now, ids = clock(args.now), {}
for i = 2, #ARGV do ids[#ids + 1] = ARGV[i] end

local function redrive(id)
  local record = redis.call("ZSCORE", keys.dead, id) and redis.call("HGET", keys.jobs, id)
  if not record then return "not-dead" end
  local run = parse_run(id, redis.call("HGET", keys.runs, id) or "")
  -- a record that is not of this make stays where it is
  if not run or not first_line(record) then return "not-dead" end
  -- a window was held from the enqueue on, and is not held again
  if run.unique ~= "" and run.held ~= "w" and run.held ~= "m" then
    local free_at = redis.call("ZSCORE", keys.windows, run.unique)
    local over = free_at and tonumber(free_at) <= now
    local holder = not over and redis.call("HGET", keys.unique, run.unique)
    if holder and holder ~= id then return "key-taken" end
    redis.call("ZREM", keys.windows, run.unique)
    redis.call("HSET", keys.unique, run.unique, id)
  end
  local sequence = redis.call("HINCRBY", keys.meta, "sequence", 1)
  local flag, rest_at = string.match(record, "^(%d),%d+,()")
  local priority = tonumber(string.match(record, "^%d+,%d*,(-?%d+),", rest_at))
  -- whoever redrives wants it to run, late as it is
  local enqueued, rest = string.match(record, "^(%d+),%d*(,.*)$", rest_at)
  if flag % 4 >= 2 then flag = exact(flag - 2) end
  redis.call("HSET", keys.jobs, id, due_at(flag .. "," .. sequence .. "," .. enqueued .. "," .. rest, now))
  run.holder, run.token, run.attempt, run.rescues, run.snoozes = "w", "0", 0, 0, 0
  run.started, run.finished, run.reason, run.worker = "", "", "", ""
  run.tail = sequence .. "," .. enqueued .. "," .. string.match(run.tail, "^%d+,%d+,%d*(,.*)$")
  if run.flag % 4 >= 2 then run.flag = exact(run.flag - 2) end
  redis.call("HSET", keys.runs, id, format_run(run))
  redis.call("HDEL", keys.result, id)
  tell_workflow(id, run, "R", now)
  redis.call("ZREM", keys.dead, id)
  redis.call("ZADD", keys.pending, priority * 1099511627776 + sequence, id)
  return "ok"
end

local reply, redriven = {}, 0
for _, id in ipairs(ids) do
  local outcome = redrive(id)
  if outcome == "ok" then redriven = redriven + 1 end
  reply[#reply + 1] = id
  reply[#reply + 1] = outcome
end
count(keys.meta, "redriven", redriven)
if redriven > 0 then signal() end
return reply
