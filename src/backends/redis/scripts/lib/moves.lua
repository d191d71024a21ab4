-- How a job leaves the state it is in. Scripts declare the keys of what they call.

local ledger_limit = 20

-- Adds a line to a job's ledger and drops the oldest beyond the limit. `error` is a JSON string, so it has no line break.
local function write_failure(id, run, outcome, now, error)
  local started = run.started ~= "" and run.started or now
  local line = run.attempt .. "," .. started .. "," .. now .. "," .. outcome .. "," .. error
  local ledger = redis.call("HGET", keys.ledger, id)
  if ledger then
    local _, lines = string.gsub(ledger, "\n", "\n")
    if lines + 1 >= ledger_limit then ledger = string.match(ledger, "^[^\n]*\n(.*)$") or "" end
    line = ledger == "" and line or (ledger .. "\n" .. line)
  end
  redis.call("HSET", keys.ledger, id, line)
  mind(run)
end

local function free_key(id, run)
  if run.unique ~= "" and run.held ~= "w" and run.held ~= "m" and redis.call("HGET", keys.unique, run.unique) == id then
    redis.call("HDEL", keys.unique, run.unique)
  end
end

local function remove(index, id)
  redis.call("ZREM", index, id)
  for _, key in ipairs({ keys.jobs, keys.runs, keys.ledger, keys.result, keys.progress, keys.logs }) do
    redis.call("HDEL", key, id)
  end
end

local function store_run(id, run)
  redis.call("HSET", keys.runs, id, format_run(run))
end

-- Sends the outcome to everybody who watches the job, once. A watcher is a line "name ref".
local function tell_ended(id, outcome)
  local watchers = redis.call("HGET", keys.watchers, id)
  if not watchers then return end
  redis.call("HDEL", keys.watchers, id)
  for name, ref in string.gmatch(watchers, "(%S+) (%S+)") do
    redis.call("PUBLISH", args.notices .. name, "ended\n" .. ref .. "\n" .. outcome)
  end
end

-- How long whoever is handed an ending has for it, and how long a queue knows that a member has ended, in ms; see
-- src/ports/JobStore.ts.
local ending_held, member_known = 5000, 600000

-- Endings that go to the caller at once. A script that hands them over says so.
local hands_over, handed_over = false, {}

-- Remembers how members of workflows ended until their workflows know, and for a while that they have ended.
local function tell_workflows(ids, places, outcomes, now)
  if #ids == 0 then return end
  local before = redis.call("HINCRBY", keys.meta, "endings", exact(#ids)) - #ids
  local due = exact(hands_over and now + ending_held or now)
  local endings, outbox, members = {}, {}, {}
  for i, id in ipairs(ids) do
    local text = exact(before + i) .. "," .. places[i] .. "\n" .. outcomes[i]
    endings[2 * i - 1], endings[2 * i] = id, text
    outbox[2 * i - 1], outbox[2 * i] = due, id
    if hands_over then
      handed_over[#handed_over + 1] = id
      handed_over[#handed_over + 1] = text
    end
    if outcomes[i] ~= "R" then
      members[#members + 1] = exact(now)
      members[#members + 1] = id
    end
  end
  spread("HSET", keys.endings, endings)
  spread("ZADD", keys.outbox, outbox)
  spread("ZADD", keys.members, members)
  -- more go than come, so that the known ones become fewer
  local old = redis.call("ZRANGEBYSCORE", keys.members, "-inf", exact(now - member_known), "LIMIT", 0, #members)
  spread("ZREM", keys.members, old)
end

local function tell_workflow(id, run, outcome, now)
  if run.held == "m" then tell_workflows({ id }, { run.unique }, { outcome }, now) end
end

-- `how` is "cancelled" or "expired"; `reason` is a JSON string. An outcome is a letter and what goes with it: c · C result ·
-- x reason · e reason · d reason LF error (LF failure)
local function cancel_now(from, id, run, how, reason, now)
  write_failure(id, run, how, now, reason)
  free_key(id, run)
  redis.call("HDEL", keys.cancels, id)
  if run.retain <= 0 then
    remove(from, id)
    count(keys.meta, "removed", 1)
  else
    redis.call("ZREM", from, id)
    redis.call("ZADD", keys.cancelled, now + run.retain, id)
    run.holder = "w"
    run.finished = now
    store_run(id, run)
  end
  count(keys.meta, "cancelled", 1)
  local outcome = (how == "expired" and "e" or "x") .. reason
  tell_ended(id, outcome)
  tell_workflow(id, run, outcome, now)
end

local function bury(id, run, reason, error, failure, now)
  free_key(id, run)
  redis.call("HDEL", keys.cancels, id)
  redis.call("ZREM", keys.active, id)
  redis.call("ZADD", keys.dead, now, id)
  if failure then redis.call("HSET", keys.result, id, failure) end
  run.holder = "w"
  run.finished = now
  run.reason = reason
  store_run(id, run)
  count(keys.meta, "died", 1)
  local outcome = "d" .. reason .. "\n" .. error .. (failure and ("\n" .. failure) or "")
  tell_ended(id, outcome)
  tell_workflow(id, run, outcome, now)
end

-- From active to another index.
local function leave_active(index, score, id, run)
  redis.call("ZREM", keys.active, id)
  redis.call("ZADD", index, score, id)
  run.holder = "w"
  store_run(id, run)
end

local crash = '"the lease expired"'
