-- Settlements of every kind, one after the other. Looks at `now` and the arguments of exchange.lua.

local arguments = { c = 0, C = 1, r = 3, b = 3, x = 1, s = 1, l = 1 }

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
    local run
    if is_held and not (op == "c" and byte(text, #held + 1) == 48) then
      run = parse_run(id, text)
      -- not of this make: nothing can be settled, and the lease goes as others do
      if not run then is_held, text = false, false end
    end
    if is_held then
      if op == "c" and byte(text, #held + 1) == 48 then
        done[#done + 1] = id
        touched[id] = false
        if watched then tell_ended(id, "c") end
      else
        local stop = (op == "r" or op == "s" or op == "l") and redis.call("HGET", keys.cancels, id)
        if stop then
          cancel_now(keys.active, id, run, "cancelled", stop, now)
          outcome = "x"
        elseif op == "c" then
          finish(keys.active, keys.completed, "completed", id, run, now, "c")
        elseif op == "C" then
          finish(keys.active, keys.completed, "completed", id, run, now, "C" .. first, first)
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
