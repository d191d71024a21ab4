// Generated from the .lua files of this folder by `npm run gen`. Do not edit.

/** Per script: names of its KEYS and ARGV as its header declares them (`rest` is a variadic tail), and its text. */
export const sources = {
  enqueue: {
    keys: ["jobs", "pending", "scheduled", "unique", "meta", "wake"] as const,
    args: ["now"] as const,
    rest: "jobs" as const,
    sha1: "c962023a45eac9c825b09f3c43e3dd852689883e",
    source: `#!lua
local function clock(given)
  if given ~= "" then return tonumber(given) end
  local time = redis.call("TIME")
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function exact(number)
  return string.format("%.0f", number)
end
local function parse_run(text)
  local holder, token, flag, attempt, rescues, snoozes, started, finished, reason, worker, tail =
    string.match(text, "^(%a)(%d+),(%d),(%d+),(%d+),(%d+),(%d*),(%d*),(%a*),([^,]*),(.*)$")
  local sequence, enqueued, priority, max_attempts, retain, kind, unique =
    string.match(tail, "^(%d+),(%d+),(-?%d+),(%d+),(%d+),([^,]*),(.*)$")
  return {
    holder = holder, token = token, flag = flag,
    attempt = tonumber(attempt), rescues = tonumber(rescues), snoozes = tonumber(snoozes),
    started = started, finished = finished, reason = reason, worker = worker, tail = tail,
    score = tonumber(priority) * 1099511627776 + tonumber(sequence),
    max_attempts = tonumber(max_attempts), retain = tonumber(retain), unique = unique
  }
end
local function format_run(run)
  return run.holder .. run.token .. "," .. run.flag .. "," .. run.attempt .. "," .. run.rescues .. "," .. run.snoozes
    .. "," .. run.started .. "," .. run.finished .. "," .. run.reason .. "," .. run.worker .. "," .. run.tail
end
local function in_chunks(size, count, act)
  for first = 1, count, size do
    act(first, math.min(first + size - 1, count))
  end
end
local function read_fields(key, ids)
  local values = {}
  in_chunks(1000, #ids, function(first, last)
    local part = redis.call("HMGET", key, unpack(ids, first, last))
    for i = 1, #part do values[first + i - 1] = part[i] end
  end)
  return values
end
local function spread(command, key, values)
  in_chunks(4000, #values, function(first, last)
    redis.call(command, key, unpack(values, first, last))
  end)
end
local function count(meta, name, by)
  if by > 0 then redis.call("HINCRBY", meta, name, by) end
end
local function signal(keys)
  redis.call("ZADD", keys.wake, 0, "1")
end
local keys = { jobs = KEYS[1], pending = KEYS[2], scheduled = KEYS[3], unique = KEYS[4], meta = KEYS[5], wake = KEYS[6] }
local now = clock(ARGV[1])
local total = (#ARGV - 1) / 5
local ids = {}
for i = 1, total do ids[i] = ARGV[5 * i - 3] end
local existing = read_fields(keys.jobs, ids)
local sequence = redis.call("HINCRBY", keys.meta, "sequence", total) - total
local left_out, records, ready, scheduled = {}, {}, {}, {}
local seen, taken, soonest = {}, {}, math.huge
local function leave_out(position, why, holder)
  left_out[#left_out + 1] = position
  left_out[#left_out + 1] = why
  left_out[#left_out + 1] = holder
end
local function is_same(stored, rest)
  local line, payload = string.match(stored, "^%d,%d+,%d+(,[^\\n]*)\\n[^\\n]*\\n(.*)$")
  local new_line, new_payload = string.match(rest, "^([^\\n]*)\\n[^\\n]*\\n(.*)$")
  return line == new_line and payload == new_payload
end
for i = 1, total do
  local at = 5 * i - 3
  local id, visible, priority, unique, rest = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], ARGV[at + 4]
  local stored = existing[i] or seen[id]
  local holder = not stored and unique ~= "" and (taken[unique] or redis.call("HGET", keys.unique, unique)) or nil
  if stored then
    leave_out(i, is_same(stored, rest) and "same" or "other", "")
  elseif holder then
    leave_out(i, "key", holder)
  else
    local place = sequence + i
    local plain = unique == "" and string.match(rest, "^,%-?%d+,%d+,0,") ~= nil
    local record = (plain and "0" or "1") .. "," .. place .. "," .. now .. rest
    records[#records + 1] = id
    records[#records + 1] = record
    seen[id] = record
    if unique ~= "" then
      taken[unique] = id
      redis.call("HSET", keys.unique, unique, id)
    end
    local due = now
    if visible ~= "" then
      due = tonumber(string.sub(visible, 2))
      if string.sub(visible, 1, 1) == "+" then due = now + due end
    end
    if due > now then
      scheduled[#scheduled + 1] = due
      scheduled[#scheduled + 1] = id
      if due < soonest then soonest = due end
    else
      ready[#ready + 1] = tonumber(priority) * 1099511627776 + place
      ready[#ready + 1] = id
    end
  end
end
spread("HSET", keys.jobs, records)
spread("ZADD", keys.pending, ready)
local wakes = #ready > 0
if #scheduled > 0 then
  local head = redis.call("ZRANGE", keys.scheduled, 0, 0, "WITHSCORES")
  wakes = wakes or #head == 0 or soonest < tonumber(head[2])
  spread("ZADD", keys.scheduled, scheduled)
end
if wakes then signal(keys) end
count(keys.meta, "enqueued", #records / 2)
count(keys.meta, "duplicates", #left_out / 3)
return left_out`
  },
  exchange: {
    keys: ["jobs", "runs", "pending", "scheduled", "retry", "active", "completed", "cancelled", "dead", "ledger", "result", "unique", "meta", "claims", "workers", "wake"] as const,
    args: ["now", "worker", "number", "limit", "lease"] as const,
    rest: "settlements" as const,
    sha1: "e56a24441af35d56e1308a75b9ecb58e75f458e5",
    source: `#!lua flags=allow-oom
local function clock(given)
  if given ~= "" then return tonumber(given) end
  local time = redis.call("TIME")
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function exact(number)
  return string.format("%.0f", number)
end
local function parse_run(text)
  local holder, token, flag, attempt, rescues, snoozes, started, finished, reason, worker, tail =
    string.match(text, "^(%a)(%d+),(%d),(%d+),(%d+),(%d+),(%d*),(%d*),(%a*),([^,]*),(.*)$")
  local sequence, enqueued, priority, max_attempts, retain, kind, unique =
    string.match(tail, "^(%d+),(%d+),(-?%d+),(%d+),(%d+),([^,]*),(.*)$")
  return {
    holder = holder, token = token, flag = flag,
    attempt = tonumber(attempt), rescues = tonumber(rescues), snoozes = tonumber(snoozes),
    started = started, finished = finished, reason = reason, worker = worker, tail = tail,
    score = tonumber(priority) * 1099511627776 + tonumber(sequence),
    max_attempts = tonumber(max_attempts), retain = tonumber(retain), unique = unique
  }
end
local function format_run(run)
  return run.holder .. run.token .. "," .. run.flag .. "," .. run.attempt .. "," .. run.rescues .. "," .. run.snoozes
    .. "," .. run.started .. "," .. run.finished .. "," .. run.reason .. "," .. run.worker .. "," .. run.tail
end
local function in_chunks(size, count, act)
  for first = 1, count, size do
    act(first, math.min(first + size - 1, count))
  end
end
local function read_fields(key, ids)
  local values = {}
  in_chunks(1000, #ids, function(first, last)
    local part = redis.call("HMGET", key, unpack(ids, first, last))
    for i = 1, #part do values[first + i - 1] = part[i] end
  end)
  return values
end
local function spread(command, key, values)
  in_chunks(4000, #values, function(first, last)
    redis.call(command, key, unpack(values, first, last))
  end)
end
local function count(meta, name, by)
  if by > 0 then redis.call("HINCRBY", meta, name, by) end
end
local ledger_limit = 20
local function write_failure(keys, id, run, outcome, now, error)
  local line = run.attempt .. "," .. run.started .. "," .. now .. "," .. outcome .. "," .. error
  local ledger = redis.call("HGET", keys.ledger, id)
  if ledger then
    local _, lines = string.gsub(ledger, "\\n", "\\n")
    if lines + 1 >= ledger_limit then ledger = string.match(ledger, "^[^\\n]*\\n(.*)$") or "" end
    line = ledger == "" and line or (ledger .. "\\n" .. line)
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
local function leave_active(keys, index, score, id, run)
  redis.call("ZREM", keys.active, id)
  redis.call("ZADD", index, score, id)
  run.holder = "w"
  store_run(keys, id, run)
end
local function rescue(keys, limit, now)
  local rescued, buried = {}, {}
  local expired = redis.call("ZRANGEBYSCORE", keys.active, "-inf", now, "LIMIT", 0, limit)
  for _, id in ipairs(expired) do
    local text = redis.call("HGET", keys.runs, id)
    if text then
      local run = parse_run(text)
      run.token = "0"
      run.rescues = run.rescues + 1
      write_failure(keys, id, run, "crashed", now, '"the lease expired"')
      if run.attempt >= run.max_attempts then
        bury(keys, id, run, "crashed", now)
        buried[#buried + 1] = id
      else
        leave_active(keys, keys.pending, run.score, id, run)
        rescued[#rescued + 1] = id
      end
    else
      redis.call("ZREM", keys.active, id)
      count(keys.meta, "vanished", 1)
    end
  end
  count(keys.meta, "rescued", #rescued + #buried)
  return rescued, buried
end
local function promote(keys, limit, now)
  local promoted = 0
  for _, index in ipairs({ keys.scheduled, keys.retry }) do
    local due = promoted < limit and redis.call("ZRANGEBYSCORE", index, "-inf", now, "LIMIT", 0, limit - promoted) or {}
    if #due > 0 then
      local entries = {}
      for i, record in ipairs(read_fields(keys.jobs, due)) do
        if record then
          local sequence, priority = string.match(record, "^%d,(%d+),%d+,(-?%d+),")
          entries[#entries + 1] = tonumber(priority) * 1099511627776 + tonumber(sequence)
          entries[#entries + 1] = due[i]
        else
          count(keys.meta, "vanished", 1)
        end
      end
      spread("ZREM", index, due)
      spread("ZADD", keys.pending, entries)
      promoted = promoted + #due
    end
  end
  return promoted
end
local function signal(keys)
  redis.call("ZADD", keys.wake, 0, "1")
end
local keys = {
  jobs = KEYS[1], runs = KEYS[2], pending = KEYS[3], scheduled = KEYS[4], retry = KEYS[5], active = KEYS[6],
  completed = KEYS[7], cancelled = KEYS[8], dead = KEYS[9], ledger = KEYS[10], result = KEYS[11],
  unique = KEYS[12], meta = KEYS[13], claims = KEYS[14], workers = KEYS[15], wake = KEYS[16]
}
local now = clock(ARGV[1])
local worker, number, limit, lease = ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
local arguments = { c = 0, C = 1, r = 2, b = 2, x = 1, s = 1, l = 1 }
local freed = false
local function settle()
  local ops, ids = {}, {}
  local at = 6
  while at <= #ARGV do
    local n = #ops + 1
    ops[n] = at
    ids[n] = ARGV[at + 1]
    at = at + 3 + arguments[ARGV[at]]
  end
  if #ops == 0 then return "" end
  local texts = read_fields(keys.runs, ids)
  local touched = {}
  local done, outcomes = {}, {}
  local stale = 0
  for i = 1, #ops do
    local op, id, token = ARGV[ops[i]], ids[i], ARGV[ops[i] + 1 + 1]
    local first, second = ARGV[ops[i] + 3], ARGV[ops[i] + 4]
    local text = touched[id]
    if text == nil then text = texts[i] end
    local held = "a" .. token .. ","
    local outcome = "k"
    if text and string.sub(text, 1, #held) == held then
      if op == "c" and string.sub(text, #held + 1, #held + 1) == "0" then
        done[#done + 1] = id
        touched[id] = false
      else
        local run = parse_run(text)
        if op == "c" then
          finish(keys, "completed", id, run, now)
        elseif op == "C" then
          finish(keys, "completed", id, run, now, first)
        elseif op == "r" then
          if run.attempt >= run.max_attempts then
            write_failure(keys, id, run, "dead", now, second)
            bury(keys, id, run, "exhausted", now)
            outcome = "d"
          else
            write_failure(keys, id, run, "retry", now, second)
            leave_active(keys, keys.retry, now + tonumber(first), id, run)
            count(keys.meta, "retried", 1)
          end
        elseif op == "b" then
          write_failure(keys, id, run, "dead", now, second)
          bury(keys, id, run, first, now)
        elseif op == "x" then
          write_failure(keys, id, run, "cancelled", now, first)
          finish(keys, "cancelled", id, run, now)
        elseif op == "s" then
          run.attempt = run.attempt - 1
          run.snoozes = run.snoozes + 1
          leave_active(keys, keys.scheduled, now + tonumber(first), id, run)
          count(keys.meta, "snoozed", 1)
        else
          run.attempt = run.attempt - 1
          local delay = tonumber(first)
          if delay > 0 then
            leave_active(keys, keys.scheduled, now + delay, id, run)
          else
            leave_active(keys, keys.pending, run.score, id, run)
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
  return table.concat(outcomes)
end
local outcomes = settle()
if number == "" then
  if freed then signal(keys) end
  return { outcomes, -1, 0, 0, {}, {}, 0 }
end
local function head(index)
  return tonumber(redis.call("ZRANGE", index, 0, 0, "WITHSCORES")[2] or math.huge)
end
local rescued, buried = {}, {}
local expires = head(keys.active)
if expires <= now then
  rescued, buried = rescue(keys, 100, now)
  expires = head(keys.active)
end
local due = math.min(head(keys.scheduled), head(keys.retry))
if due <= now then
  promote(keys, 1000, now)
  due = math.min(head(keys.scheduled), head(keys.retry))
end
local paused = redis.call("HGET", keys.meta, "paused") == "1"
local reply = { outcomes, -1, 0, paused and 1 or 0, rescued, buried, 0 }
local function hand_out(id, progress, record)
  local n = #reply
  reply[n + 1] = id
  reply[n + 2] = progress
  reply[n + 3] = record
end
local function repeat_claim(first, ids)
  local position = 0
  for id in string.gmatch(ids, "[^,]+") do
    local text = redis.call("HGET", keys.runs, id)
    local token = exact(first + position)
    if text and string.sub(text, 1, #token + 2) == "a" .. token .. "," then
      local run = parse_run(text)
      hand_out(id, run.attempt .. "," .. run.rescues .. "," .. run.snoozes .. "," .. token, redis.call("HGET", keys.jobs, id))
    end
    position = position + 1
  end
end
local function claim()
  local popped = (paused or limit < 1) and {} or redis.call("ZPOPMIN", keys.pending, limit)
  local ids = {}
  for i = 1, #popped, 2 do ids[#ids + 1] = popped[i] end
  if #ids == 0 then return ids, 0 end
  local records = read_fields(keys.jobs, ids)
  local texts = read_fields(keys.runs, ids)
  local token = redis.call("HINCRBY", keys.meta, "token", #ids) - #ids
  local first = token + 1
  local runs, leases = {}, {}
  local rest = "," .. now .. ",,," .. worker .. ","
  for i = 1, #ids do
    local id, record, text = ids[i], records[i], texts[i]
    token = token + 1
    if record then
      local progress, run
      if text then
        local old = parse_run(text)
        progress = (old.attempt + 1) .. "," .. old.rescues .. "," .. old.snoozes
        run = "a" .. token .. "," .. old.flag .. "," .. progress .. rest .. old.tail
      else
        local flag, tail = string.match(record, "^(%d),([^\\n]*)")
        progress = "1,0,0"
        run = "a" .. token .. "," .. flag .. ",1,0,0" .. rest .. tail
      end
      runs[#runs + 1] = id
      runs[#runs + 1] = run
      leases[#leases + 1] = now + lease
      leases[#leases + 1] = id
      hand_out(id, progress, record)
    else
      count(keys.meta, "vanished", 1)
      hand_out(id, "", "")
    end
  end
  spread("HSET", keys.runs, runs)
  spread("ZADD", keys.active, leases)
  count(keys.meta, "claimed", #runs / 2)
  if #runs > 0 then expires = math.min(expires, now + lease) end
  return ids, first
end
local last, first_token, last_ids
local remembered = redis.call("HGET", keys.claims, worker)
if remembered then
  last, first_token, last_ids = string.match(remembered, "^(%d+),(%d+),(.*)$")
end
if last and tonumber(number) < tonumber(last) then
elseif last == number then
  reply[7] = tonumber(first_token)
  repeat_claim(tonumber(first_token), last_ids)
else
  local ids, first = claim()
  reply[7] = first
  redis.call("HSET", keys.claims, worker, number .. "," .. first .. "," .. table.concat(ids, ","))
  redis.call("ZADD", keys.workers, now, worker)
end
local more = not paused and redis.call("ZCARD", keys.pending) > 0
if more then signal(keys) end
local next_change = math.min(expires, due)
if next_change < math.huge then reply[2] = math.max(0, next_change - now) end
reply[3] = more and 1 or 0
return reply`
  },
  extend: {
    keys: ["jobs", "runs", "active", "meta", "workers"] as const,
    args: ["now", "worker", "lease"] as const,
    rest: "leases" as const,
    sha1: "d56e151f2ebfdf8311fcce77644e62ecf290703c",
    source: `#!lua flags=allow-oom
local function clock(given)
  if given ~= "" then return tonumber(given) end
  local time = redis.call("TIME")
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function exact(number)
  return string.format("%.0f", number)
end
local function parse_run(text)
  local holder, token, flag, attempt, rescues, snoozes, started, finished, reason, worker, tail =
    string.match(text, "^(%a)(%d+),(%d),(%d+),(%d+),(%d+),(%d*),(%d*),(%a*),([^,]*),(.*)$")
  local sequence, enqueued, priority, max_attempts, retain, kind, unique =
    string.match(tail, "^(%d+),(%d+),(-?%d+),(%d+),(%d+),([^,]*),(.*)$")
  return {
    holder = holder, token = token, flag = flag,
    attempt = tonumber(attempt), rescues = tonumber(rescues), snoozes = tonumber(snoozes),
    started = started, finished = finished, reason = reason, worker = worker, tail = tail,
    score = tonumber(priority) * 1099511627776 + tonumber(sequence),
    max_attempts = tonumber(max_attempts), retain = tonumber(retain), unique = unique
  }
end
local function format_run(run)
  return run.holder .. run.token .. "," .. run.flag .. "," .. run.attempt .. "," .. run.rescues .. "," .. run.snoozes
    .. "," .. run.started .. "," .. run.finished .. "," .. run.reason .. "," .. run.worker .. "," .. run.tail
end
local function in_chunks(size, count, act)
  for first = 1, count, size do
    act(first, math.min(first + size - 1, count))
  end
end
local function read_fields(key, ids)
  local values = {}
  in_chunks(1000, #ids, function(first, last)
    local part = redis.call("HMGET", key, unpack(ids, first, last))
    for i = 1, #part do values[first + i - 1] = part[i] end
  end)
  return values
end
local function spread(command, key, values)
  in_chunks(4000, #values, function(first, last)
    redis.call(command, key, unpack(values, first, last))
  end)
end
local function count(meta, name, by)
  if by > 0 then redis.call("HINCRBY", meta, name, by) end
end
local jobs, runs, active, meta, workers = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local now = clock(ARGV[1])
local expires = now + tonumber(ARGV[3])
local ids = {}
for i = 4, #ARGV, 2 do ids[#ids + 1] = ARGV[i] end
local texts = read_fields(runs, ids)
local leases, answers, stale = {}, {}, 0
for i, id in ipairs(ids) do
  local token, text = ARGV[3 + 2 * i], texts[i]
  local held = "a" .. token .. ","
  if text and string.sub(text, 1, #held) == held then
    leases[#leases + 1] = expires
    leases[#leases + 1] = id
    answers[i] = "1"
  else
    answers[i] = "0"
    local current = text and string.match(text, "^%a(%d+),")
    if current ~= token and (current or redis.call("HEXISTS", jobs, id) == 1) then stale = stale + 1 end
  end
end
spread("ZADD", active, leases)
count(meta, "stale", stale)
redis.call("ZADD", workers, now, ARGV[2])
return table.concat(answers)`
  },
  get: {
    keys: ["jobs", "runs", "ledger", "result", "pending", "scheduled", "retry", "active", "completed", "cancelled", "dead"] as const,
    args: ["id"] as const,
    rest: undefined,
    sha1: "c6f200ed79dcb64b566370106a70cc8fa17243e8",
    source: `#!lua flags=no-writes
local function read_job(keys, id, state, score, record)
  return {
    id, state, score, record,
    redis.call("HGET", keys.runs, id) or "",
    redis.call("HGET", keys.ledger, id) or "",
    redis.call("HGET", keys.result, id)
  }
end
local keys = { jobs = KEYS[1], runs = KEYS[2], ledger = KEYS[3], result = KEYS[4] }
local states = { "pending", "scheduled", "retry", "active", "completed", "cancelled", "dead" }
local id = ARGV[1]
local record = redis.call("HGET", keys.jobs, id)
if not record then return {} end
for i, state in ipairs(states) do
  local score = redis.call("ZSCORE", KEYS[4 + i], id)
  if score then return read_job(keys, id, state, score, record) end
end
return {}`
  },
  list: {
    keys: ["jobs", "runs", "ledger", "result", "index"] as const,
    args: ["state", "reverse", "limit", "score", "id"] as const,
    rest: undefined,
    sha1: "f476823b0cb823010e38516b959c41987cacfc97",
    source: `#!lua flags=no-writes
local function read_job(keys, id, state, score, record)
  return {
    id, state, score, record,
    redis.call("HGET", keys.runs, id) or "",
    redis.call("HGET", keys.ledger, id) or "",
    redis.call("HGET", keys.result, id)
  }
end
local keys = { jobs = KEYS[1], runs = KEYS[2], ledger = KEYS[3], result = KEYS[4] }
local index, state, reverse, limit = KEYS[5], ARGV[1], ARGV[2] == "1", tonumber(ARGV[3])
local function precedes(a, b)
  for i = 1, math.min(#a, #b) do
    local x, y = string.byte(a, i), string.byte(b, i)
    if x ~= y then return x < y end
  end
  return #a < #b
end
local function count_before(score, id, inclusive)
  local low, high = 0, redis.call("ZCARD", index)
  while low < high do
    local middle = math.floor((low + high) / 2)
    local entry = redis.call("ZRANGE", index, middle, middle, "WITHSCORES")
    local at = tonumber(entry[2])
    local before = at < score or (at == score and (precedes(entry[1], id) or (inclusive and entry[1] == id)))
    if before then low = middle + 1 else high = middle end
  end
  return low
end
local size = redis.call("ZCARD", index)
local entries, more
if reverse then
  local stop = ARGV[4] == "" and size or count_before(tonumber(ARGV[4]), ARGV[5], false)
  local start = math.max(0, stop - limit)
  more = start > 0
  entries = stop == 0 and {} or redis.call("ZRANGE", index, size - stop, size - start - 1, "REV", "WITHSCORES")
else
  local start = ARGV[4] == "" and 0 or count_before(tonumber(ARGV[4]), ARGV[5], true)
  more = start + limit < size
  entries = redis.call("ZRANGE", index, start, start + limit - 1, "WITHSCORES")
end
local reply = { more and 1 or 0 }
for i = 1, #entries, 2 do
  local record = redis.call("HGET", keys.jobs, entries[i])
  if record then reply[#reply + 1] = read_job(keys, entries[i], state, entries[i + 1], record) end
end
return reply`
  },
  pause: {
    keys: ["pending", "meta", "wake"] as const,
    args: ["paused"] as const,
    rest: undefined,
    sha1: "c1eb071ae6f3458d450ef71d6eb919896dc8a480",
    source: `#!lua flags=allow-oom
local function signal(keys)
  redis.call("ZADD", keys.wake, 0, "1")
end
local keys = { pending = KEYS[1], meta = KEYS[2], wake = KEYS[3] }
local was = redis.call("HGET", keys.meta, "paused") or "0"
if ARGV[1] == "1" then
  redis.call("HSET", keys.meta, "paused", "1")
else
  redis.call("HDEL", keys.meta, "paused")
  if redis.call("ZCARD", keys.pending) > 0 then signal(keys) end
end
return was ~= ARGV[1] and 1 or 0`
  },
  promote: {
    keys: ["jobs", "pending", "scheduled", "retry", "meta", "wake"] as const,
    args: ["now", "limit"] as const,
    rest: undefined,
    sha1: "61f8af430ca3645a24eb77ee08fe7fa534aa0cc2",
    source: `#!lua flags=allow-oom
local function clock(given)
  if given ~= "" then return tonumber(given) end
  local time = redis.call("TIME")
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function exact(number)
  return string.format("%.0f", number)
end
local function parse_run(text)
  local holder, token, flag, attempt, rescues, snoozes, started, finished, reason, worker, tail =
    string.match(text, "^(%a)(%d+),(%d),(%d+),(%d+),(%d+),(%d*),(%d*),(%a*),([^,]*),(.*)$")
  local sequence, enqueued, priority, max_attempts, retain, kind, unique =
    string.match(tail, "^(%d+),(%d+),(-?%d+),(%d+),(%d+),([^,]*),(.*)$")
  return {
    holder = holder, token = token, flag = flag,
    attempt = tonumber(attempt), rescues = tonumber(rescues), snoozes = tonumber(snoozes),
    started = started, finished = finished, reason = reason, worker = worker, tail = tail,
    score = tonumber(priority) * 1099511627776 + tonumber(sequence),
    max_attempts = tonumber(max_attempts), retain = tonumber(retain), unique = unique
  }
end
local function format_run(run)
  return run.holder .. run.token .. "," .. run.flag .. "," .. run.attempt .. "," .. run.rescues .. "," .. run.snoozes
    .. "," .. run.started .. "," .. run.finished .. "," .. run.reason .. "," .. run.worker .. "," .. run.tail
end
local function in_chunks(size, count, act)
  for first = 1, count, size do
    act(first, math.min(first + size - 1, count))
  end
end
local function read_fields(key, ids)
  local values = {}
  in_chunks(1000, #ids, function(first, last)
    local part = redis.call("HMGET", key, unpack(ids, first, last))
    for i = 1, #part do values[first + i - 1] = part[i] end
  end)
  return values
end
local function spread(command, key, values)
  in_chunks(4000, #values, function(first, last)
    redis.call(command, key, unpack(values, first, last))
  end)
end
local function count(meta, name, by)
  if by > 0 then redis.call("HINCRBY", meta, name, by) end
end
local function promote(keys, limit, now)
  local promoted = 0
  for _, index in ipairs({ keys.scheduled, keys.retry }) do
    local due = promoted < limit and redis.call("ZRANGEBYSCORE", index, "-inf", now, "LIMIT", 0, limit - promoted) or {}
    if #due > 0 then
      local entries = {}
      for i, record in ipairs(read_fields(keys.jobs, due)) do
        if record then
          local sequence, priority = string.match(record, "^%d,(%d+),%d+,(-?%d+),")
          entries[#entries + 1] = tonumber(priority) * 1099511627776 + tonumber(sequence)
          entries[#entries + 1] = due[i]
        else
          count(keys.meta, "vanished", 1)
        end
      end
      spread("ZREM", index, due)
      spread("ZADD", keys.pending, entries)
      promoted = promoted + #due
    end
  end
  return promoted
end
local function signal(keys)
  redis.call("ZADD", keys.wake, 0, "1")
end
local keys = { jobs = KEYS[1], pending = KEYS[2], scheduled = KEYS[3], retry = KEYS[4], meta = KEYS[5], wake = KEYS[6] }
local promoted = promote(keys, tonumber(ARGV[2]), clock(ARGV[1]))
if promoted > 0 then signal(keys) end
return promoted`
  },
  prune: {
    keys: ["jobs", "runs", "completed", "cancelled", "dead", "ledger", "result", "meta", "claims", "workers"] as const,
    args: ["now", "limit", "dead_retain", "max_dead", "max_finished"] as const,
    rest: undefined,
    sha1: "5d1c5e5c6c8f0aa79235c17cb6f9e3931c86ad4e",
    source: `#!lua flags=allow-oom
local function clock(given)
  if given ~= "" then return tonumber(given) end
  local time = redis.call("TIME")
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function exact(number)
  return string.format("%.0f", number)
end
local function parse_run(text)
  local holder, token, flag, attempt, rescues, snoozes, started, finished, reason, worker, tail =
    string.match(text, "^(%a)(%d+),(%d),(%d+),(%d+),(%d+),(%d*),(%d*),(%a*),([^,]*),(.*)$")
  local sequence, enqueued, priority, max_attempts, retain, kind, unique =
    string.match(tail, "^(%d+),(%d+),(-?%d+),(%d+),(%d+),([^,]*),(.*)$")
  return {
    holder = holder, token = token, flag = flag,
    attempt = tonumber(attempt), rescues = tonumber(rescues), snoozes = tonumber(snoozes),
    started = started, finished = finished, reason = reason, worker = worker, tail = tail,
    score = tonumber(priority) * 1099511627776 + tonumber(sequence),
    max_attempts = tonumber(max_attempts), retain = tonumber(retain), unique = unique
  }
end
local function format_run(run)
  return run.holder .. run.token .. "," .. run.flag .. "," .. run.attempt .. "," .. run.rescues .. "," .. run.snoozes
    .. "," .. run.started .. "," .. run.finished .. "," .. run.reason .. "," .. run.worker .. "," .. run.tail
end
local function in_chunks(size, count, act)
  for first = 1, count, size do
    act(first, math.min(first + size - 1, count))
  end
end
local function read_fields(key, ids)
  local values = {}
  in_chunks(1000, #ids, function(first, last)
    local part = redis.call("HMGET", key, unpack(ids, first, last))
    for i = 1, #part do values[first + i - 1] = part[i] end
  end)
  return values
end
local function spread(command, key, values)
  in_chunks(4000, #values, function(first, last)
    redis.call(command, key, unpack(values, first, last))
  end)
end
local function count(meta, name, by)
  if by > 0 then redis.call("HINCRBY", meta, name, by) end
end
local ledger_limit = 20
local function write_failure(keys, id, run, outcome, now, error)
  local line = run.attempt .. "," .. run.started .. "," .. now .. "," .. outcome .. "," .. error
  local ledger = redis.call("HGET", keys.ledger, id)
  if ledger then
    local _, lines = string.gsub(ledger, "\\n", "\\n")
    if lines + 1 >= ledger_limit then ledger = string.match(ledger, "^[^\\n]*\\n(.*)$") or "" end
    line = ledger == "" and line or (ledger .. "\\n" .. line)
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
local function leave_active(keys, index, score, id, run)
  redis.call("ZREM", keys.active, id)
  redis.call("ZADD", index, score, id)
  run.holder = "w"
  store_run(keys, id, run)
end
local keys = {
  jobs = KEYS[1], runs = KEYS[2], completed = KEYS[3], cancelled = KEYS[4], dead = KEYS[5],
  ledger = KEYS[6], result = KEYS[7], meta = KEYS[8], claims = KEYS[9], workers = KEYS[10]
}
local now = clock(ARGV[1])
local left = tonumber(ARGV[2])
local dead_retain, max_dead, max_finished = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local removed = 0
local function drop(index, ids)
  for _, id in ipairs(ids) do
    remove(keys, index, id)
  end
  removed = removed + #ids
  left = left - #ids
end
local function drop_until(index, score)
  if left > 0 then drop(index, redis.call("ZRANGEBYSCORE", index, "-inf", score, "LIMIT", 0, left)) end
end
local function drop_beyond(index, kept)
  local surplus = math.min(left, redis.call("ZCARD", index) - kept)
  if surplus > 0 then drop(index, redis.call("ZRANGE", index, 0, surplus - 1)) end
end
drop_until(keys.completed, now)
drop_until(keys.cancelled, now)
drop_until(keys.dead, now - dead_retain)
drop_beyond(keys.completed, max_finished)
drop_beyond(keys.cancelled, max_finished)
drop_beyond(keys.dead, max_dead)
count(keys.meta, "removed", removed)
local silent = redis.call("ZRANGEBYSCORE", keys.workers, "-inf", now - 172800000, "LIMIT", 0, 100)
if #silent > 0 then
  redis.call("ZREM", keys.workers, unpack(silent))
  redis.call("HDEL", keys.claims, unpack(silent))
end
return removed`
  },
  purge: {
    keys: ["jobs", "runs", "dead", "ledger", "result", "meta"] as const,
    args: ["oldest"] as const,
    rest: "ids" as const,
    sha1: "f8625dd4a35f4aff223e8810361b4b58b0c7d9c5",
    source: `#!lua flags=allow-oom
local function parse_run(text)
  local holder, token, flag, attempt, rescues, snoozes, started, finished, reason, worker, tail =
    string.match(text, "^(%a)(%d+),(%d),(%d+),(%d+),(%d+),(%d*),(%d*),(%a*),([^,]*),(.*)$")
  local sequence, enqueued, priority, max_attempts, retain, kind, unique =
    string.match(tail, "^(%d+),(%d+),(-?%d+),(%d+),(%d+),([^,]*),(.*)$")
  return {
    holder = holder, token = token, flag = flag,
    attempt = tonumber(attempt), rescues = tonumber(rescues), snoozes = tonumber(snoozes),
    started = started, finished = finished, reason = reason, worker = worker, tail = tail,
    score = tonumber(priority) * 1099511627776 + tonumber(sequence),
    max_attempts = tonumber(max_attempts), retain = tonumber(retain), unique = unique
  }
end
local function format_run(run)
  return run.holder .. run.token .. "," .. run.flag .. "," .. run.attempt .. "," .. run.rescues .. "," .. run.snoozes
    .. "," .. run.started .. "," .. run.finished .. "," .. run.reason .. "," .. run.worker .. "," .. run.tail
end
local function in_chunks(size, count, act)
  for first = 1, count, size do
    act(first, math.min(first + size - 1, count))
  end
end
local function read_fields(key, ids)
  local values = {}
  in_chunks(1000, #ids, function(first, last)
    local part = redis.call("HMGET", key, unpack(ids, first, last))
    for i = 1, #part do values[first + i - 1] = part[i] end
  end)
  return values
end
local function spread(command, key, values)
  in_chunks(4000, #values, function(first, last)
    redis.call(command, key, unpack(values, first, last))
  end)
end
local function count(meta, name, by)
  if by > 0 then redis.call("HINCRBY", meta, name, by) end
end
local ledger_limit = 20
local function write_failure(keys, id, run, outcome, now, error)
  local line = run.attempt .. "," .. run.started .. "," .. now .. "," .. outcome .. "," .. error
  local ledger = redis.call("HGET", keys.ledger, id)
  if ledger then
    local _, lines = string.gsub(ledger, "\\n", "\\n")
    if lines + 1 >= ledger_limit then ledger = string.match(ledger, "^[^\\n]*\\n(.*)$") or "" end
    line = ledger == "" and line or (ledger .. "\\n" .. line)
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
local function leave_active(keys, index, score, id, run)
  redis.call("ZREM", keys.active, id)
  redis.call("ZADD", index, score, id)
  run.holder = "w"
  store_run(keys, id, run)
end
local keys = { jobs = KEYS[1], runs = KEYS[2], dead = KEYS[3], ledger = KEYS[4], result = KEYS[5], meta = KEYS[6] }
local ids = {}
if ARGV[1] ~= "" then
  ids = redis.call("ZRANGE", keys.dead, 0, tonumber(ARGV[1]) - 1)
else
  for i = 2, #ARGV do ids[#ids + 1] = ARGV[i] end
end
local purged = 0
for _, id in ipairs(ids) do
  if redis.call("ZSCORE", keys.dead, id) then
    remove(keys, keys.dead, id)
    purged = purged + 1
  end
end
count(keys.meta, "removed", purged)
return purged`
  },
  redrive: {
    keys: ["jobs", "runs", "pending", "dead", "unique", "meta", "wake"] as const,
    args: ["oldest"] as const,
    rest: "ids" as const,
    sha1: "c91bf8fa79009ff9b436cd0d139a9298661d2f02",
    source: `#!lua
local function parse_run(text)
  local holder, token, flag, attempt, rescues, snoozes, started, finished, reason, worker, tail =
    string.match(text, "^(%a)(%d+),(%d),(%d+),(%d+),(%d+),(%d*),(%d*),(%a*),([^,]*),(.*)$")
  local sequence, enqueued, priority, max_attempts, retain, kind, unique =
    string.match(tail, "^(%d+),(%d+),(-?%d+),(%d+),(%d+),([^,]*),(.*)$")
  return {
    holder = holder, token = token, flag = flag,
    attempt = tonumber(attempt), rescues = tonumber(rescues), snoozes = tonumber(snoozes),
    started = started, finished = finished, reason = reason, worker = worker, tail = tail,
    score = tonumber(priority) * 1099511627776 + tonumber(sequence),
    max_attempts = tonumber(max_attempts), retain = tonumber(retain), unique = unique
  }
end
local function format_run(run)
  return run.holder .. run.token .. "," .. run.flag .. "," .. run.attempt .. "," .. run.rescues .. "," .. run.snoozes
    .. "," .. run.started .. "," .. run.finished .. "," .. run.reason .. "," .. run.worker .. "," .. run.tail
end
local function in_chunks(size, count, act)
  for first = 1, count, size do
    act(first, math.min(first + size - 1, count))
  end
end
local function read_fields(key, ids)
  local values = {}
  in_chunks(1000, #ids, function(first, last)
    local part = redis.call("HMGET", key, unpack(ids, first, last))
    for i = 1, #part do values[first + i - 1] = part[i] end
  end)
  return values
end
local function spread(command, key, values)
  in_chunks(4000, #values, function(first, last)
    redis.call(command, key, unpack(values, first, last))
  end)
end
local function count(meta, name, by)
  if by > 0 then redis.call("HINCRBY", meta, name, by) end
end
local function signal(keys)
  redis.call("ZADD", keys.wake, 0, "1")
end
local keys = {
  jobs = KEYS[1], runs = KEYS[2], pending = KEYS[3], dead = KEYS[4], unique = KEYS[5], meta = KEYS[6], wake = KEYS[7]
}
local ids = {}
if ARGV[1] ~= "" then
  ids = redis.call("ZRANGE", keys.dead, 0, tonumber(ARGV[1]) - 1)
else
  for i = 2, #ARGV do ids[#ids + 1] = ARGV[i] end
end
local function redrive(id)
  local record = redis.call("ZSCORE", keys.dead, id) and redis.call("HGET", keys.jobs, id)
  if not record then return "not-dead" end
  local run = parse_run(redis.call("HGET", keys.runs, id))
  if run.unique ~= "" then
    local holder = redis.call("HGET", keys.unique, run.unique)
    if holder and holder ~= id then return "key-taken" end
    redis.call("HSET", keys.unique, run.unique, id)
  end
  local sequence = redis.call("HINCRBY", keys.meta, "sequence", 1)
  local flag, rest_at = string.match(record, "^(%d),%d+,()")
  local priority = tonumber(string.match(record, "^%d+,(-?%d+),", rest_at))
  redis.call("HSET", keys.jobs, id, flag .. "," .. sequence .. "," .. string.sub(record, rest_at))
  run.holder, run.token, run.attempt, run.rescues, run.snoozes = "w", "0", 0, 0, 0
  run.started, run.finished, run.reason, run.worker = "", "", "", ""
  run.tail = sequence .. string.match(run.tail, "^%d+(,.*)$")
  redis.call("HSET", keys.runs, id, format_run(run))
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
if redriven > 0 then signal(keys) end
return reply`
  },
  rescue: {
    keys: ["runs", "pending", "active", "dead", "ledger", "unique", "meta", "wake"] as const,
    args: ["now", "limit"] as const,
    rest: undefined,
    sha1: "78fcf5b15e1f045cd9ec11b75ec5473ad2969b16",
    source: `#!lua flags=allow-oom
local function clock(given)
  if given ~= "" then return tonumber(given) end
  local time = redis.call("TIME")
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function exact(number)
  return string.format("%.0f", number)
end
local function parse_run(text)
  local holder, token, flag, attempt, rescues, snoozes, started, finished, reason, worker, tail =
    string.match(text, "^(%a)(%d+),(%d),(%d+),(%d+),(%d+),(%d*),(%d*),(%a*),([^,]*),(.*)$")
  local sequence, enqueued, priority, max_attempts, retain, kind, unique =
    string.match(tail, "^(%d+),(%d+),(-?%d+),(%d+),(%d+),([^,]*),(.*)$")
  return {
    holder = holder, token = token, flag = flag,
    attempt = tonumber(attempt), rescues = tonumber(rescues), snoozes = tonumber(snoozes),
    started = started, finished = finished, reason = reason, worker = worker, tail = tail,
    score = tonumber(priority) * 1099511627776 + tonumber(sequence),
    max_attempts = tonumber(max_attempts), retain = tonumber(retain), unique = unique
  }
end
local function format_run(run)
  return run.holder .. run.token .. "," .. run.flag .. "," .. run.attempt .. "," .. run.rescues .. "," .. run.snoozes
    .. "," .. run.started .. "," .. run.finished .. "," .. run.reason .. "," .. run.worker .. "," .. run.tail
end
local function in_chunks(size, count, act)
  for first = 1, count, size do
    act(first, math.min(first + size - 1, count))
  end
end
local function read_fields(key, ids)
  local values = {}
  in_chunks(1000, #ids, function(first, last)
    local part = redis.call("HMGET", key, unpack(ids, first, last))
    for i = 1, #part do values[first + i - 1] = part[i] end
  end)
  return values
end
local function spread(command, key, values)
  in_chunks(4000, #values, function(first, last)
    redis.call(command, key, unpack(values, first, last))
  end)
end
local function count(meta, name, by)
  if by > 0 then redis.call("HINCRBY", meta, name, by) end
end
local ledger_limit = 20
local function write_failure(keys, id, run, outcome, now, error)
  local line = run.attempt .. "," .. run.started .. "," .. now .. "," .. outcome .. "," .. error
  local ledger = redis.call("HGET", keys.ledger, id)
  if ledger then
    local _, lines = string.gsub(ledger, "\\n", "\\n")
    if lines + 1 >= ledger_limit then ledger = string.match(ledger, "^[^\\n]*\\n(.*)$") or "" end
    line = ledger == "" and line or (ledger .. "\\n" .. line)
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
local function leave_active(keys, index, score, id, run)
  redis.call("ZREM", keys.active, id)
  redis.call("ZADD", index, score, id)
  run.holder = "w"
  store_run(keys, id, run)
end
local function rescue(keys, limit, now)
  local rescued, buried = {}, {}
  local expired = redis.call("ZRANGEBYSCORE", keys.active, "-inf", now, "LIMIT", 0, limit)
  for _, id in ipairs(expired) do
    local text = redis.call("HGET", keys.runs, id)
    if text then
      local run = parse_run(text)
      run.token = "0"
      run.rescues = run.rescues + 1
      write_failure(keys, id, run, "crashed", now, '"the lease expired"')
      if run.attempt >= run.max_attempts then
        bury(keys, id, run, "crashed", now)
        buried[#buried + 1] = id
      else
        leave_active(keys, keys.pending, run.score, id, run)
        rescued[#rescued + 1] = id
      end
    else
      redis.call("ZREM", keys.active, id)
      count(keys.meta, "vanished", 1)
    end
  end
  count(keys.meta, "rescued", #rescued + #buried)
  return rescued, buried
end
local function signal(keys)
  redis.call("ZADD", keys.wake, 0, "1")
end
local keys = {
  runs = KEYS[1], pending = KEYS[2], active = KEYS[3], dead = KEYS[4],
  ledger = KEYS[5], unique = KEYS[6], meta = KEYS[7], wake = KEYS[8]
}
local rescued, buried = rescue(keys, tonumber(ARGV[2]), clock(ARGV[1]))
if #rescued > 0 then signal(keys) end
return { rescued, buried }`
  },
  stats: {
    keys: ["pending", "scheduled", "retry", "active", "completed", "cancelled", "dead", "meta"] as const,
    args: [] as const,
    rest: "names" as const,
    sha1: "37147fbbd5d71bd2ac86dff3fb3a8700e7ae988b",
    source: `#!lua flags=no-writes
local reply = {}
for i = 1, 7 do reply[i] = redis.call("ZCARD", KEYS[i]) end
for _, value in ipairs(redis.call("HMGET", KEYS[8], unpack(ARGV))) do
  reply[#reply + 1] = value or ""
end
return reply`
  }
}
