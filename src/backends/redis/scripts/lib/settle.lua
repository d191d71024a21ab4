-- Settlements of every kind, one after the other. Looks at `now` and the arguments of exchange.lua.

local arguments = { c = 0, C = 1, r = 3, b = 3, x = 1, s = 1, l = 1 }

-- Completions that take more than deleting a job. What they write is gathered, since a command for many costs each little.
local ended, deleted_ids, kept, results, kept_runs, freed_keys, holders = {}, {}, {}, {}, {}, {}, {}
local members, places, member_outcomes = {}, {}, {}

local function completion(result)
  return result and "C" .. result or "c"
end

-- Answers the run that stays, or false for none, and nothing for what is not of this make. No other settlement of this
-- call finds the job held.
local function complete(id, text, result, watched)
  local finished = exact(now)
  local retain, held, unique, run = ended_run(text, finished)
  if not retain then return nil end
  ended[#ended + 1] = id
  if unique ~= "" and held ~= "w" and held ~= "m" then
    freed_keys[#freed_keys + 1] = unique
    holders[#holders + 1] = id
  end
  if retain <= 0 then
    run = false
    deleted_ids[#deleted_ids + 1] = id
  else
    kept[#kept + 1] = exact(now + retain)
    kept[#kept + 1] = id
    if result then
      results[#results + 1] = id
      results[#results + 1] = result
    end
    kept_runs[#kept_runs + 1] = id
    kept_runs[#kept_runs + 1] = run
  end
  if watched then tell_ended(id, completion(result)) end
  if held == "m" then
    members[#members + 1] = id
    places[#places + 1] = unique
    member_outcomes[#member_outcomes + 1] = completion(result)
  end
  return run
end

local function write_completions()
  if #ended == 0 then return end
  if #freed_keys > 0 then
    local present, free = read_fields(keys.unique, freed_keys), {}
    for i = 1, #freed_keys do
      if present[i] == holders[i] then free[#free + 1] = freed_keys[i] end
    end
    spread("HDEL", keys.unique, free)
  end
  spread("HDEL", keys.cancels, ended)
  spread("ZREM", keys.active, ended)
  for _, key in ipairs({ keys.jobs, keys.runs, keys.ledger, keys.result, keys.progress, keys.logs }) do
    spread("HDEL", key, deleted_ids)
  end
  spread("ZADD", keys.completed, kept)
  spread("HSET", keys.runs, kept_runs)
  spread("HSET", keys.result, results)
  count(keys.meta, "completed", #ended)
  count(keys.meta, "removed", #deleted_ids)
  tell_workflows(members, places, member_outcomes, now)
end

-- Settles one after the other what exchange.lua has left: all, or those after the `plain` ones when it has `deleted`
-- these. Answers their outcomes, and whether a job became visible.
local function settle(plain, deleted)
  local ops, ids, tokens, freed = {}, {}, {}, false
  if not deleted then
    for i = 1, plain do
      ids[i] = ARGV[7 + i]
      tokens[i] = string.sub(ARGV[7 + plain + i], 2, -3)
      ops[i] = 0
    end
  end
  local at = 8 + 2 * plain
  while at <= #ARGV do
    local n = #ops + 1
    -- where its letter stands
    ops[n] = at
    ids[n] = ARGV[at + 1]
    tokens[n] = ARGV[at + 2]
    at = at + 3 + arguments[ARGV[at]]
  end
  if #ops == 0 then return "", false end

  local texts = read_fields(keys.runs, ids)
  -- what this call has done to a job already, so that a second settlement of it sees the first
  local touched = {}
  local done, outcomes = {}, {}
  local watched = redis.call("HLEN", keys.watchers) > 0
  local stale = 0

  for i = 1, #ops do
    local at, id, token = ops[i], ids[i], tokens[i]
    local op = at == 0 and "c" or ARGV[at]
    local first, second, third = ARGV[at + 3], ARGV[at + 4], ARGV[at + 5]
    local text = touched[id]
    if text == nil then text = texts[i] end
    local held = "a" .. token .. ","
    local outcome = "k"
    local is_held = text and find(text, held, 1, true) == 1
    local completes = op == "c" or op == "C"
    local result = op == "C" and first or nil
    -- takes no more than deleting it
    local is_plain = is_held and completes and byte(text, #held + 1) == 48
    local run
    if is_held and not is_plain then
      if completes then
        run = complete(id, text, result, watched)
      else
        run = parse_run(id, text)
      end
      -- not of this make: nothing can be settled, and the lease goes as others do
      if run == nil then is_held, text = false, false end
    end
    if is_held then
      if is_plain then
        done[#done + 1] = id
        touched[id] = false
        if watched then tell_ended(id, completion(result)) end
      elseif completes then
        touched[id] = run
      else
        local stop = (op == "r" or op == "s" or op == "l") and redis.call("HGET", keys.cancels, id)
        if stop then
          cancel_now(keys.active, id, run, "cancelled", stop, now)
          outcome = "x"
        elseif op == "r" then
          if run.attempt >= run.max_attempts then
            write_failure(id, run, "dead", now, second)
            bury(id, run, "exhausted", second, third ~= "" and third or nil, now)
            outcome = "d"
          else
            write_failure(id, run, "retry", now, second)
            leave_active(keys.retry, now + tonumber(first), id, run)
            count(keys.meta, "retried", 1)
          end
        elseif op == "b" then
          write_failure(id, run, "dead", now, second)
          bury(id, run, first, second, third ~= "" and third or nil, now)
        elseif op == "x" then
          cancel_now(keys.active, id, run, "cancelled", first, now)
        elseif op == "s" then
          run.attempt = run.attempt - 1
          run.snoozes = run.snoozes + 1
          leave_active(keys.scheduled, now + tonumber(first), id, run)
          count(keys.meta, "snoozed", 1)
        else
          run.attempt = run.attempt - 1
          local delay = tonumber(first)
          if delay > 0 then
            leave_active(keys.scheduled, now + delay, id, run)
          else
            leave_active(keys.pending, run.score, id, run)
            freed = true
          end
          count(keys.meta, "released", 1)
        end
        touched[id] = redis.call("HGET", keys.runs, id)
      end
    elseif text then
      if token ~= "0" and string.match(text, "^w(%d+),") == token then
        outcome = "r"
      else
        outcome = "s"
        stale = stale + 1
      end
    elseif redis.call("HEXISTS", keys.jobs, id) == 1 and touched[id] == nil then
      outcome = "s"
      stale = stale + 1
    else
      outcome = "g"
    end
    outcomes[i] = outcome
  end

  if #done > 0 then
    spread("ZREM", keys.active, done)
    spread("HDEL", keys.runs, done)
    spread("HDEL", keys.jobs, done)
    count(keys.meta, "completed", #done)
    count(keys.meta, "removed", #done)
  end
  write_completions()
  count(keys.meta, "stale", stale)
  return table.concat(outcomes), freed
end

-- Outcomes of deleted jobs of which some were named twice: they were there for the first only.
local function outcomes_of(first, last)
  local outcomes, seen = {}, {}
  for i = first, last do
    outcomes[#outcomes + 1] = seen[ARGV[i]] and "g" or "k"
    seen[ARGV[i]] = true
  end
  return table.concat(outcomes)
end

-- Whether a job that ends may make room for another.
local function waits()
  return redis.call("ZCARD", keys.pending) + redis.call("ZCARD", keys.limited) > 0
end
