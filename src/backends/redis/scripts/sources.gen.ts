// Generated from the .lua files of this folder by `npm run gen`. Do not edit.

/** Per script: names of its KEYS and ARGV as its header declares them (`rest` is a variadic tail), and its text. */
export const sources = {
  advance: {
    keys: ["head", "nodes", "status", "left", "results", "open", "starts", "stopped", "failures", "listeners"] as const,
    args: ["now", "notices", "limit", "drive", "stop", "reason"] as const,
    rest: "endings" as const,
    sha1: "44b5c8468b99ac28e05bcff51f68c7642f59e842",
    source: `#!lua flags=allow-oom
local function clock(given)
  if given ~= "" then return tonumber(given) end
  local time = redis.call("TIME")
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function exact(number)
  return string.format("%d", number)
end
local function in_chunks(size, count, act)
  for first = 1, count, size do
    act(first, math.min(first + size - 1, count))
  end
end
local function read_range(key, ids, first, last)
  if last < first then return {} end
  if last - first < 4000 then return redis.call("HMGET", key, unpack(ids, first, last)) end
  local values = {}
  in_chunks(4000, last - first + 1, function(from, to)
    local part = redis.call("HMGET", key, unpack(ids, first + from - 1, first + to - 1))
    for i = 1, #part do values[from + i - 1] = part[i] end
  end)
  return values
end
local function read_fields(key, ids)
  return read_range(key, ids, 1, #ids)
end
local function spread_range(command, key, values, first, last)
  local sum = 0
  for from = first, last, 4000 do
    sum = sum + redis.call(command, key, unpack(values, from, math.min(from + 3999, last)))
  end
  return sum
end
local function spread(command, key, values)
  return spread_range(command, key, values, 1, #values)
end
local function count(meta, name, by)
  if by > 0 then redis.call("HINCRBY", meta, name, exact(by)) end
end
local function parse_full_run(text)
  local holder, token, flag, attempt, rescues, snoozes, started, finished, reason, worker, tail =
    string.match(text, "^(%a)(%d+),(%d),(%d+),(%d+),(%d+),(%d*),(%d*),(%a*),([^,]*),(.*)$")
  if not tail then return nil end
  local sequence, enqueued, expires, priority, max_attempts, retain, kind, held, unique =
    string.match(tail, "^(%d+),(%d+),(%d*),(-?%d+),(%d+),(%d+),([^,]*),(%a?):?(.*)$")
  if not unique then return nil end
  return {
    holder = holder, token = token, flag = flag,
    attempt = tonumber(attempt), rescues = tonumber(rescues), snoozes = tonumber(snoozes),
    started = started, finished = finished, reason = reason, worker = worker, tail = tail,
    score = tonumber(priority) * 1099511627776 + tonumber(sequence),
    expires = tonumber(expires), max_attempts = tonumber(max_attempts), retain = tonumber(retain), kind = kind, held = held, unique = unique
  }
end
local function is_record(record)
  return string.find(record, "^%d,%d+,%d+,%d*,%-?%d+,%d+,%d+,[^,\\n]*,[^,\\n]*\\n[^\\n]*\\n") ~= nil
end
local function first_line(record)
  return string.match(record, "^(%d),(%d+,%d+,%d*,%-?%d+,%d+,%d+,[^,\\n]*,[^,\\n]*)\\n[^\\n]*\\n")
end
local function due_at(record, time)
  return (string.gsub(record, "\\n[^{\\n]*", "\\n@" .. exact(time), 1))
end
local function parse_run(id, text)
  if string.find(text, "^%a%d+,0,1,0,0,%d+,,,[^,]*$") then
    local record = redis.call("HGET", keys.jobs, id)
    local _, tail = first_line(record or "")
    if not tail then return nil end
    text = text .. "," .. tail
  end
  return parse_full_run(text)
end
local function new_run(record)
  local flag, tail = first_line(record)
  if not flag then return nil end
  return parse_full_run("w0," .. flag .. ",0,0,0,,,,," .. tail)
end
local function format_run(run)
  return run.holder .. run.token .. "," .. run.flag .. "," .. run.attempt .. "," .. run.rescues .. "," .. run.snoozes
    .. "," .. run.started .. "," .. run.finished .. "," .. run.reason .. "," .. run.worker .. "," .. run.tail
end
local function ended_run(text, now)
  local from, to, retain, held, unique = string.match(
    text, "^a%d+,%d,%d+,%d+,%d+,%d*,()%d*(),%a*,[^,]*,%d+,%d+,%d*,%-?%d+,%d+,(%d+),[^,]*,(%a?):?(.*)$"
  )
  if not from then return nil end
  return tonumber(retain), held, unique, "w" .. string.sub(text, 2, from - 1) .. now .. string.sub(text, to)
end
local function mind(run)
  if run.flag % 2 == 0 then run.flag = exact(run.flag + 1) end
end
local now, limit = clock(ARGV[1]), tonumber(ARGV[3])
local head = redis.call("HMGET", KEYS[1], "state", "stop", "policy", "created", "ended", "deadline", "retain", "retain_failed",
  "stops")
local state, stop, policy = head[1], head[2], head[3]
if not state then return {} end
local created, ended, deadline = head[4], head[5] or "", head[6]
local stops_before = tonumber(head[9] or "0")
local had_state, had_stop = state, stop
local fresh, repeated = {}, ARGV[4] == "1"
local function is_over()
  return stop == "cancelled" or stop == "deadline"
end
local function is_final()
  return is_over() or state == "completed"
end
local statuses, changed, is_open, is_starting, outcomes, completed = {}, {}, {}, {}, {}, 0
local function set_status(node, letter, generation, sequence, stops)
  statuses[node] = letter .. generation .. "," .. exact(sequence) .. "," .. stops
  changed[node] = true
end
local function status_of(node)
  if statuses[node] == nil then statuses[node] = redis.call("HGET", KEYS[3], node) end
  local letter, generation, sequence, stops = string.match(statuses[node] or "w0", "^(%a)(%d+),?(%d*),?(%d*)$")
  return letter, tonumber(generation), tonumber(sequence) or 0, tonumber(stops) or 0
end
local function start(node, generation)
  set_status(node, "o", generation, 0, stops_before)
  is_open[node], is_starting[node] = true, true
  fresh[#fresh + 1] = node
end
local function withhold(node, generation)
  set_status(node, "z", generation, 0, 0)
  is_open[node], is_starting[node] = false, false
  redis.call("SADD", KEYS[8], node)
end
local parents = {}
local function release(node)
  parents[#parents + 1] = node
end
local function release_children()
  while #parents > 0 do
    local less, joins, children = {}, {}, {}
    in_chunks(20, #parents, function(first, last)
      for _, text in ipairs(read_range(KEYS[2], parents, first, last)) do
        for join, child in string.gmatch(string.match(text or "", "^[^\\n]*"), "(j?)(%d+)") do
          if not less[child] then children[#children + 1] = child end
          less[child] = (less[child] or 0) + 1
          joins[child] = join == "j"
        end
      end
    end)
    parents = {}
    for _, child in ipairs(children) do
      if redis.call("HINCRBY", KEYS[4], child, -less[child]) == 0 then
        if joins[child] then
          set_status(child, "c", 0, 0, 0)
          parents[#parents + 1] = child
        elseif stop ~= "" then
          withhold(child, 0)
        else
          start(child, 0)
        end
      end
    end
  end
end
local function split(is_member)
  local added, removed = {}, {}
  for node, is in pairs(is_member) do
    local nodes = is and added or removed
    nodes[#nodes + 1] = node
  end
  return added, removed
end
local function write_changes()
  local fields, scores, kept = {}, {}, {}
  for node in pairs(changed) do
    fields[#fields + 1] = node
    fields[#fields + 1] = statuses[node]
  end
  spread("HSET", KEYS[3], fields)
  local added, removed = split(is_open)
  spread("SADD", KEYS[6], added)
  spread("SREM", KEYS[6], removed)
  added, removed = split(is_starting)
  for _, node in ipairs(added) do
    scores[#scores + 1] = node
    scores[#scores + 1] = node
  end
  spread("ZADD", KEYS[7], scores)
  spread("ZREM", KEYS[7], removed)
  local _, forgotten = split(outcomes)
  for node, outcome in pairs(outcomes) do
    if outcome then
      kept[#kept + 1] = node
      kept[#kept + 1] = outcome
    end
  end
  spread("HSET", KEYS[5], kept)
  spread("HDEL", KEYS[5], forgotten)
  count(KEYS[1], "completed", completed)
end
local function begin_stop(cause, reason)
  stop = cause
  stops_before = redis.call("HINCRBY", KEYS[1], "stops", 1)
  redis.call("HSET", KEYS[1], "stop", cause, "reason", reason)
  for _, node in ipairs(fresh) do
    local letter, generation = status_of(node)
    if letter == "o" then withhold(node, generation) end
  end
  fresh = {}
end
local function revive()
  state, stop, ended = "running", "", ""
  redis.call("HSET", KEYS[1], "state", state, "stop", "", "reason", "")
  redis.call("HDEL", KEYS[1], "ended")
  for _, node in ipairs(redis.call("SMEMBERS", KEYS[8])) do
    local _, generation = status_of(node)
    start(node, generation + 1)
  end
  redis.call("DEL", KEYS[8])
end
local function take(node, generation, sequence, outcome)
  local letter, current, latest, stops = status_of(node)
  if letter == "w" or generation ~= current or sequence < latest then return false end
  local is_news = sequence > latest
  if latest > 0 then repeated = true end
  local kind = string.sub(outcome, 1, 1)
  local had_failed = letter == "d" or letter == "x"
  if kind == "R" then
    if letter ~= "d" or not is_news or is_final() then
      if is_news then set_status(node, letter, generation, sequence, stops) end
      return false
    end
    redis.call("ZREM", KEYS[9], node)
    outcomes[node] = false
    set_status(node, "o", generation, sequence, stops_before)
    is_open[node] = true
    revive()
    return true
  end
  if kind == "c" or kind == "C" then
    if letter == "c" then return false end
    is_open[node], is_starting[node] = false, false
    set_status(node, "c", generation, sequence, stops)
    outcomes[node] = outcome
    completed = completed + 1
    if had_failed then
      redis.call("ZREM", KEYS[9], node)
      if not is_final() then revive() end
    end
    if policy ~= "continue" or redis.call("HGET", KEYS[4], node) ~= "-1" then release(node) end
    return true
  end
  local failed = kind == "d" and "d" or "x"
  if had_failed and is_news then
    set_status(node, failed, generation, sequence, stops)
    outcomes[node] = outcome
    return true
  end
  if letter ~= "o" then return false end
  is_open[node], is_starting[node] = false, false
  if failed == "x" and stop ~= "" then
    withhold(node, generation)
    return true
  end
  if failed == "x" and stops < stops_before then
    start(node, generation + 1)
    return true
  end
  set_status(node, failed, generation, sequence, stops)
  outcomes[node] = outcome
  redis.call("ZADD", KEYS[9], redis.call("HINCRBY", KEYS[1], "failings", 1), node)
  if policy == "continue" then
    if redis.call("HGET", KEYS[4], node) ~= "-1" then
      redis.call("HSET", KEYS[4], node, -1)
      release(node)
    end
  elseif policy == "stop" and stop == "" then
    begin_stop("failure", "")
  end
  return true
end
local told = {}
for i = 7, #ARGV, 4 do told[#told + 1] = ARGV[i] end
for i, text in ipairs(read_fields(KEYS[3], told)) do statuses[told[i]] = text end
for i = 7, #ARGV, 4 do
  if not take(ARGV[i], tonumber(ARGV[i + 1]) - tonumber(created), tonumber(ARGV[i + 2]), ARGV[i + 3]) then repeated = true end
end
release_children()
if state == "running" and not is_over() then
  if ARGV[5] ~= "" then
    begin_stop(ARGV[5], ARGV[6])
  elseif deadline ~= "" and tonumber(deadline) <= now then
    begin_stop("deadline", "")
  end
end
write_changes()
local open = redis.call("SCARD", KEYS[6])
local stops = stop ~= "" and (repeated or stop ~= had_stop) and open > 0
if state == "running" and open == 0 then
  local has_failed = stop ~= "" or (redis.call("ZCARD", KEYS[9]) > 0 and policy ~= "continue")
  state = stop == "cancelled" and "cancelled" or has_failed and "failed" or "completed"
  ended = exact(now)
  redis.call("HSET", KEYS[1], "state", state, "ended", ended)
  for _, listener in ipairs(redis.call("SMEMBERS", KEYS[10])) do
    local name, ref = string.match(listener, "^(%S+) (%S+)$")
    redis.call("PUBLISH", ARGV[2] .. name, "workflow\\n" .. ref)
  end
  redis.call("DEL", KEYS[10])
end
local more = 0
if repeated or stops then
  fresh = redis.call("ZRANGE", KEYS[7], 0, limit - 1)
  more = redis.call("ZCARD", KEYS[7]) - #fresh
else
  local still = {}
  for _, node in ipairs(fresh) do
    if is_starting[node] then still[#still + 1] = node end
  end
  fresh = still
  more = #fresh - limit
end
local over = ""
if ended ~= "" then over = exact(tonumber(ended) + tonumber(state == "failed" and head[8] or head[7])) end
local changed_now = state ~= had_state
local changed = repeated or changed_now
local flags = (stops and 1 or 0) + (more > 0 and 2 or 0) + (changed and 4 or 0)
local changes = redis.call("HINCRBY", KEYS[1], "changes", changed_now and 1 or 0)
local reply = { state, flags, exact(now), created, ended, deadline, over, changes }
local texts = read_range(KEYS[2], fresh, 1, math.min(limit, #fresh))
for i = 1, #texts do
  local _, generation = status_of(fresh[i])
  reply[#reply + 1] = fresh[i]
  reply[#reply + 1] = exact(created + generation)
  reply[#reply + 1] = texts[i] or ""
end
return reply`
  },
  annotate: {
    keys: ["jobs", "runs", "progress", "logs", "meta"] as const,
    args: ["id", "token", "progress", "most", "from"] as const,
    rest: "lines" as const,
    sha1: "0fbe6f2ace8a341a804bbae8e260079a3a759f6e",
    source: `#!lua
local function clock(given)
  if given ~= "" then return tonumber(given) end
  local time = redis.call("TIME")
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function exact(number)
  return string.format("%d", number)
end
local function in_chunks(size, count, act)
  for first = 1, count, size do
    act(first, math.min(first + size - 1, count))
  end
end
local function read_range(key, ids, first, last)
  if last < first then return {} end
  if last - first < 4000 then return redis.call("HMGET", key, unpack(ids, first, last)) end
  local values = {}
  in_chunks(4000, last - first + 1, function(from, to)
    local part = redis.call("HMGET", key, unpack(ids, first + from - 1, first + to - 1))
    for i = 1, #part do values[from + i - 1] = part[i] end
  end)
  return values
end
local function read_fields(key, ids)
  return read_range(key, ids, 1, #ids)
end
local function spread_range(command, key, values, first, last)
  local sum = 0
  for from = first, last, 4000 do
    sum = sum + redis.call(command, key, unpack(values, from, math.min(from + 3999, last)))
  end
  return sum
end
local function spread(command, key, values)
  return spread_range(command, key, values, 1, #values)
end
local function count(meta, name, by)
  if by > 0 then redis.call("HINCRBY", meta, name, exact(by)) end
end
local function parse_full_run(text)
  local holder, token, flag, attempt, rescues, snoozes, started, finished, reason, worker, tail =
    string.match(text, "^(%a)(%d+),(%d),(%d+),(%d+),(%d+),(%d*),(%d*),(%a*),([^,]*),(.*)$")
  if not tail then return nil end
  local sequence, enqueued, expires, priority, max_attempts, retain, kind, held, unique =
    string.match(tail, "^(%d+),(%d+),(%d*),(-?%d+),(%d+),(%d+),([^,]*),(%a?):?(.*)$")
  if not unique then return nil end
  return {
    holder = holder, token = token, flag = flag,
    attempt = tonumber(attempt), rescues = tonumber(rescues), snoozes = tonumber(snoozes),
    started = started, finished = finished, reason = reason, worker = worker, tail = tail,
    score = tonumber(priority) * 1099511627776 + tonumber(sequence),
    expires = tonumber(expires), max_attempts = tonumber(max_attempts), retain = tonumber(retain), kind = kind, held = held, unique = unique
  }
end
local function is_record(record)
  return string.find(record, "^%d,%d+,%d+,%d*,%-?%d+,%d+,%d+,[^,\\n]*,[^,\\n]*\\n[^\\n]*\\n") ~= nil
end
local function first_line(record)
  return string.match(record, "^(%d),(%d+,%d+,%d*,%-?%d+,%d+,%d+,[^,\\n]*,[^,\\n]*)\\n[^\\n]*\\n")
end
local function due_at(record, time)
  return (string.gsub(record, "\\n[^{\\n]*", "\\n@" .. exact(time), 1))
end
local function parse_run(id, text)
  if string.find(text, "^%a%d+,0,1,0,0,%d+,,,[^,]*$") then
    local record = redis.call("HGET", KEYS[1], id)
    local _, tail = first_line(record or "")
    if not tail then return nil end
    text = text .. "," .. tail
  end
  return parse_full_run(text)
end
local function new_run(record)
  local flag, tail = first_line(record)
  if not flag then return nil end
  return parse_full_run("w0," .. flag .. ",0,0,0,,,,," .. tail)
end
local function format_run(run)
  return run.holder .. run.token .. "," .. run.flag .. "," .. run.attempt .. "," .. run.rescues .. "," .. run.snoozes
    .. "," .. run.started .. "," .. run.finished .. "," .. run.reason .. "," .. run.worker .. "," .. run.tail
end
local function ended_run(text, now)
  local from, to, retain, held, unique = string.match(
    text, "^a%d+,%d,%d+,%d+,%d+,%d*,()%d*(),%a*,[^,]*,%d+,%d+,%d*,%-?%d+,%d+,(%d+),[^,]*,(%a?):?(.*)$"
  )
  if not from then return nil end
  return tonumber(retain), held, unique, "w" .. string.sub(text, 2, from - 1) .. now .. string.sub(text, to)
end
local function mind(run)
  if run.flag % 2 == 0 then run.flag = exact(run.flag + 1) end
end
local id, token, most = ARGV[1], ARGV[2], tonumber(ARGV[4])
local text = redis.call("HGET", KEYS[2], id)
local held = "a" .. token .. ","
if not text or string.sub(text, 1, #held) ~= held then
  local current = text and string.match(text, "^%a(%d+),")
  if current ~= token and (current or redis.call("HEXISTS", KEYS[1], id) == 1) then count(KEYS[5], "stale", 1) end
  return 0
end
local run = parse_run(id, text)
if not run then return 0 end
mind(run)
redis.call("HSET", KEYS[2], id, format_run(run))
if ARGV[3] ~= "" then redis.call("HSET", KEYS[3], id, ARGV[3]) end
if #ARGV > 5 then
  local lines = {}
  for line in string.gmatch(redis.call("HGET", KEYS[4], id) or "", "[^\\n]+") do lines[#lines + 1] = line end
  local who, added = string.match(table.remove(lines, 1) or "", "^(%d+) (%d+)$")
  local known = who == token and tonumber(added) or 0
  local first = 6 + math.max(0, known - tonumber(ARGV[5]))
  for i = first, #ARGV do lines[#lines + 1] = ARGV[i] end
  known = exact(math.max(known, tonumber(ARGV[5]) + #ARGV - 5))
  local kept = table.concat(lines, "\\n", math.max(1, #lines - most + 1))
  redis.call("HSET", KEYS[4], id, token .. " " .. known .. "\\n" .. kept)
end
return 1`
  },
  audit: {
    keys: ["jobs", "pending", "limited", "scheduled", "retry", "active", "completed", "cancelled", "dead", "meta"] as const,
    args: ["limit"] as const,
    rest: undefined,
    sha1: "c83a260b04363c6c7e1625d5d117d3ba7091e3b9",
    source: `#!lua flags=no-writes
local function clock(given)
  if given ~= "" then return tonumber(given) end
  local time = redis.call("TIME")
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function exact(number)
  return string.format("%d", number)
end
local function in_chunks(size, count, act)
  for first = 1, count, size do
    act(first, math.min(first + size - 1, count))
  end
end
local function read_range(key, ids, first, last)
  if last < first then return {} end
  if last - first < 4000 then return redis.call("HMGET", key, unpack(ids, first, last)) end
  local values = {}
  in_chunks(4000, last - first + 1, function(from, to)
    local part = redis.call("HMGET", key, unpack(ids, first + from - 1, first + to - 1))
    for i = 1, #part do values[from + i - 1] = part[i] end
  end)
  return values
end
local function read_fields(key, ids)
  return read_range(key, ids, 1, #ids)
end
local function spread_range(command, key, values, first, last)
  local sum = 0
  for from = first, last, 4000 do
    sum = sum + redis.call(command, key, unpack(values, from, math.min(from + 3999, last)))
  end
  return sum
end
local function spread(command, key, values)
  return spread_range(command, key, values, 1, #values)
end
local function count(meta, name, by)
  if by > 0 then redis.call("HINCRBY", meta, name, exact(by)) end
end
local function parse_full_run(text)
  local holder, token, flag, attempt, rescues, snoozes, started, finished, reason, worker, tail =
    string.match(text, "^(%a)(%d+),(%d),(%d+),(%d+),(%d+),(%d*),(%d*),(%a*),([^,]*),(.*)$")
  if not tail then return nil end
  local sequence, enqueued, expires, priority, max_attempts, retain, kind, held, unique =
    string.match(tail, "^(%d+),(%d+),(%d*),(-?%d+),(%d+),(%d+),([^,]*),(%a?):?(.*)$")
  if not unique then return nil end
  return {
    holder = holder, token = token, flag = flag,
    attempt = tonumber(attempt), rescues = tonumber(rescues), snoozes = tonumber(snoozes),
    started = started, finished = finished, reason = reason, worker = worker, tail = tail,
    score = tonumber(priority) * 1099511627776 + tonumber(sequence),
    expires = tonumber(expires), max_attempts = tonumber(max_attempts), retain = tonumber(retain), kind = kind, held = held, unique = unique
  }
end
local function is_record(record)
  return string.find(record, "^%d,%d+,%d+,%d*,%-?%d+,%d+,%d+,[^,\\n]*,[^,\\n]*\\n[^\\n]*\\n") ~= nil
end
local function first_line(record)
  return string.match(record, "^(%d),(%d+,%d+,%d*,%-?%d+,%d+,%d+,[^,\\n]*,[^,\\n]*)\\n[^\\n]*\\n")
end
local function due_at(record, time)
  return (string.gsub(record, "\\n[^{\\n]*", "\\n@" .. exact(time), 1))
end
local function parse_run(id, text)
  if string.find(text, "^%a%d+,0,1,0,0,%d+,,,[^,]*$") then
    local record = redis.call("HGET", KEYS[1], id)
    local _, tail = first_line(record or "")
    if not tail then return nil end
    text = text .. "," .. tail
  end
  return parse_full_run(text)
end
local function new_run(record)
  local flag, tail = first_line(record)
  if not flag then return nil end
  return parse_full_run("w0," .. flag .. ",0,0,0,,,,," .. tail)
end
local function format_run(run)
  return run.holder .. run.token .. "," .. run.flag .. "," .. run.attempt .. "," .. run.rescues .. "," .. run.snoozes
    .. "," .. run.started .. "," .. run.finished .. "," .. run.reason .. "," .. run.worker .. "," .. run.tail
end
local function ended_run(text, now)
  local from, to, retain, held, unique = string.match(
    text, "^a%d+,%d,%d+,%d+,%d+,%d*,()%d*(),%a*,[^,]*,%d+,%d+,%d*,%-?%d+,%d+,(%d+),[^,]*,(%a?):?(.*)$"
  )
  if not from then return nil end
  return tonumber(retain), held, unique, "w" .. string.sub(text, 2, from - 1) .. now .. string.sub(text, to)
end
local function mind(run)
  if run.flag % 2 == 0 then run.flag = exact(run.flag + 1) end
end
local limit = tonumber(ARGV[1])
local names = { "pending", "pending", "scheduled", "retry", "active", "completed", "cancelled", "dead" }
local counters = redis.call("HMGET", KEYS[10], "enqueued", "removed")
local reply = { counters[1] or "0", counters[2] or "0", 0, redis.call("HLEN", KEYS[1]), 0 }
for i = 2, 9 do
  reply[3] = reply[3] + redis.call("ZCARD", KEYS[i])
  local ids = limit > 0 and redis.call("ZRANGE", KEYS[i], 0, limit - 1) or {}
  if i == 3 then
    for j, member in ipairs(ids) do ids[j] = string.match(member, "^[^,]*,[^,]*,(.*)$") or member end
  end
  reply[5] = reply[5] + #ids
  local records = read_fields(KEYS[1], ids)
  for j, id in ipairs(ids) do
    if not records[j] then
      reply[#reply + 1] = names[i - 1]
      reply[#reply + 1] = id
    end
  end
end
return reply`
  },
  cancel: {
    keys: ["jobs", "runs", "pending", "limited", "scheduled", "retry", "active", "cancelled", "ledger", "result", "cancels", "progress", "logs", "watchers", "unique", "meta", "outbox", "endings", "members"] as const,
    args: ["now", "notices", "queue", "id", "reason"] as const,
    rest: undefined,
    sha1: "0b25a5c4a25c365f45137b4d5a5ffda4a3b987ae",
    source: `#!lua flags=allow-oom
local function clock(given)
  if given ~= "" then return tonumber(given) end
  local time = redis.call("TIME")
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function exact(number)
  return string.format("%d", number)
end
local function in_chunks(size, count, act)
  for first = 1, count, size do
    act(first, math.min(first + size - 1, count))
  end
end
local function read_range(key, ids, first, last)
  if last < first then return {} end
  if last - first < 4000 then return redis.call("HMGET", key, unpack(ids, first, last)) end
  local values = {}
  in_chunks(4000, last - first + 1, function(from, to)
    local part = redis.call("HMGET", key, unpack(ids, first + from - 1, first + to - 1))
    for i = 1, #part do values[from + i - 1] = part[i] end
  end)
  return values
end
local function read_fields(key, ids)
  return read_range(key, ids, 1, #ids)
end
local function spread_range(command, key, values, first, last)
  local sum = 0
  for from = first, last, 4000 do
    sum = sum + redis.call(command, key, unpack(values, from, math.min(from + 3999, last)))
  end
  return sum
end
local function spread(command, key, values)
  return spread_range(command, key, values, 1, #values)
end
local function count(meta, name, by)
  if by > 0 then redis.call("HINCRBY", meta, name, exact(by)) end
end
local function parse_full_run(text)
  local holder, token, flag, attempt, rescues, snoozes, started, finished, reason, worker, tail =
    string.match(text, "^(%a)(%d+),(%d),(%d+),(%d+),(%d+),(%d*),(%d*),(%a*),([^,]*),(.*)$")
  if not tail then return nil end
  local sequence, enqueued, expires, priority, max_attempts, retain, kind, held, unique =
    string.match(tail, "^(%d+),(%d+),(%d*),(-?%d+),(%d+),(%d+),([^,]*),(%a?):?(.*)$")
  if not unique then return nil end
  return {
    holder = holder, token = token, flag = flag,
    attempt = tonumber(attempt), rescues = tonumber(rescues), snoozes = tonumber(snoozes),
    started = started, finished = finished, reason = reason, worker = worker, tail = tail,
    score = tonumber(priority) * 1099511627776 + tonumber(sequence),
    expires = tonumber(expires), max_attempts = tonumber(max_attempts), retain = tonumber(retain), kind = kind, held = held, unique = unique
  }
end
local function is_record(record)
  return string.find(record, "^%d,%d+,%d+,%d*,%-?%d+,%d+,%d+,[^,\\n]*,[^,\\n]*\\n[^\\n]*\\n") ~= nil
end
local function first_line(record)
  return string.match(record, "^(%d),(%d+,%d+,%d*,%-?%d+,%d+,%d+,[^,\\n]*,[^,\\n]*)\\n[^\\n]*\\n")
end
local function due_at(record, time)
  return (string.gsub(record, "\\n[^{\\n]*", "\\n@" .. exact(time), 1))
end
local function parse_run(id, text)
  if string.find(text, "^%a%d+,0,1,0,0,%d+,,,[^,]*$") then
    local record = redis.call("HGET", KEYS[1], id)
    local _, tail = first_line(record or "")
    if not tail then return nil end
    text = text .. "," .. tail
  end
  return parse_full_run(text)
end
local function new_run(record)
  local flag, tail = first_line(record)
  if not flag then return nil end
  return parse_full_run("w0," .. flag .. ",0,0,0,,,,," .. tail)
end
local function format_run(run)
  return run.holder .. run.token .. "," .. run.flag .. "," .. run.attempt .. "," .. run.rescues .. "," .. run.snoozes
    .. "," .. run.started .. "," .. run.finished .. "," .. run.reason .. "," .. run.worker .. "," .. run.tail
end
local function ended_run(text, now)
  local from, to, retain, held, unique = string.match(
    text, "^a%d+,%d,%d+,%d+,%d+,%d*,()%d*(),%a*,[^,]*,%d+,%d+,%d*,%-?%d+,%d+,(%d+),[^,]*,(%a?):?(.*)$"
  )
  if not from then return nil end
  return tonumber(retain), held, unique, "w" .. string.sub(text, 2, from - 1) .. now .. string.sub(text, to)
end
local function mind(run)
  if run.flag % 2 == 0 then run.flag = exact(run.flag + 1) end
end
local ledger_limit = 20
local function write_failure(id, run, outcome, now, error)
  local started = run.started ~= "" and run.started or now
  local line = run.attempt .. "," .. started .. "," .. now .. "," .. outcome .. "," .. error
  local ledger = redis.call("HGET", KEYS[9], id)
  if ledger then
    local _, lines = string.gsub(ledger, "\\n", "\\n")
    if lines + 1 >= ledger_limit then ledger = string.match(ledger, "^[^\\n]*\\n(.*)$") or "" end
    line = ledger == "" and line or (ledger .. "\\n" .. line)
  end
  redis.call("HSET", KEYS[9], id, line)
  mind(run)
end
local function free_key(id, run)
  if run.unique ~= "" and run.held ~= "w" and run.held ~= "m" and redis.call("HGET", KEYS[15], run.unique) == id then
    redis.call("HDEL", KEYS[15], run.unique)
  end
end
local function remove(index, id)
  redis.call("ZREM", index, id)
  for _, key in ipairs({ KEYS[1], KEYS[2], KEYS[9], KEYS[10], KEYS[12], KEYS[13] }) do
    redis.call("HDEL", key, id)
  end
end
local function store_run(id, run)
  redis.call("HSET", KEYS[2], id, format_run(run))
end
local function tell_ended(id, outcome)
  local watchers = redis.call("HGET", KEYS[14], id)
  if not watchers then return end
  redis.call("HDEL", KEYS[14], id)
  for name, ref in string.gmatch(watchers, "(%S+) (%S+)") do
    redis.call("PUBLISH", ARGV[2] .. name, "ended\\n" .. ref .. "\\n" .. outcome)
  end
end
local ending_held, member_known = 5000, 600000
local hands_over, handed_over = false, {}
local function tell_workflows(ids, places, outcomes, now)
  if #ids == 0 then return end
  local before = redis.call("HINCRBY", KEYS[16], "endings", exact(#ids)) - #ids
  local due = exact(hands_over and now + ending_held or now)
  local endings, outbox, members = {}, {}, {}
  for i, id in ipairs(ids) do
    local text = exact(before + i) .. "," .. places[i] .. "\\n" .. outcomes[i]
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
  spread("HSET", KEYS[18], endings)
  spread("ZADD", KEYS[17], outbox)
  spread("ZADD", KEYS[19], members)
  local old = redis.call("ZRANGEBYSCORE", KEYS[19], "-inf", exact(now - member_known), "LIMIT", 0, #members)
  spread("ZREM", KEYS[19], old)
end
local function tell_workflow(id, run, outcome, now)
  if run.held == "m" then tell_workflows({ id }, { run.unique }, { outcome }, now) end
end
local function cancel_now(from, id, run, how, reason, now)
  write_failure(id, run, how, now, reason)
  free_key(id, run)
  redis.call("HDEL", KEYS[11], id)
  if run.retain <= 0 then
    remove(from, id)
    count(KEYS[16], "removed", 1)
  else
    redis.call("ZREM", from, id)
    redis.call("ZADD", KEYS[8], now + run.retain, id)
    run.holder = "w"
    run.finished = now
    store_run(id, run)
  end
  count(KEYS[16], "cancelled", 1)
  local outcome = (how == "expired" and "e" or "x") .. reason
  tell_ended(id, outcome)
  tell_workflow(id, run, outcome, now)
end
local function bury(id, run, reason, error, failure, now)
  free_key(id, run)
  redis.call("HDEL", KEYS[11], id)
  redis.call("ZREM", KEYS[7], id)
  redis.call("ZADD", keys.dead, now, id)
  if failure then redis.call("HSET", KEYS[10], id, failure) end
  run.holder = "w"
  run.finished = now
  run.reason = reason
  store_run(id, run)
  count(KEYS[16], "died", 1)
  local outcome = "d" .. reason .. "\\n" .. error .. (failure and ("\\n" .. failure) or "")
  tell_ended(id, outcome)
  tell_workflow(id, run, outcome, now)
end
local function leave_active(index, score, id, run)
  redis.call("ZREM", KEYS[7], id)
  redis.call("ZADD", index, score, id)
  run.holder = "w"
  store_run(id, run)
end
local crash = '"the lease expired"'
local place_offset = 4503599627370496
local function limited_member(kind, score, id)
  return kind .. "," .. string.format("%016.0f", score + place_offset) .. "," .. id
end
local function of_kind(kind)
  return "[" .. kind .. ",", "(" .. kind .. "-"
end
local function read_limits()
  local limits, flat = {}, redis.call("HGETALL", keys.limits)
  for i = 1, #flat, 2 do
    local limit, per, burst = string.match(flat[i + 1], "^(%d+),(%d+),(%d+)$")
    if burst then limits[flat[i]] = { limit = tonumber(limit), per = tonumber(per), burst = tonumber(burst) } end
  end
  return limits
end
local function tokens_of(kind, rate, now)
  if rate.limit == 0 then return math.huge end
  local tokens, at = string.match(redis.call("HGET", keys.buckets, kind) or "", "^([^,]+),(%d+)$")
  tokens = tonumber(tokens)
  if not tokens then return rate.burst end
  local elapsed = math.max(0, now - tonumber(at))
  return math.min(rate.burst, tokens + elapsed * rate.limit / rate.per)
end
local function give_back_token(limits, kind, now)
  local rate = limits[kind]
  if not rate or rate.limit == 0 then return end
  local tokens = tokens_of(kind, rate, now) + 1
  redis.call("HSET", keys.buckets, kind, string.format("%.17g", tokens) .. "," .. exact(now))
end
local function kind_and_score(record)
  local sequence, priority, kind = string.match(record, "^%d,(%d+),%d+,%d*,(-?%d+),%d+,%d+,([^,]*),")
  if not kind then return nil end
  return kind, tonumber(priority) * 1099511627776 + tonumber(sequence)
end
local function leave_waiting(id, record)
  if redis.call("ZREM", KEYS[3], id) == 1 then return true end
  local kind, score = kind_and_score(record)
  return kind ~= nil and redis.call("ZREM", KEYS[4], limited_member(kind, score, id)) == 1
end
local now, queue, id, reason = clock(ARGV[1]), ARGV[3], ARGV[4], ARGV[5]
local record = redis.call("HGET", KEYS[1], id)
if not record then return "gone" end
local text = redis.call("HGET", KEYS[2], id)
local run = text and parse_run(id, text) or new_run(record)
if not run then return redis.error_reply("ERR the record of the job is not of this make") end
if redis.call("ZREM", KEYS[5], id) + redis.call("ZREM", KEYS[6], id) > 0 or leave_waiting(id, record) then
  cancel_now(KEYS[3], id, run, "cancelled", reason, now)
  return "cancelled"
end
if not redis.call("ZSCORE", KEYS[7], id) then return "ended" end
redis.call("HSET", KEYS[11], id, reason)
mind(run)
store_run(id, run)
redis.call("PUBLISH", ARGV[2] .. run.worker, "cancel\\n" .. queue .. "\\n" .. id .. "\\n" .. run.token .. "\\n" .. reason)
return "requested"`
  },
  confirm: {
    keys: ["head", "status", "starts"] as const,
    args: [] as const,
    rest: "nodes" as const,
    sha1: "2b3a5547fabaa703018cf2fecf5e0d3bbd3b146f",
    source: `#!lua flags=allow-oom
local function clock(given)
  if given ~= "" then return tonumber(given) end
  local time = redis.call("TIME")
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function exact(number)
  return string.format("%d", number)
end
local function in_chunks(size, count, act)
  for first = 1, count, size do
    act(first, math.min(first + size - 1, count))
  end
end
local function read_range(key, ids, first, last)
  if last < first then return {} end
  if last - first < 4000 then return redis.call("HMGET", key, unpack(ids, first, last)) end
  local values = {}
  in_chunks(4000, last - first + 1, function(from, to)
    local part = redis.call("HMGET", key, unpack(ids, first + from - 1, first + to - 1))
    for i = 1, #part do values[from + i - 1] = part[i] end
  end)
  return values
end
local function read_fields(key, ids)
  return read_range(key, ids, 1, #ids)
end
local function spread_range(command, key, values, first, last)
  local sum = 0
  for from = first, last, 4000 do
    sum = sum + redis.call(command, key, unpack(values, from, math.min(from + 3999, last)))
  end
  return sum
end
local function spread(command, key, values)
  return spread_range(command, key, values, 1, #values)
end
local function count(meta, name, by)
  if by > 0 then redis.call("HINCRBY", meta, name, exact(by)) end
end
local created = tonumber(redis.call("HGET", KEYS[1], "created") or "0")
local nodes, confirmed = {}, {}
for i = 1, #ARGV, 2 do nodes[#nodes + 1] = ARGV[i] end
for i, text in ipairs(read_fields(KEYS[2], nodes)) do
  local generation = string.match(text or "", "^%a(%d+)")
  if generation and created + generation == tonumber(ARGV[2 * i]) then confirmed[#confirmed + 1] = nodes[i] end
end
spread("ZREM", KEYS[3], confirmed)
return 1`
  },
  create: {
    keys: ["head", "draft", "nodes", "status", "left", "open", "starts"] as const,
    args: ["now", "fingerprint", "nodes", "deadline", "fields"] as const,
    rest: "nodes" as const,
    sha1: "cfcd463e279468726a07f049c1f361c38a4901ab",
    source: `#!lua
local function clock(given)
  if given ~= "" then return tonumber(given) end
  local time = redis.call("TIME")
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function exact(number)
  return string.format("%d", number)
end
local function in_chunks(size, count, act)
  for first = 1, count, size do
    act(first, math.min(first + size - 1, count))
  end
end
local function read_range(key, ids, first, last)
  if last < first then return {} end
  if last - first < 4000 then return redis.call("HMGET", key, unpack(ids, first, last)) end
  local values = {}
  in_chunks(4000, last - first + 1, function(from, to)
    local part = redis.call("HMGET", key, unpack(ids, first + from - 1, first + to - 1))
    for i = 1, #part do values[from + i - 1] = part[i] end
  end)
  return values
end
local function read_fields(key, ids)
  return read_range(key, ids, 1, #ids)
end
local function spread_range(command, key, values, first, last)
  local sum = 0
  for from = first, last, 4000 do
    sum = sum + redis.call(command, key, unpack(values, from, math.min(from + 3999, last)))
  end
  return sum
end
local function spread(command, key, values)
  return spread_range(command, key, values, 1, #values)
end
local function count(meta, name, by)
  if by > 0 then redis.call("HINCRBY", meta, name, exact(by)) end
end
local function store_nodes(first)
  local nodes, left, roots, starts, status = {}, {}, {}, {}, {}
  for i = first, #ARGV, 3 do
    local node, parents = ARGV[i], ARGV[i + 1]
    nodes[#nodes + 1] = node
    nodes[#nodes + 1] = ARGV[i + 2]
    if parents == "0" then
      roots[#roots + 1] = node
      starts[#starts + 1] = node
      starts[#starts + 1] = node
      status[#status + 1] = node
      status[#status + 1] = "o0"
    else
      left[#left + 1] = node
      left[#left + 1] = parents
    end
  end
  spread("HSET", KEYS[3], nodes)
  spread("HSET", KEYS[5], left)
  spread("HSET", KEYS[4], status)
  spread("SADD", KEYS[6], roots)
  spread("ZADD", KEYS[7], starts)
end
local function drop_draft()
  redis.call("DEL", KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7])
end
local now, fingerprint = clock(ARGV[1]), ARGV[2]
local stored = redis.call("HMGET", KEYS[1], "fingerprint", "created", "deadline")
if stored[1] then return { stored[1] == fingerprint and "existing" or "conflict", stored[2], stored[3] } end
local draft = string.match(redis.call("GET", KEYS[2]) or "", "^(.*)@")
local total, nodes_at = tonumber(ARGV[3]), 6 + tonumber(ARGV[5])
if draft ~= fingerprint then
  if #ARGV + 1 - nodes_at < 3 * total then return { "torn", "", "" } end
  if draft then drop_draft() end
end
store_nodes(nodes_at)
if redis.call("HLEN", KEYS[3]) ~= total then return { "torn", "", "" } end
local deadline = ARGV[4] ~= "" and exact(now + tonumber(ARGV[4])) or ""
redis.call("HSET", KEYS[1], "fingerprint", fingerprint, "state", "running", "stop", "", "created", exact(now),
  "deadline", deadline, "completed", 0, "changes", 1, unpack(ARGV, 6, nodes_at - 1))
if draft then redis.call("DEL", KEYS[2]) end
return { "created", exact(now), deadline }`
  },
  directory: {
    keys: ["index"] as const,
    args: ["created", "id", "limit"] as const,
    rest: undefined,
    sha1: "17c587701c02d3d33071a1316a40a6f688c3dc84",
    source: `#!lua flags=no-writes
local limit = tonumber(ARGV[3])
local from = 0
if ARGV[1] ~= "" then
  local rank = redis.call("ZREVRANK", KEYS[1], ARGV[2])
  from = rank and rank + 1 or redis.call("ZCOUNT", KEYS[1], "(" .. ARGV[1], "+inf")
end
local page = redis.call("ZRANGE", KEYS[1], from, from + limit, "REV", "WITHSCORES")
local reply = { #page > 2 * limit and 1 or 0 }
for i = 1, math.min(#page, 2 * limit) do reply[i + 1] = page[i] end
return reply`
  },
  draft: {
    keys: ["head", "draft", "nodes", "status", "left", "open", "starts"] as const,
    args: ["now", "fingerprint"] as const,
    rest: "nodes" as const,
    sha1: "699a3e2be3527413498fea20bcbf36bb0db7bf63",
    source: `#!lua
local function clock(given)
  if given ~= "" then return tonumber(given) end
  local time = redis.call("TIME")
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function exact(number)
  return string.format("%d", number)
end
local function in_chunks(size, count, act)
  for first = 1, count, size do
    act(first, math.min(first + size - 1, count))
  end
end
local function read_range(key, ids, first, last)
  if last < first then return {} end
  if last - first < 4000 then return redis.call("HMGET", key, unpack(ids, first, last)) end
  local values = {}
  in_chunks(4000, last - first + 1, function(from, to)
    local part = redis.call("HMGET", key, unpack(ids, first + from - 1, first + to - 1))
    for i = 1, #part do values[from + i - 1] = part[i] end
  end)
  return values
end
local function read_fields(key, ids)
  return read_range(key, ids, 1, #ids)
end
local function spread_range(command, key, values, first, last)
  local sum = 0
  for from = first, last, 4000 do
    sum = sum + redis.call(command, key, unpack(values, from, math.min(from + 3999, last)))
  end
  return sum
end
local function spread(command, key, values)
  return spread_range(command, key, values, 1, #values)
end
local function count(meta, name, by)
  if by > 0 then redis.call("HINCRBY", meta, name, exact(by)) end
end
local function store_nodes(first)
  local nodes, left, roots, starts, status = {}, {}, {}, {}, {}
  for i = first, #ARGV, 3 do
    local node, parents = ARGV[i], ARGV[i + 1]
    nodes[#nodes + 1] = node
    nodes[#nodes + 1] = ARGV[i + 2]
    if parents == "0" then
      roots[#roots + 1] = node
      starts[#starts + 1] = node
      starts[#starts + 1] = node
      status[#status + 1] = node
      status[#status + 1] = "o0"
    else
      left[#left + 1] = node
      left[#left + 1] = parents
    end
  end
  spread("HSET", KEYS[3], nodes)
  spread("HSET", KEYS[5], left)
  spread("HSET", KEYS[4], status)
  spread("SADD", KEYS[6], roots)
  spread("ZADD", KEYS[7], starts)
end
local function drop_draft()
  redis.call("DEL", KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7])
end
local now, fingerprint = clock(ARGV[1]), ARGV[2]
local stored = redis.call("HGET", KEYS[1], "fingerprint")
if stored then return stored end
local draft = string.match(redis.call("GET", KEYS[2]) or "", "^(.*)@")
if draft and draft ~= fingerprint then drop_draft() end
redis.call("SET", KEYS[2], fingerprint .. "@" .. exact(now))
store_nodes(3)
return ""`
  },
  drop: {
    keys: ["head", "draft", "nodes", "status", "left", "results", "open", "starts", "stopped", "failures", "listeners"] as const,
    args: ["now"] as const,
    rest: undefined,
    sha1: "180d98be577666b1c66b1b800b5c4002bacc30a3",
    source: `#!lua flags=allow-oom
local function clock(given)
  if given ~= "" then return tonumber(given) end
  local time = redis.call("TIME")
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function exact(number)
  return string.format("%d", number)
end
local now = clock(ARGV[1])
local head = redis.call("HMGET", KEYS[1], "state", "ended", "retain", "retain_failed", "changes")
if head[1] == "running" then return "," .. (head[5] or "0") end
if head[1] then
  local over = tonumber(head[2]) + tonumber(head[1] == "failed" and head[4] or head[3])
  if over > now then return exact(over) .. "," .. (head[5] or "0") end
end
local since = string.match(redis.call("GET", KEYS[2]) or "", "@(%d+)$")
if since and now - tonumber(since) < 3600000 then return "" end
redis.call("UNLINK", KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7], KEYS[8],
  KEYS[9], KEYS[10], KEYS[11])
return "dropped"`
  },
  due: {
    keys: ["schedules", "ticks"] as const,
    args: ["now", "limit"] as const,
    rest: undefined,
    sha1: "78a0288e4252c9152e38d967c84349057ea217b7",
    source: `#!lua
local function clock(given)
  if given ~= "" then return tonumber(given) end
  local time = redis.call("TIME")
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function exact(number)
  return string.format("%d", number)
end
local function in_chunks(size, count, act)
  for first = 1, count, size do
    act(first, math.min(first + size - 1, count))
  end
end
local function read_range(key, ids, first, last)
  if last < first then return {} end
  if last - first < 4000 then return redis.call("HMGET", key, unpack(ids, first, last)) end
  local values = {}
  in_chunks(4000, last - first + 1, function(from, to)
    local part = redis.call("HMGET", key, unpack(ids, first + from - 1, first + to - 1))
    for i = 1, #part do values[from + i - 1] = part[i] end
  end)
  return values
end
local function read_fields(key, ids)
  return read_range(key, ids, 1, #ids)
end
local function spread_range(command, key, values, first, last)
  local sum = 0
  for from = first, last, 4000 do
    sum = sum + redis.call(command, key, unpack(values, from, math.min(from + 3999, last)))
  end
  return sum
end
local function spread(command, key, values)
  return spread_range(command, key, values, 1, #values)
end
local function count(meta, name, by)
  if by > 0 then redis.call("HINCRBY", meta, name, exact(by)) end
end
local function parse_full_run(text)
  local holder, token, flag, attempt, rescues, snoozes, started, finished, reason, worker, tail =
    string.match(text, "^(%a)(%d+),(%d),(%d+),(%d+),(%d+),(%d*),(%d*),(%a*),([^,]*),(.*)$")
  if not tail then return nil end
  local sequence, enqueued, expires, priority, max_attempts, retain, kind, held, unique =
    string.match(tail, "^(%d+),(%d+),(%d*),(-?%d+),(%d+),(%d+),([^,]*),(%a?):?(.*)$")
  if not unique then return nil end
  return {
    holder = holder, token = token, flag = flag,
    attempt = tonumber(attempt), rescues = tonumber(rescues), snoozes = tonumber(snoozes),
    started = started, finished = finished, reason = reason, worker = worker, tail = tail,
    score = tonumber(priority) * 1099511627776 + tonumber(sequence),
    expires = tonumber(expires), max_attempts = tonumber(max_attempts), retain = tonumber(retain), kind = kind, held = held, unique = unique
  }
end
local function is_record(record)
  return string.find(record, "^%d,%d+,%d+,%d*,%-?%d+,%d+,%d+,[^,\\n]*,[^,\\n]*\\n[^\\n]*\\n") ~= nil
end
local function first_line(record)
  return string.match(record, "^(%d),(%d+,%d+,%d*,%-?%d+,%d+,%d+,[^,\\n]*,[^,\\n]*)\\n[^\\n]*\\n")
end
local function due_at(record, time)
  return (string.gsub(record, "\\n[^{\\n]*", "\\n@" .. exact(time), 1))
end
local function parse_run(id, text)
  if string.find(text, "^%a%d+,0,1,0,0,%d+,,,[^,]*$") then
    local record = redis.call("HGET", keys.jobs, id)
    local _, tail = first_line(record or "")
    if not tail then return nil end
    text = text .. "," .. tail
  end
  return parse_full_run(text)
end
local function new_run(record)
  local flag, tail = first_line(record)
  if not flag then return nil end
  return parse_full_run("w0," .. flag .. ",0,0,0,,,,," .. tail)
end
local function format_run(run)
  return run.holder .. run.token .. "," .. run.flag .. "," .. run.attempt .. "," .. run.rescues .. "," .. run.snoozes
    .. "," .. run.started .. "," .. run.finished .. "," .. run.reason .. "," .. run.worker .. "," .. run.tail
end
local function ended_run(text, now)
  local from, to, retain, held, unique = string.match(
    text, "^a%d+,%d,%d+,%d+,%d+,%d*,()%d*(),%a*,[^,]*,%d+,%d+,%d*,%-?%d+,%d+,(%d+),[^,]*,(%a?):?(.*)$"
  )
  if not from then return nil end
  return tonumber(retain), held, unique, "w" .. string.sub(text, 2, from - 1) .. now .. string.sub(text, to)
end
local function mind(run)
  if run.flag % 2 == 0 then run.flag = exact(run.flag + 1) end
end
local now = clock(ARGV[1])
local first = redis.call("ZRANGE", KEYS[2], 0, 0, "WITHSCORES")[2]
local reply = { exact(now), first or "" }
local due = redis.call("ZRANGEBYSCORE", KEYS[2], "-inf", exact(now), "LIMIT", 0, tonumber(ARGV[2]))
for i, record in ipairs(#due > 0 and read_fields(KEYS[1], due) or {}) do
  if record then
    reply[#reply + 1] = due[i]
    reply[#reply + 1] = record
  else
    redis.call("ZREM", KEYS[2], due[i])
  end
end
return reply`
  },
  endings: {
    keys: ["outbox", "endings"] as const,
    args: ["now", "limit"] as const,
    rest: undefined,
    sha1: "45acb4e575d0ec4c4f29e2889cba66eefd5a6b4e",
    source: `#!lua flags=allow-oom
local function clock(given)
  if given ~= "" then return tonumber(given) end
  local time = redis.call("TIME")
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function exact(number)
  return string.format("%d", number)
end
local function in_chunks(size, count, act)
  for first = 1, count, size do
    act(first, math.min(first + size - 1, count))
  end
end
local function read_range(key, ids, first, last)
  if last < first then return {} end
  if last - first < 4000 then return redis.call("HMGET", key, unpack(ids, first, last)) end
  local values = {}
  in_chunks(4000, last - first + 1, function(from, to)
    local part = redis.call("HMGET", key, unpack(ids, first + from - 1, first + to - 1))
    for i = 1, #part do values[from + i - 1] = part[i] end
  end)
  return values
end
local function read_fields(key, ids)
  return read_range(key, ids, 1, #ids)
end
local function spread_range(command, key, values, first, last)
  local sum = 0
  for from = first, last, 4000 do
    sum = sum + redis.call(command, key, unpack(values, from, math.min(from + 3999, last)))
  end
  return sum
end
local function spread(command, key, values)
  return spread_range(command, key, values, 1, #values)
end
local function count(meta, name, by)
  if by > 0 then redis.call("HINCRBY", meta, name, exact(by)) end
end
local function parse_full_run(text)
  local holder, token, flag, attempt, rescues, snoozes, started, finished, reason, worker, tail =
    string.match(text, "^(%a)(%d+),(%d),(%d+),(%d+),(%d+),(%d*),(%d*),(%a*),([^,]*),(.*)$")
  if not tail then return nil end
  local sequence, enqueued, expires, priority, max_attempts, retain, kind, held, unique =
    string.match(tail, "^(%d+),(%d+),(%d*),(-?%d+),(%d+),(%d+),([^,]*),(%a?):?(.*)$")
  if not unique then return nil end
  return {
    holder = holder, token = token, flag = flag,
    attempt = tonumber(attempt), rescues = tonumber(rescues), snoozes = tonumber(snoozes),
    started = started, finished = finished, reason = reason, worker = worker, tail = tail,
    score = tonumber(priority) * 1099511627776 + tonumber(sequence),
    expires = tonumber(expires), max_attempts = tonumber(max_attempts), retain = tonumber(retain), kind = kind, held = held, unique = unique
  }
end
local function is_record(record)
  return string.find(record, "^%d,%d+,%d+,%d*,%-?%d+,%d+,%d+,[^,\\n]*,[^,\\n]*\\n[^\\n]*\\n") ~= nil
end
local function first_line(record)
  return string.match(record, "^(%d),(%d+,%d+,%d*,%-?%d+,%d+,%d+,[^,\\n]*,[^,\\n]*)\\n[^\\n]*\\n")
end
local function due_at(record, time)
  return (string.gsub(record, "\\n[^{\\n]*", "\\n@" .. exact(time), 1))
end
local function parse_run(id, text)
  if string.find(text, "^%a%d+,0,1,0,0,%d+,,,[^,]*$") then
    local record = redis.call("HGET", keys.jobs, id)
    local _, tail = first_line(record or "")
    if not tail then return nil end
    text = text .. "," .. tail
  end
  return parse_full_run(text)
end
local function new_run(record)
  local flag, tail = first_line(record)
  if not flag then return nil end
  return parse_full_run("w0," .. flag .. ",0,0,0,,,,," .. tail)
end
local function format_run(run)
  return run.holder .. run.token .. "," .. run.flag .. "," .. run.attempt .. "," .. run.rescues .. "," .. run.snoozes
    .. "," .. run.started .. "," .. run.finished .. "," .. run.reason .. "," .. run.worker .. "," .. run.tail
end
local function ended_run(text, now)
  local from, to, retain, held, unique = string.match(
    text, "^a%d+,%d,%d+,%d+,%d+,%d*,()%d*(),%a*,[^,]*,%d+,%d+,%d*,%-?%d+,%d+,(%d+),[^,]*,(%a?):?(.*)$"
  )
  if not from then return nil end
  return tonumber(retain), held, unique, "w" .. string.sub(text, 2, from - 1) .. now .. string.sub(text, to)
end
local function mind(run)
  if run.flag % 2 == 0 then run.flag = exact(run.flag + 1) end
end
local ledger_limit = 20
local function write_failure(id, run, outcome, now, error)
  local started = run.started ~= "" and run.started or now
  local line = run.attempt .. "," .. started .. "," .. now .. "," .. outcome .. "," .. error
  local ledger = redis.call("HGET", keys.ledger, id)
  if ledger then
    local _, lines = string.gsub(ledger, "\\n", "\\n")
    if lines + 1 >= ledger_limit then ledger = string.match(ledger, "^[^\\n]*\\n(.*)$") or "" end
    line = ledger == "" and line or (ledger .. "\\n" .. line)
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
local function tell_ended(id, outcome)
  local watchers = redis.call("HGET", keys.watchers, id)
  if not watchers then return end
  redis.call("HDEL", keys.watchers, id)
  for name, ref in string.gmatch(watchers, "(%S+) (%S+)") do
    redis.call("PUBLISH", args.notices .. name, "ended\\n" .. ref .. "\\n" .. outcome)
  end
end
local ending_held, member_known = 5000, 600000
local hands_over, handed_over = false, {}
local function tell_workflows(ids, places, outcomes, now)
  if #ids == 0 then return end
  local before = redis.call("HINCRBY", keys.meta, "endings", exact(#ids)) - #ids
  local due = exact(hands_over and now + ending_held or now)
  local endings, outbox, members = {}, {}, {}
  for i, id in ipairs(ids) do
    local text = exact(before + i) .. "," .. places[i] .. "\\n" .. outcomes[i]
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
  spread("HSET", KEYS[2], endings)
  spread("ZADD", KEYS[1], outbox)
  spread("ZADD", keys.members, members)
  local old = redis.call("ZRANGEBYSCORE", keys.members, "-inf", exact(now - member_known), "LIMIT", 0, #members)
  spread("ZREM", keys.members, old)
end
local function tell_workflow(id, run, outcome, now)
  if run.held == "m" then tell_workflows({ id }, { run.unique }, { outcome }, now) end
end
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
  local outcome = "d" .. reason .. "\\n" .. error .. (failure and ("\\n" .. failure) or "")
  tell_ended(id, outcome)
  tell_workflow(id, run, outcome, now)
end
local function leave_active(index, score, id, run)
  redis.call("ZREM", keys.active, id)
  redis.call("ZADD", index, score, id)
  run.holder = "w"
  store_run(id, run)
end
local crash = '"the lease expired"'
local now = clock(ARGV[1])
local ids = redis.call("ZRANGEBYSCORE", KEYS[1], "-inf", now, "LIMIT", 0, tonumber(ARGV[2]))
local reply = {}
for _, id in ipairs(ids) do
  local text = redis.call("HGET", KEYS[2], id)
  if text then
    redis.call("ZADD", KEYS[1], now + ending_held, id)
    reply[#reply + 1] = id
    reply[#reply + 1] = text
  else
    redis.call("ZREM", KEYS[1], id)
  end
end
return reply`
  },
  enqueue: {
    keys: ["jobs", "runs", "pending", "limited", "limits", "scheduled", "unique", "windows", "meta", "requests", "producers", "members", "retry", "active", "claims", "workers", "wake"] as const,
    args: ["now", "producer", "number", "oldest", "claim", "count"] as const,
    rest: "jobs" as const,
    sha1: "8b940ba0712034475f7425b19c4f0510fb2e2a8f",
    source: `#!lua
local find, byte, format, match = string.find, string.byte, string.format, string.match
local producer, number, oldest = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local total, jobs_at = tonumber(ARGV[6]), 7
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call("TIME")
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
local most_at_once = 3000
local function store_any(again, existing)
local function clock(given)
  if given ~= "" then return tonumber(given) end
  local time = redis.call("TIME")
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function exact(number)
  return string.format("%d", number)
end
local function in_chunks(size, count, act)
  for first = 1, count, size do
    act(first, math.min(first + size - 1, count))
  end
end
local function read_range(key, ids, first, last)
  if last < first then return {} end
  if last - first < 4000 then return redis.call("HMGET", key, unpack(ids, first, last)) end
  local values = {}
  in_chunks(4000, last - first + 1, function(from, to)
    local part = redis.call("HMGET", key, unpack(ids, first + from - 1, first + to - 1))
    for i = 1, #part do values[from + i - 1] = part[i] end
  end)
  return values
end
local function read_fields(key, ids)
  return read_range(key, ids, 1, #ids)
end
local function spread_range(command, key, values, first, last)
  local sum = 0
  for from = first, last, 4000 do
    sum = sum + redis.call(command, key, unpack(values, from, math.min(from + 3999, last)))
  end
  return sum
end
local function spread(command, key, values)
  return spread_range(command, key, values, 1, #values)
end
local function count(meta, name, by)
  if by > 0 then redis.call("HINCRBY", meta, name, exact(by)) end
end
local function signal()
  redis.call("ZADD", KEYS[17], 0, "1")
end
local function parse_full_run(text)
  local holder, token, flag, attempt, rescues, snoozes, started, finished, reason, worker, tail =
    string.match(text, "^(%a)(%d+),(%d),(%d+),(%d+),(%d+),(%d*),(%d*),(%a*),([^,]*),(.*)$")
  if not tail then return nil end
  local sequence, enqueued, expires, priority, max_attempts, retain, kind, held, unique =
    string.match(tail, "^(%d+),(%d+),(%d*),(-?%d+),(%d+),(%d+),([^,]*),(%a?):?(.*)$")
  if not unique then return nil end
  return {
    holder = holder, token = token, flag = flag,
    attempt = tonumber(attempt), rescues = tonumber(rescues), snoozes = tonumber(snoozes),
    started = started, finished = finished, reason = reason, worker = worker, tail = tail,
    score = tonumber(priority) * 1099511627776 + tonumber(sequence),
    expires = tonumber(expires), max_attempts = tonumber(max_attempts), retain = tonumber(retain), kind = kind, held = held, unique = unique
  }
end
local function is_record(record)
  return string.find(record, "^%d,%d+,%d+,%d*,%-?%d+,%d+,%d+,[^,\\n]*,[^,\\n]*\\n[^\\n]*\\n") ~= nil
end
local function first_line(record)
  return string.match(record, "^(%d),(%d+,%d+,%d*,%-?%d+,%d+,%d+,[^,\\n]*,[^,\\n]*)\\n[^\\n]*\\n")
end
local function due_at(record, time)
  return (string.gsub(record, "\\n[^{\\n]*", "\\n@" .. exact(time), 1))
end
local function parse_run(id, text)
  if string.find(text, "^%a%d+,0,1,0,0,%d+,,,[^,]*$") then
    local record = redis.call("HGET", KEYS[1], id)
    local _, tail = first_line(record or "")
    if not tail then return nil end
    text = text .. "," .. tail
  end
  return parse_full_run(text)
end
local function new_run(record)
  local flag, tail = first_line(record)
  if not flag then return nil end
  return parse_full_run("w0," .. flag .. ",0,0,0,,,,," .. tail)
end
local function format_run(run)
  return run.holder .. run.token .. "," .. run.flag .. "," .. run.attempt .. "," .. run.rescues .. "," .. run.snoozes
    .. "," .. run.started .. "," .. run.finished .. "," .. run.reason .. "," .. run.worker .. "," .. run.tail
end
local function ended_run(text, now)
  local from, to, retain, held, unique = string.match(
    text, "^a%d+,%d,%d+,%d+,%d+,%d*,()%d*(),%a*,[^,]*,%d+,%d+,%d*,%-?%d+,%d+,(%d+),[^,]*,(%a?):?(.*)$"
  )
  if not from then return nil end
  return tonumber(retain), held, unique, "w" .. string.sub(text, 2, from - 1) .. now .. string.sub(text, to)
end
local function mind(run)
  if run.flag % 2 == 0 then run.flag = exact(run.flag + 1) end
end
local place_offset = 4503599627370496
local function limited_member(kind, score, id)
  return kind .. "," .. string.format("%016.0f", score + place_offset) .. "," .. id
end
local function of_kind(kind)
  return "[" .. kind .. ",", "(" .. kind .. "-"
end
local function read_limits()
  local limits, flat = {}, redis.call("HGETALL", KEYS[5])
  for i = 1, #flat, 2 do
    local limit, per, burst = string.match(flat[i + 1], "^(%d+),(%d+),(%d+)$")
    if burst then limits[flat[i]] = { limit = tonumber(limit), per = tonumber(per), burst = tonumber(burst) } end
  end
  return limits
end
local function tokens_of(kind, rate, now)
  if rate.limit == 0 then return math.huge end
  local tokens, at = string.match(redis.call("HGET", keys.buckets, kind) or "", "^([^,]+),(%d+)$")
  tokens = tonumber(tokens)
  if not tokens then return rate.burst end
  local elapsed = math.max(0, now - tonumber(at))
  return math.min(rate.burst, tokens + elapsed * rate.limit / rate.per)
end
local function give_back_token(limits, kind, now)
  local rate = limits[kind]
  if not rate or rate.limit == 0 then return end
  local tokens = tokens_of(kind, rate, now) + 1
  redis.call("HSET", keys.buckets, kind, string.format("%.17g", tokens) .. "," .. exact(now))
end
local function kind_and_score(record)
  local sequence, priority, kind = string.match(record, "^%d,(%d+),%d+,%d*,(-?%d+),%d+,%d+,([^,]*),")
  if not kind then return nil end
  return kind, tonumber(priority) * 1099511627776 + tonumber(sequence)
end
local function leave_waiting(id, record)
  if redis.call("ZREM", KEYS[3], id) == 1 then return true end
  local kind, score = kind_and_score(record)
  return kind ~= nil and redis.call("ZREM", KEYS[4], limited_member(kind, score, id)) == 1
end
local function read_line(line)
  local priority, retain, kind, held = string.match(line, "^,(%-?%d+),%d+,(%d+),([^,]*),(%a?)")
  local flag = ((held ~= "" or retain ~= "0") and 1 or 0) + (held == "s" and 4 or 0)
  return { flag = flag, base = tonumber(priority) * 1099511627776, kind = kind }
end
local function store_jobs(now, values, first, again, existing)
  local total = (#values - first + 1) / 3
  existing = existing or read_range(KEYS[1], values, first, first + total - 1)
  local sequence = redis.call("HINCRBY", KEYS[9], "sequence", exact(total)) - total
  local head = redis.call("ZRANGE", KEYS[6], 0, 0, "WITHSCORES")[2]
  local limits = redis.call("HLEN", KEYS[5]) > 0 and read_limits() or {}
  local reply, records, ready, limited, scheduled = {}, {}, {}, {}, {}
  local written, waiting = 0, 0
  local seen, taken, lines = {}, {}, {}
  local soonest, stored, wakes = math.huge, 0, false
  local since = "," .. exact(now) .. ","
  local function report(position, what, holder)
    reply[#reply + 1] = position
    reply[#reply + 1] = what
    reply[#reply + 1] = holder
  end
  local function instant(text)
    if text == "" then return nil end
    local millis = tonumber(string.sub(text, 2))
    return string.sub(text, 1, 1) == "+" and now + millis or millis
  end
  local function is_same(stored_record, line, payload)
    local stored_line, stored_payload = string.match(stored_record, "^%d,%d+,%d+,%d*(,[^\\n]*)\\n[^\\n]*\\n(.*)$")
    local new_line = string.match(line, "^[^\\n]*")
    local function plain(text) return (string.gsub(text, "^(,%-?%d+,%d+,%d+,[^,]*,)[esw]:", "%1u:")) end
    return stored_line ~= nil and plain(stored_line) == plain(new_line) and payload == stored_payload
  end
  local function line_of(line)
    local known = lines[line]
    if not known then
      known = read_line(line)
      lines[line] = known
    end
    return known
  end
  local function record_of(place, since, expires, line, payload)
    local expiry = instant(expires)
    return line_of(line).flag + (expiry and 2 or 0) .. "," .. place .. since .. (expiry or "") .. line .. payload
  end
  local function stand_ready(id, place, line)
    local job = line_of(line)
    if limits[job.kind] then
      limited[#limited + 1] = 0
      limited[#limited + 1] = limited_member(job.kind, job.base + place, id)
    else
      ready[waiting + 1] = exact(job.base + place)
      ready[waiting + 2] = id
      waiting = waiting + 2
    end
  end
  local function stand(id, place, visible, line)
    local due = instant(visible) or now
    if due <= now then return stand_ready(id, place, line) end
    scheduled[#scheduled + 1] = due
    scheduled[#scheduled + 1] = id
    if due < soonest then soonest = due end
  end
  local function flush()
    spread("HSET", KEYS[1], records)
    spread("ZADD", KEYS[3], ready)
    spread("ZADD", KEYS[4], limited)
    spread("ZADD", KEYS[6], scheduled)
    wakes = wakes or #ready > 0 or #limited > 0
    records, ready, limited, scheduled = {}, {}, {}, {}
    written, waiting = 0, 0
  end
  local function write(id, record)
    records[written + 1] = id
    records[written + 2] = record
    written = written + 2
    seen[id] = record
    stored = stored + 1
  end
  local function holder_of(unique)
    local holder = taken[unique] or redis.call("HGET", KEYS[7], unique)
    if not holder then return nil end
    local free_at = redis.call("ZSCORE", KEYS[8], unique)
    if free_at and tonumber(free_at) <= now then return nil end
    return holder
  end
  local function hold(unique, id, window)
    taken[unique] = id
    redis.call("HSET", KEYS[7], unique, id)
    if window then
      redis.call("ZADD", KEYS[8], now + tonumber(window), unique)
    else
      redis.call("ZREM", KEYS[8], unique)
    end
  end
  local function replace(id, unique, expires, visible, line, payload)
    flush()
    local old = redis.call("HGET", KEYS[1], id)
    local waiting = old and new_run(old)
    if not waiting or waiting.unique ~= unique then return false end
    if redis.call("ZREM", KEYS[6], id) == 0 and not leave_waiting(id, old) then return false end
    local place, enqueued = string.match(old, "^%d,(%d+),(%d+),")
    local due = math.max(now, instant(visible) or now)
    local record = record_of(place, "," .. enqueued .. ",", expires, due_at(line, due), payload)
    redis.call("HSET", KEYS[1], id, record)
    seen[id] = record
    local text = redis.call("HGET", KEYS[2], id)
    local run = text and parse_run(id, text)
    if run then
      run.flag, run.tail = string.match(record, "^(%d),([^\\n]*)")
      mind(run)
      redis.call("HSET", KEYS[2], id, format_run(run))
    end
    stand(id, tonumber(place), visible, line)
    return true
  end
  local function store_carefully(position, id, line, payload, stored_record)
    local visible, expires, how, unique, line_at = string.match(line, "^%?([^,]*),([^,]*),([^,]*),([^\\n]*)\\n()")
    if line_at then
      line = string.sub(line, line_at)
    else
      visible, expires, how, unique = "", "", "", ""
    end
    local holder = not stored_record and unique ~= "" and holder_of(unique) or nil
    local replaces, window = string.match(how, "^(r?)(%d*)$")
    if window == "" then window = nil end
    local is_member, before = string.match(how, "^(b)(%d*)$")
    if stored_record then
      report(position, is_same(stored_record, line, payload) and "same" or "other", "")
    elseif is_member and redis.call("ZSCORE", KEYS[12], id) then
      report(position, "same", "")
    elseif is_member and before ~= "" and (again or tonumber(before) <= now) then
      report(position, "late", "")
    elseif again and (not holder or holder == id) then
    elseif again then
      local record = redis.call("HGET", KEYS[1], holder)
      report(position, replaces == "r" and record and is_same(record, line, payload) and "replaced" or "key", holder)
    elseif holder and replaces == "r" and replace(holder, unique, expires, visible, line, payload) then
      hold(unique, holder, window)
      report(position, "replaced", holder)
    elseif holder then
      report(position, "key", holder)
    else
      local place = sequence + position
      write(id, record_of(exact(place), since, expires, line, payload))
      if unique ~= "" then hold(unique, id, window) end
      stand(id, place, visible, line)
    end
  end
  local rest = first + total
  for i = 1, total do
    local id = values[first + i - 1]
    local line, payload = values[rest], values[rest + 1]
    rest = rest + 2
    local stored_record = seen[id] or existing[i]
    if string.byte(line, 1) == 44 and not stored_record and not again then
      write(id, line_of(line).flag .. "," .. exact(sequence + i) .. since .. line .. payload)
      stand_ready(id, sequence + i, line)
    else
      store_carefully(i, id, line, payload, stored_record)
    end
  end
  flush()
  if wakes or soonest < (tonumber(head) or math.huge) then signal() end
  count(KEYS[9], "enqueued", stored)
  count(KEYS[9], "duplicates", #reply / 3)
  return reply
end
  local jobs = {}
  for i = 1, total do jobs[i] = ARGV[jobs_at + i - 1] end
  local row = jobs_at + total
  while row < #ARGV do
    local line, payloads_at = ARGV[row + 1], row + 2
    row = payloads_at + ARGV[row]
    for payload_at = payloads_at, row - 1 do
      jobs[#jobs + 1] = line
      jobs[#jobs + 1] = ARGV[payload_at]
    end
  end
  return store_jobs(now, jobs, 1, again, existing)
end
local listed_millis = 60000
local listed, floor, numbers = match(redis.call("HGET", KEYS[10], producer) or "", "^(%d+),(%d+):(.*)$")
listed, floor, numbers = listed or "0", tonumber(floor or "0"), numbers or ""
local again = number < floor or find("," .. numbers, "," .. ARGV[3] .. ",", 1, true) ~= nil
if not again then
  local from = 1
  for known, after in string.gmatch(numbers, "(%d+),()") do
    if tonumber(known) >= oldest then break end
    from = after
  end
  if math.abs(now - tonumber(listed)) >= listed_millis then
    listed = format("%d", now)
    redis.call("ZADD", KEYS[11], listed, producer)
  end
  local since = format("%s,%d:", listed, math.max(floor, oldest))
  redis.call("HSET", KEYS[10], producer, since .. string.sub(numbers, from) .. ARGV[3] .. ",")
end
if again or total < 1 or total > most_at_once then return store_any(again) end
local existing, seen = redis.call("HMGET", KEYS[1], unpack(ARGV, jobs_at, jobs_at + total - 1)), {}
for i = 1, total do
  local id = ARGV[jobs_at + i - 1]
  if existing[i] or seen[id] then return store_any(again, existing) end
  seen[id] = true
end
local records_at, members, uniques, holders, taken
local row, position = jobs_at + total, jobs_at
while row < #ARGV do
  local line = ARGV[row + 1]
  if byte(line, 1) ~= 44 then
    local until_when, unique, line_at = match(line, "^%?,,b?(%d*),([^\\n]*)\\n()")
    if not records_at then records_at, members, uniques, holders, taken = {}, {}, {}, {}, {} end
    if not line_at or (until_when ~= "") == (unique ~= "") then return store_any(again, existing) end
    if unique == "" then
      if tonumber(until_when) <= now then return store_any(again, existing) end
      for at = position, position + ARGV[row] - 1 do members[#members + 1] = ARGV[at] end
    elseif ARGV[row] ~= "1" or taken[unique] then
      return store_any(again, existing)
    else
      taken[unique] = true
      uniques[#uniques + 1] = unique
      holders[#holders + 1] = unique
      holders[#holders + 1] = ARGV[position]
    end
    records_at[row] = line_at
  end
  position = position + ARGV[row]
  row = row + 2 + ARGV[row]
end
if records_at then
  local known = #members > 0 and redis.call("ZMSCORE", KEYS[12], unpack(members)) or {}
  local held = #uniques > 0 and redis.call("HMGET", KEYS[7], unpack(uniques)) or {}
  for i = 1, math.max(#known, #held) do
    if known[i] or held[i] then return store_any(again, existing) end
  end
end
local is_calm = ARGV[5] ~= "" and redis.call("EXISTS", KEYS[5], KEYS[3], KEYS[6], KEYS[13], KEYS[14]) == 0
if not is_calm and redis.call("HLEN", KEYS[5]) > 0 then return store_any(again, existing) end
if ARGV[5] ~= "" then
local tokens_per_milli = 1024
local worker_listed_millis = 1000
local claim_bytes = 4194304
local number, limit, lease, worker = match(ARGV[5], "^(%d+),(%d+),(%d+),(.*)$")
local first_payload = jobs_at + total + 2
local line = ARGV[first_payload - 1]
local retain = match(line, "^,%-?%d+,%d+,(%d+),[^,]*,\\n")
if number and total <= tonumber(limit) and retain then
  local huge = math.huge
  local meta = redis.call("HMGET", KEYS[9], "max_active", "paused", "token", "claimed", "sequence", "enqueued")
  local expires, due = huge, huge
  if not is_calm then
    expires = tonumber(redis.call("ZRANGE", KEYS[14], 0, 0, "WITHSCORES")[2] or huge)
    due = math.min(
      tonumber(redis.call("ZRANGE", KEYS[6], 0, 0, "WITHSCORES")[2] or huge),
      tonumber(redis.call("ZRANGE", KEYS[13], 0, 0, "WITHSCORES")[2] or huge)
    )
  end
  local last, listed = match(redis.call("HGET", KEYS[15], worker) or "", "^(%d+),%d+,(%d+),")
  local is_new = last and tonumber(number) > tonumber(last)
  local is_free = not meta[1] and meta[2] ~= "1" and expires > now and due > now
  if is_new and is_free and (is_calm or redis.call("ZCARD", KEYS[3]) == 0) then
    local sequence, token = tonumber(meta[5] or 0), math.max(tonumber(meta[3]) or 0, now * tokens_per_milli)
    local since = "," .. format("%d", now) .. ","
    local flag = retain == "0" and "0" or "1"
    local taken = "," .. flag .. ",1,0,0" .. since .. ",," .. worker
    local until_when = format("%d", now + lease)
    local first_line = match(line, "^[^\\n]*")
    local ids, records, runs, leases, bytes = {}, {}, {}, {}, 0
    for i = 1, total do
      local id, place = ARGV[jobs_at + i - 1], format("%d", sequence + i) .. since
      local record = flag .. "," .. place .. line .. ARGV[first_payload + i - 1]
      ids[i] = id
      bytes = bytes + #record
      records[2 * i - 1], records[2 * i] = id, record
      local run = "a" .. format("%d", token + i) .. taken
      runs[2 * i - 1], runs[2 * i] = id, flag == "0" and run or run .. "," .. place .. first_line
      leases[2 * i - 1], leases[2 * i] = until_when, id
    end
    if total == 1 or bytes <= claim_bytes then
      local last_place, last_token = format("%d", sequence + total), format("%d", token + total)
      local claims, enqueued = format("%d", tonumber(meta[4] or 0) + total), format("%d", tonumber(meta[6] or 0) + total)
      redis.call("HSET", KEYS[9], "sequence", last_place, "token", last_token, "claimed", claims, "enqueued", enqueued)
      redis.call("HSET", KEYS[1], unpack(records))
      redis.call("HSET", KEYS[2], unpack(runs))
      redis.call("ZADD", KEYS[14], unpack(leases))
      if math.abs(now - tonumber(listed)) >= worker_listed_millis then
        listed = format("%d", now)
        redis.call("ZADD", KEYS[16], listed, worker)
      end
      local claimed = format("%s,%d,%s,", number, token + 1, listed) .. table.concat(ids, ",")
      redis.call("HSET", KEYS[15], worker, claimed)
      local next_change = math.min(expires, due)
      local next_millis = next_change < huge and next_change - now or -1
      return format("%d,%d,%d", next_millis, token + 1, now)
    end
  end
end
end
local sequence = redis.call("HINCRBY", KEYS[9], "sequence", ARGV[6]) - total
local since = "," .. format("%d", now) .. ","
local records, ready, stored = {}, {}, 0
row = jobs_at + total
while row < #ARGV do
  local line, payloads_at = ARGV[row + 1], row + 2
  if records_at and records_at[row] then line = string.sub(line, records_at[row]) end
  local priority, retain, held = match(line, "^,(%-?%d+),%d+,(%d+),[^,]*,(%a?)")
  local head, tail = (held == "s" and "5" or (held ~= "" or retain ~= "0") and "1" or "0") .. ",", since .. line
  local base = tonumber(priority) * 1099511627776
  row = payloads_at + ARGV[row]
  for payload_at = payloads_at, row - 1 do
    local id, place = ARGV[jobs_at + stored], sequence + stored + 1
    records[2 * stored + 1] = id
    records[2 * stored + 2] = head .. format("%d", place) .. tail .. ARGV[payload_at]
    ready[2 * stored + 1] = format("%d", base + place)
    ready[2 * stored + 2] = id
    stored = stored + 1
  end
end
redis.call("HSET", KEYS[1], unpack(records))
if holders and #holders > 0 then redis.call("HSET", KEYS[7], unpack(holders)) end
redis.call("ZADD", KEYS[3], unpack(ready))
redis.call("ZADD", KEYS[17], 0, "1")
redis.call("HINCRBY", KEYS[9], "enqueued", ARGV[6])
return {}`
  },
  enter: {
    keys: ["all", "running", "completed", "failed", "cancelled", "looks", "expiry", "entered"] as const,
    args: ["now", "id", "state", "created", "look", "known", "over", "changes"] as const,
    rest: undefined,
    sha1: "15cfa5262287f119063aff3a9930c20edacf984d",
    source: `#!lua
local function clock(given)
  if given ~= "" then return tonumber(given) end
  local time = redis.call("TIME")
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function exact(number)
  return string.format("%d", number)
end
local now, id, state = clock(ARGV[1]), ARGV[2], ARGV[3]
if ARGV[8] ~= "" then
  if tonumber(redis.call("HGET", KEYS[8], id) or "0") > tonumber(ARGV[8]) then return "" end
  redis.call("HSET", KEYS[8], id, ARGV[8])
end
local was_listed = redis.call("ZSCORE", KEYS[1], id)
if state ~= "-" then
  local created = ARGV[4] == "" and exact(now) or ARGV[4]
  local states = { running = KEYS[2], completed = KEYS[3], failed = KEYS[4], cancelled = KEYS[5] }
  for name, key in pairs(states) do
    if name == state then redis.call("ZADD", key, created, id) else redis.call("ZREM", key, id) end
  end
  if state == "" then
    redis.call("ZREM", KEYS[1], id)
    redis.call("HDEL", KEYS[8], id)
  else
    redis.call("ZADD", KEYS[1], created, id)
  end
end
local function set(key, at, old)
  if at == "-" then return end
  if at == "" then
    redis.call("ZREM", key, id)
  elseif string.sub(at, 1, 1) == "+" then
    local soon = now + tonumber(string.sub(at, 2))
    redis.call("ZADD", key, old and math.min(soon, old - 1) or soon, id)
  else
    redis.call("ZADD", key, at, id)
  end
end
local look = redis.call("ZSCORE", KEYS[6], id)
if look == false and not was_listed and ARGV[6] ~= "-" and ARGV[6] ~= "" then
  set(KEYS[6], ARGV[6])
elseif ARGV[6] == "-" or ARGV[6] == (look or "") or not look then
  set(KEYS[6], ARGV[5], tonumber(look or nil))
end
set(KEYS[7], ARGV[7])
return redis.call("ZSCORE", KEYS[6], id) or ""`
  },
  entry: {
    keys: ["schedules"] as const,
    args: ["now", "name"] as const,
    rest: undefined,
    sha1: "5ed0485b67caea75a22fb7a19bb42490de95488b",
    source: `#!lua flags=no-writes
local function clock(given)
  if given ~= "" then return tonumber(given) end
  local time = redis.call("TIME")
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function exact(number)
  return string.format("%d", number)
end
return { exact(clock(ARGV[1])), redis.call("HGET", KEYS[1], ARGV[2]) or "" }`
  },
  exchange: {
    keys: ["jobs", "runs", "pending", "limited", "limits", "buckets", "scheduled", "retry", "active", "completed", "cancelled", "dead", "ledger", "result", "cancels", "progress", "logs", "watchers", "unique", "meta", "claims", "workers", "outbox", "endings", "members", "wake"] as const,
    args: ["now", "notices", "worker", "number", "limit", "lease", "plain"] as const,
    rest: "settlements" as const,
    sha1: "be58c6be2905953ec12b633f1294eea6341146aa",
    source: `#!lua flags=allow-oom
local worker, number, limit, lease = ARGV[3], ARGV[4], tonumber(ARGV[5]), tonumber(ARGV[6])
local find, byte, format = string.find, string.byte, string.format
local now = tonumber(ARGV[1])
local most_at_once = 3000
local tokens_per_milli = 1024
local worker_listed_millis = 1000
local claim_bytes = 4194304
local made
local function rarely()
  if made then return made end
local function clock(given)
  if given ~= "" then return tonumber(given) end
  local time = redis.call("TIME")
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function exact(number)
  return string.format("%d", number)
end
local function in_chunks(size, count, act)
  for first = 1, count, size do
    act(first, math.min(first + size - 1, count))
  end
end
local function read_range(key, ids, first, last)
  if last < first then return {} end
  if last - first < 4000 then return redis.call("HMGET", key, unpack(ids, first, last)) end
  local values = {}
  in_chunks(4000, last - first + 1, function(from, to)
    local part = redis.call("HMGET", key, unpack(ids, first + from - 1, first + to - 1))
    for i = 1, #part do values[from + i - 1] = part[i] end
  end)
  return values
end
local function read_fields(key, ids)
  return read_range(key, ids, 1, #ids)
end
local function spread_range(command, key, values, first, last)
  local sum = 0
  for from = first, last, 4000 do
    sum = sum + redis.call(command, key, unpack(values, from, math.min(from + 3999, last)))
  end
  return sum
end
local function spread(command, key, values)
  return spread_range(command, key, values, 1, #values)
end
local function count(meta, name, by)
  if by > 0 then redis.call("HINCRBY", meta, name, exact(by)) end
end
  now = now or clock(ARGV[1])
local function parse_full_run(text)
  local holder, token, flag, attempt, rescues, snoozes, started, finished, reason, worker, tail =
    string.match(text, "^(%a)(%d+),(%d),(%d+),(%d+),(%d+),(%d*),(%d*),(%a*),([^,]*),(.*)$")
  if not tail then return nil end
  local sequence, enqueued, expires, priority, max_attempts, retain, kind, held, unique =
    string.match(tail, "^(%d+),(%d+),(%d*),(-?%d+),(%d+),(%d+),([^,]*),(%a?):?(.*)$")
  if not unique then return nil end
  return {
    holder = holder, token = token, flag = flag,
    attempt = tonumber(attempt), rescues = tonumber(rescues), snoozes = tonumber(snoozes),
    started = started, finished = finished, reason = reason, worker = worker, tail = tail,
    score = tonumber(priority) * 1099511627776 + tonumber(sequence),
    expires = tonumber(expires), max_attempts = tonumber(max_attempts), retain = tonumber(retain), kind = kind, held = held, unique = unique
  }
end
local function is_record(record)
  return string.find(record, "^%d,%d+,%d+,%d*,%-?%d+,%d+,%d+,[^,\\n]*,[^,\\n]*\\n[^\\n]*\\n") ~= nil
end
local function first_line(record)
  return string.match(record, "^(%d),(%d+,%d+,%d*,%-?%d+,%d+,%d+,[^,\\n]*,[^,\\n]*)\\n[^\\n]*\\n")
end
local function due_at(record, time)
  return (string.gsub(record, "\\n[^{\\n]*", "\\n@" .. exact(time), 1))
end
local function parse_run(id, text)
  if string.find(text, "^%a%d+,0,1,0,0,%d+,,,[^,]*$") then
    local record = redis.call("HGET", KEYS[1], id)
    local _, tail = first_line(record or "")
    if not tail then return nil end
    text = text .. "," .. tail
  end
  return parse_full_run(text)
end
local function new_run(record)
  local flag, tail = first_line(record)
  if not flag then return nil end
  return parse_full_run("w0," .. flag .. ",0,0,0,,,,," .. tail)
end
local function format_run(run)
  return run.holder .. run.token .. "," .. run.flag .. "," .. run.attempt .. "," .. run.rescues .. "," .. run.snoozes
    .. "," .. run.started .. "," .. run.finished .. "," .. run.reason .. "," .. run.worker .. "," .. run.tail
end
local function ended_run(text, now)
  local from, to, retain, held, unique = string.match(
    text, "^a%d+,%d,%d+,%d+,%d+,%d*,()%d*(),%a*,[^,]*,%d+,%d+,%d*,%-?%d+,%d+,(%d+),[^,]*,(%a?):?(.*)$"
  )
  if not from then return nil end
  return tonumber(retain), held, unique, "w" .. string.sub(text, 2, from - 1) .. now .. string.sub(text, to)
end
local function mind(run)
  if run.flag % 2 == 0 then run.flag = exact(run.flag + 1) end
end
local ledger_limit = 20
local function write_failure(id, run, outcome, now, error)
  local started = run.started ~= "" and run.started or now
  local line = run.attempt .. "," .. started .. "," .. now .. "," .. outcome .. "," .. error
  local ledger = redis.call("HGET", KEYS[13], id)
  if ledger then
    local _, lines = string.gsub(ledger, "\\n", "\\n")
    if lines + 1 >= ledger_limit then ledger = string.match(ledger, "^[^\\n]*\\n(.*)$") or "" end
    line = ledger == "" and line or (ledger .. "\\n" .. line)
  end
  redis.call("HSET", KEYS[13], id, line)
  mind(run)
end
local function free_key(id, run)
  if run.unique ~= "" and run.held ~= "w" and run.held ~= "m" and redis.call("HGET", KEYS[19], run.unique) == id then
    redis.call("HDEL", KEYS[19], run.unique)
  end
end
local function remove(index, id)
  redis.call("ZREM", index, id)
  for _, key in ipairs({ KEYS[1], KEYS[2], KEYS[13], KEYS[14], KEYS[16], KEYS[17] }) do
    redis.call("HDEL", key, id)
  end
end
local function store_run(id, run)
  redis.call("HSET", KEYS[2], id, format_run(run))
end
local function tell_ended(id, outcome)
  local watchers = redis.call("HGET", KEYS[18], id)
  if not watchers then return end
  redis.call("HDEL", KEYS[18], id)
  for name, ref in string.gmatch(watchers, "(%S+) (%S+)") do
    redis.call("PUBLISH", ARGV[2] .. name, "ended\\n" .. ref .. "\\n" .. outcome)
  end
end
local ending_held, member_known = 5000, 600000
local hands_over, handed_over = false, {}
local function tell_workflows(ids, places, outcomes, now)
  if #ids == 0 then return end
  local before = redis.call("HINCRBY", KEYS[20], "endings", exact(#ids)) - #ids
  local due = exact(hands_over and now + ending_held or now)
  local endings, outbox, members = {}, {}, {}
  for i, id in ipairs(ids) do
    local text = exact(before + i) .. "," .. places[i] .. "\\n" .. outcomes[i]
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
  spread("HSET", KEYS[24], endings)
  spread("ZADD", KEYS[23], outbox)
  spread("ZADD", KEYS[25], members)
  local old = redis.call("ZRANGEBYSCORE", KEYS[25], "-inf", exact(now - member_known), "LIMIT", 0, #members)
  spread("ZREM", KEYS[25], old)
end
local function tell_workflow(id, run, outcome, now)
  if run.held == "m" then tell_workflows({ id }, { run.unique }, { outcome }, now) end
end
local function cancel_now(from, id, run, how, reason, now)
  write_failure(id, run, how, now, reason)
  free_key(id, run)
  redis.call("HDEL", KEYS[15], id)
  if run.retain <= 0 then
    remove(from, id)
    count(KEYS[20], "removed", 1)
  else
    redis.call("ZREM", from, id)
    redis.call("ZADD", KEYS[11], now + run.retain, id)
    run.holder = "w"
    run.finished = now
    store_run(id, run)
  end
  count(KEYS[20], "cancelled", 1)
  local outcome = (how == "expired" and "e" or "x") .. reason
  tell_ended(id, outcome)
  tell_workflow(id, run, outcome, now)
end
local function bury(id, run, reason, error, failure, now)
  free_key(id, run)
  redis.call("HDEL", KEYS[15], id)
  redis.call("ZREM", KEYS[9], id)
  redis.call("ZADD", KEYS[12], now, id)
  if failure then redis.call("HSET", KEYS[14], id, failure) end
  run.holder = "w"
  run.finished = now
  run.reason = reason
  store_run(id, run)
  count(KEYS[20], "died", 1)
  local outcome = "d" .. reason .. "\\n" .. error .. (failure and ("\\n" .. failure) or "")
  tell_ended(id, outcome)
  tell_workflow(id, run, outcome, now)
end
local function leave_active(index, score, id, run)
  redis.call("ZREM", KEYS[9], id)
  redis.call("ZADD", index, score, id)
  run.holder = "w"
  store_run(id, run)
end
local crash = '"the lease expired"'
local function rescue(limit, now)
  local rescued, buried, taken = {}, {}, 0
  local expired = redis.call("ZRANGEBYSCORE", KEYS[9], "-inf", now, "LIMIT", 0, limit)
  for _, id in ipairs(expired) do
    local text = redis.call("HGET", KEYS[2], id)
    local run = text and parse_run(id, text)
    if run then
      run.token = "0"
      run.rescues = run.rescues + 1
      write_failure(id, run, "crashed", now, crash)
      taken = taken + 1
      local stop = redis.call("HGET", KEYS[15], id)
      if stop then
        cancel_now(KEYS[9], id, run, "cancelled", stop, now)
      elseif run.attempt >= run.max_attempts then
        bury(id, run, "crashed", crash, nil, now)
        buried[#buried + 1] = id
      else
        leave_active(KEYS[3], run.score, id, run)
        rescued[#rescued + 1] = id
      end
    else
      redis.call("ZREM", KEYS[9], id)
      redis.call("HDEL", KEYS[2], id)
      count(KEYS[20], "vanished", 1)
    end
  end
  count(KEYS[20], "rescued", taken)
  return rescued, buried
end
local function promote(limit, now)
  local promoted = 0
  for _, index in ipairs({ KEYS[7], KEYS[8] }) do
    local due = promoted < limit and redis.call("ZRANGEBYSCORE", index, "-inf", now, "LIMIT", 0, limit - promoted) or {}
    if #due > 0 then
      local entries = {}
      for i, record in ipairs(read_fields(KEYS[1], due)) do
        local sequence, priority = string.match(record or "", "^%d,(%d+),%d+,%d*,(-?%d+),")
        if priority then
          entries[#entries + 1] = tonumber(priority) * 1099511627776 + tonumber(sequence)
          entries[#entries + 1] = due[i]
        else
          count(KEYS[20], "vanished", 1)
        end
      end
      spread("ZREM", index, due)
      spread("ZADD", KEYS[3], entries)
      promoted = promoted + #due
    end
  end
  return promoted
end
local place_offset = 4503599627370496
local function limited_member(kind, score, id)
  return kind .. "," .. string.format("%016.0f", score + place_offset) .. "," .. id
end
local function of_kind(kind)
  return "[" .. kind .. ",", "(" .. kind .. "-"
end
local function read_limits()
  local limits, flat = {}, redis.call("HGETALL", KEYS[5])
  for i = 1, #flat, 2 do
    local limit, per, burst = string.match(flat[i + 1], "^(%d+),(%d+),(%d+)$")
    if burst then limits[flat[i]] = { limit = tonumber(limit), per = tonumber(per), burst = tonumber(burst) } end
  end
  return limits
end
local function tokens_of(kind, rate, now)
  if rate.limit == 0 then return math.huge end
  local tokens, at = string.match(redis.call("HGET", KEYS[6], kind) or "", "^([^,]+),(%d+)$")
  tokens = tonumber(tokens)
  if not tokens then return rate.burst end
  local elapsed = math.max(0, now - tonumber(at))
  return math.min(rate.burst, tokens + elapsed * rate.limit / rate.per)
end
local function give_back_token(limits, kind, now)
  local rate = limits[kind]
  if not rate or rate.limit == 0 then return end
  local tokens = tokens_of(kind, rate, now) + 1
  redis.call("HSET", KEYS[6], kind, string.format("%.17g", tokens) .. "," .. exact(now))
end
local function kind_and_score(record)
  local sequence, priority, kind = string.match(record, "^%d,(%d+),%d+,%d*,(-?%d+),%d+,%d+,([^,]*),")
  if not kind then return nil end
  return kind, tonumber(priority) * 1099511627776 + tonumber(sequence)
end
local function leave_waiting(id, record)
  if redis.call("ZREM", KEYS[3], id) == 1 then return true end
  local kind, score = kind_and_score(record)
  return kind ~= nil and redis.call("ZREM", KEYS[4], limited_member(kind, score, id)) == 1
end
local divert_limit = 1000
local function divert(limits, most)
  local looked = 0
  while looked < divert_limit do
    local front = redis.call("ZRANGE", KEYS[3], 0, math.max(most, 100) - 1)
    local moved, members = {}, {}
    for i, record in ipairs(#front > 0 and read_fields(KEYS[1], front) or {}) do
      local kind, score
      if record then kind, score = kind_and_score(record) end
      if kind and limits[kind] then
        moved[#moved + 1] = front[i]
        members[#members + 1] = 0
        members[#members + 1] = limited_member(kind, score, front[i])
      end
    end
    if #moved == 0 then return end
    spread("ZREM", KEYS[3], moved)
    spread("ZADD", KEYS[4], members)
    looked = looked + #front
  end
end
local function candidates_of(limits, most, now)
  local candidates = {}
  local front = redis.call("ZRANGE", KEYS[3], 0, most - 1)
  for i, record in ipairs(#front > 0 and read_fields(KEYS[1], front) or {}) do
    local kind, score
    if record then kind, score = kind_and_score(record) end
    if not kind or not limits[kind] then
      candidates[#candidates + 1] = { id = front[i], score = score or -math.huge }
    end
  end
  for kind, rate in pairs(limits) do
    local allowed = math.min(most, math.floor(tokens_of(kind, rate, now)))
    if allowed > 0 then
      local first, last = of_kind(kind)
      for _, member in ipairs(redis.call("ZRANGEBYLEX", KEYS[4], first, last, "LIMIT", 0, allowed)) do
        local place, id = string.match(member, "^[^,]*,(%d+),(.*)$")
        if place then candidates[#candidates + 1] = { id = id, score = tonumber(place) - place_offset, kind = kind, member = member } end
      end
    end
  end
  table.sort(candidates, function(a, b) return a.score < b.score end)
  return candidates
end
local function take_limited(limits, most, now, bound)
  divert(limits, most)
  local candidates, ids = candidates_of(limits, most, now), {}
  for i = 1, math.min(most, #candidates) do ids[i] = candidates[i].id end
  local records = read_fields(KEYS[1], ids)
  local plain, members, used = {}, {}, {}
  for i = 1, bound(ids, records) do
    local candidate = candidates[i]
    if candidate.kind then
      members[#members + 1] = candidate.member
      used[candidate.kind] = (used[candidate.kind] or 0) + 1
    else
      plain[#plain + 1] = candidate.id
    end
  end
  spread("ZREM", KEYS[3], plain)
  spread("ZREM", KEYS[4], members)
  for kind, taken in pairs(used) do
    local rate = limits[kind]
    if rate.limit > 0 then
      local left = tokens_of(kind, rate, now) - taken
      redis.call("HSET", KEYS[6], kind, string.format("%.17g", left) .. "," .. exact(now))
    end
  end
  return ids, records
end
local function look_apart(limits, now)
  local more, soonest = false, math.huge
  for kind, rate in pairs(limits) do
    local first, last = of_kind(kind)
    if #redis.call("ZRANGEBYLEX", KEYS[4], first, last, "LIMIT", 0, 1) > 0 then
      local tokens = tokens_of(kind, rate, now)
      if tokens >= 1 then
        more = true
      else
        local wanted = math.min(rate.burst, math.max(1, math.floor(100 * rate.limit / rate.per)))
        soonest = math.min(soonest, now + math.ceil((wanted - tokens) * rate.per / rate.limit))
      end
    elseif rate.limit == 0 then
      redis.call("HDEL", KEYS[5], kind)
      limits[kind] = nil
    end
  end
  return more, soonest
end
local function look_ahead(limits, now)
  local more, soonest = look_apart(limits, now)
  local front = not more and redis.call("ZRANGE", KEYS[3], 0, 0)[1]
  if not front then return more, soonest end
  local kind = kind_and_score(redis.call("HGET", KEYS[1], front) or "")
  if not limits[kind or ""] then return true, soonest end
  divert(limits, 0)
  more, soonest = look_apart(limits, now)
  return more or redis.call("EXISTS", KEYS[3]) == 1, soonest
end
local arguments = { c = 0, C = 1, r = 3, b = 3, x = 1, s = 1, l = 1 }
local ended, deleted_ids, kept, results, kept_runs, freed_keys, holders = {}, {}, {}, {}, {}, {}, {}
local members, places, member_outcomes = {}, {}, {}
local function completion(result)
  return result and "C" .. result or "c"
end
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
    local present, free = read_fields(KEYS[19], freed_keys), {}
    for i = 1, #freed_keys do
      if present[i] == holders[i] then free[#free + 1] = freed_keys[i] end
    end
    spread("HDEL", KEYS[19], free)
  end
  spread("HDEL", KEYS[15], ended)
  spread("ZREM", KEYS[9], ended)
  for _, key in ipairs({ KEYS[1], KEYS[2], KEYS[13], KEYS[14], KEYS[16], KEYS[17] }) do
    spread("HDEL", key, deleted_ids)
  end
  spread("ZADD", KEYS[10], kept)
  spread("HSET", KEYS[2], kept_runs)
  spread("HSET", KEYS[14], results)
  count(KEYS[20], "completed", #ended)
  count(KEYS[20], "removed", #deleted_ids)
  tell_workflows(members, places, member_outcomes, now)
end
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
    ops[n] = at
    ids[n] = ARGV[at + 1]
    tokens[n] = ARGV[at + 2]
    at = at + 3 + arguments[ARGV[at]]
  end
  if #ops == 0 then return "", false end
  local texts = read_fields(KEYS[2], ids)
  local touched = {}
  local done, outcomes = {}, {}
  local watched = redis.call("HLEN", KEYS[18]) > 0
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
    local is_plain = is_held and completes and byte(text, #held + 1) == 48
    local run
    if is_held and not is_plain then
      if completes then
        run = complete(id, text, result, watched)
      else
        run = parse_run(id, text)
      end
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
        local stop = (op == "r" or op == "s" or op == "l") and redis.call("HGET", KEYS[15], id)
        if stop then
          cancel_now(KEYS[9], id, run, "cancelled", stop, now)
          outcome = "x"
        elseif op == "r" then
          if run.attempt >= run.max_attempts then
            write_failure(id, run, "dead", now, second)
            bury(id, run, "exhausted", second, third ~= "" and third or nil, now)
            outcome = "d"
          else
            write_failure(id, run, "retry", now, second)
            leave_active(KEYS[8], now + tonumber(first), id, run)
            count(KEYS[20], "retried", 1)
          end
        elseif op == "b" then
          write_failure(id, run, "dead", now, second)
          bury(id, run, first, second, third ~= "" and third or nil, now)
        elseif op == "x" then
          cancel_now(KEYS[9], id, run, "cancelled", first, now)
        elseif op == "s" then
          run.attempt = run.attempt - 1
          run.snoozes = run.snoozes + 1
          leave_active(KEYS[7], now + tonumber(first), id, run)
          count(KEYS[20], "snoozed", 1)
        else
          run.attempt = run.attempt - 1
          local delay = tonumber(first)
          if delay > 0 then
            leave_active(KEYS[7], now + delay, id, run)
          else
            leave_active(KEYS[3], run.score, id, run)
            freed = true
          end
          count(KEYS[20], "released", 1)
        end
        touched[id] = redis.call("HGET", KEYS[2], id)
      end
    elseif text then
      if token ~= "0" and string.match(text, "^w(%d+),") == token then
        outcome = "r"
      else
        outcome = "s"
        stale = stale + 1
      end
    elseif redis.call("HEXISTS", KEYS[1], id) == 1 and touched[id] == nil then
      outcome = "s"
      stale = stale + 1
    else
      outcome = "g"
    end
    outcomes[i] = outcome
  end
  if #done > 0 then
    spread("ZREM", KEYS[9], done)
    spread("HDEL", KEYS[2], done)
    spread("HDEL", KEYS[1], done)
    count(KEYS[20], "completed", #done)
    count(KEYS[20], "removed", #done)
  end
  write_completions()
  count(KEYS[20], "stale", stale)
  return table.concat(outcomes), freed
end
local function outcomes_of(first, last)
  local outcomes, seen = {}, {}
  for i = first, last do
    outcomes[#outcomes + 1] = seen[ARGV[i]] and "g" or "k"
    seen[ARGV[i]] = true
  end
  return table.concat(outcomes)
end
local function waits()
  return redis.call("ZCARD", KEYS[3]) + redis.call("ZCARD", KEYS[4]) > 0
end
local function repeat_claim(first, ids)
  local claimed, handed, seen, later_attempts = {}, {}, {}, {}
  for id in string.gmatch(ids, "[^,]+") do
    local text = not seen[id] and redis.call("HGET", KEYS[2], id)
    local token = text and string.match(text, "^a(%d+),")
    local run = token and tonumber(token) >= first and parse_run(id, text)
    if run and run.worker == worker then
      local n = #claimed + 1
      seen[id] = true
      claimed[n], handed[n] = id, redis.call("HGET", KEYS[1], id) or ""
      later_attempts[2 * n - 1] = n
      later_attempts[2 * n] = run.attempt .. "," .. run.rescues .. "," .. run.snoozes .. "," .. token
    end
  end
  return claimed, handed, later_attempts
end
local function drop_expired(ids, records, texts, limits)
  local expired = {}
  for i = 1, #ids do
    if records[i] and (byte(records[i], 1) or 0) >= 50 then
      local run = texts[i] and parse_run(ids[i], texts[i]) or new_run(records[i])
      if run and run.held == "s" then free_key(ids[i], run) end
      if run and run.expires and run.expires <= now then
        cancel_now(KEYS[3], ids[i], run, "expired", '"its time to start was over"', now)
        expired[i] = true
        if limits then give_back_token(limits, run.kind, now) end
      end
    end
  end
  if next(expired) == nil then return ids, records, texts end
  local kept, kept_records, kept_texts = {}, {}, {}
  for i = 1, #ids do
    if not expired[i] then
      local n = #kept + 1
      kept[n], kept_records[n], kept_texts[n] = ids[i], records[i], texts[i]
    end
  end
  count(KEYS[20], "expired", #ids - #kept)
  return kept, kept_records, kept_texts
end
local function run_of(id, record, text, token, rest)
  if not text then
    local flag, tail = first_line(record)
    if not flag then return nil end
    return "a" .. exact(token) .. "," .. flag .. ",1,0,0" .. rest .. "," .. tail, "1,0,0"
  end
  if not is_record(record) then return nil end
  local old = parse_run(id, text) or new_run(record)
  local progress = (old.attempt + 1) .. "," .. old.rescues .. "," .. old.snoozes
  return "a" .. exact(token) .. "," .. old.flag .. "," .. progress .. rest .. "," .. old.tail, progress
end
local function bound(ids, records)
  local bytes, last = 0, #ids
  for i = 1, #ids do
    bytes = bytes + (records[i] and #records[i] or 0)
    if bytes > claim_bytes and i > 1 then
      last = i - 1
      break
    end
  end
  for i = #ids, last + 1, -1 do ids[i], records[i] = nil, nil end
  return last
end
local function room(max_active)
  return math.max(0, max_active - redis.call("ZCARD", KEYS[9]))
end
local function head(index)
  return tonumber(redis.call("ZRANGE", index, 0, 0, "WITHSCORES")[2] or math.huge)
end
local function lengths_of(texts)
  local lengths = {}
  for i = 1, #texts do lengths[i] = exact(#texts[i]) end
  return table.concat(lengths, ",")
end
  hands_over = true
  made = {
    settle = settle, repeat_claim = repeat_claim, drop_expired = drop_expired, run_of = run_of, tell_ended = tell_ended,
    rescue = rescue, promote = promote, read_limits = read_limits, take_limited = take_limited, look_ahead = look_ahead,
    bound = bound, room = room, waits = waits, head = head, outcomes_of = outcomes_of, lengths_of = lengths_of,
    read_fields = read_fields, spread = spread, count = count, endings = handed_over
  }
  return made
end
local outcomes, freed, deleted = "", false, false
local max_active
local plain = tonumber(ARGV[7])
if plain > 0 and plain <= most_at_once then
  local from, to = 8, 7 + plain
  local texts = redis.call("HMGET", KEYS[2], unpack(ARGV, from, to))
  deleted = true
  for i = 1, plain do
    local text = texts[i]
    if not text or find(text, ARGV[to + i], 1, true) ~= 1 then
      deleted = false
      break
    end
  end
  if deleted then
    local ended = redis.call("ZREM", KEYS[9], unpack(ARGV, from, to))
    redis.call("HDEL", KEYS[2], unpack(ARGV, from, to))
    redis.call("HDEL", KEYS[1], unpack(ARGV, from, to))
    if redis.call("HLEN", KEYS[18]) > 0 then
      for i = from, to do rarely().tell_ended(ARGV[i], "c") end
    end
    local counted = redis.call("HMGET", KEYS[20], "completed", "removed", "max_active")
    max_active = counted[3]
    local completed, removed = (tonumber(counted[1]) or 0) + ended, (tonumber(counted[2]) or 0) + ended
    redis.call("HSET", KEYS[20], "completed", format("%d", completed), "removed", format("%d", removed))
    outcomes = ended == plain and string.rep("k", plain) or rarely().outcomes_of(from, to)
  end
end
if (plain > 0 and not deleted) or #ARGV > 7 + 2 * plain then
  local others
  others, freed = rarely().settle(plain, deleted)
  outcomes = outcomes .. others
end
if number == "" then
  if not deleted then max_active = redis.call("HGET", KEYS[20], "max_active") end
  local makes_room = max_active and outcomes ~= "" and rarely().waits() and rarely().room(tonumber(max_active)) > 0
  if freed or makes_room then redis.call("ZADD", KEYS[26], 0, "1") end
  local text = outcomes .. ",-1,0,0,0"
  local endings = made and made.endings or {}
  return #endings > 0 and { text, {}, {}, endings, {} } or text
end
local huge, min = math.huge, math.min
if not now then
  local time = redis.call("TIME")
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
local meta = redis.call("HMGET", KEYS[20], "max_active", "paused", "token", "claimed")
local paused = meta[2] == "1"
max_active = tonumber(meta[1] or nil)
local expires = tonumber(redis.call("ZRANGE", KEYS[9], 0, 0, "WITHSCORES")[2] or huge)
local rescued, buried
if expires <= now then
  rescued, buried = rarely().rescue(100, now)
  expires = rarely().head(KEYS[9])
end
local due = min(
  tonumber(redis.call("ZRANGE", KEYS[7], 0, 0, "WITHSCORES")[2] or huge),
  tonumber(redis.call("ZRANGE", KEYS[8], 0, 0, "WITHSCORES")[2] or huge)
)
if due <= now then
  rarely().promote(1000, now)
  due = min(rarely().head(KEYS[7]), rarely().head(KEYS[8]))
end
local limits = redis.call("HLEN", KEYS[5]) > 0 and rarely().read_limits() or nil
local few = 4
local ids, records, first_token, more, later_attempts
local remembered = redis.call("HGET", KEYS[21], worker)
local last, last_first, listed, ids_at
if remembered then
  last, last_first, listed, ids_at = string.match(remembered, "^(%d+),(%d+),(%d+),()")
end
local is_new = not last or tonumber(number) > tonumber(last)
if is_new then
  local most = max_active and min(limit, rarely().room(max_active)) or limit
  if paused or most < 1 then
    ids = {}
  elseif limits then
    ids, records = rarely().take_limited(limits, most, now, rarely().bound)
  else
    ids = redis.call("ZRANGE", KEYS[3], 0, most)
    local found = #ids
    more = found > most
    if more then
      ids[found] = nil
      found = most
    end
    if found > 0 then
      records = found <= most_at_once and redis.call("HMGET", KEYS[1], unpack(ids)) or rarely().read_fields(KEYS[1], ids)
      local bytes = 0
      for i = 1, found do bytes = bytes + (records[i] and #records[i] or 0) end
      if bytes > claim_bytes then
        local fitting = rarely().bound(ids, records)
        more = more or fitting < found
        found = fitting
      end
      redis.call("ZREMRANGEBYRANK", KEYS[3], 0, found - 1)
    end
  end
  if #ids > 0 then
    local are_new = #ids > few and redis.call("HLEN", KEYS[2]) == redis.call("ZCARD", KEYS[9])
    local texts
    if not are_new then
      texts = #ids <= most_at_once and redis.call("HMGET", KEYS[2], unpack(ids)) or rarely().read_fields(KEYS[2], ids)
    end
    for i = 1, #ids do
      if records[i] and (byte(records[i], 1) or 0) >= 50 then
        ids, records, texts = rarely().drop_expired(ids, records, texts or {}, limits)
        break
      end
    end
    local token = math.max(tonumber(meta[3]) or 0, now * tokens_per_milli)
    first_token = token + 1
    local runs, leases = {}, {}
    local rest = "," .. format("%d", now) .. ",,," .. worker
    local first_attempt = "a%d,0,1,0,0" .. string.gsub(rest, "%%", "%%%%")
    local until_when = format("%d", now + lease)
    local held = 0
    for i = 1, #ids do
      local id, record, text = ids[i], records[i], texts and texts[i]
      token = token + 1
      local run, progress
      if record then
        if not text and byte(record, 1) == 48 and byte(record, 2) == 44 then
          run = format(first_attempt, token)
        else
          run, progress = rarely().run_of(id, record, text, token, rest)
          if progress and progress ~= "1,0,0" then
            later_attempts = later_attempts or {}
            later_attempts[#later_attempts + 1] = i
            later_attempts[#later_attempts + 1] = progress
          end
        end
      end
      if run then
        runs[held + 1], runs[held + 2] = id, run
        leases[held + 1], leases[held + 2] = until_when, id
        held = held + 2
      else
        rarely().count(KEYS[20], "vanished", 1)
        records[i] = ""
      end
    end
    local claimed = (tonumber(meta[4]) or 0) + held / 2
    redis.call("HSET", KEYS[20], "token", format("%d", token), "claimed", format("%d", claimed))
    if held > 2 * most_at_once then
      rarely().spread("HSET", KEYS[2], runs)
      rarely().spread("ZADD", KEYS[9], leases)
    elseif held > 0 then
      redis.call("HSET", KEYS[2], unpack(runs))
      redis.call("ZADD", KEYS[9], unpack(leases))
    end
  end
elseif last == number then
  first_token = tonumber(last_first)
  ids, records, later_attempts = rarely().repeat_claim(first_token, string.sub(remembered, ids_at))
else
  ids = {}
end
first_token = first_token or 0
local ids_text, sizes = "", ""
if #ids > 0 then
  ids_text = table.concat(ids, ",")
  local lengths, written, of_all = {}, {}, #ids[1]
  for i = 1, #ids do
    local length = #records[i]
    local text = written[length]
    if not text then
      text = format("%d", length)
      written[length] = text
    end
    lengths[i] = text
    if #ids[i] ~= of_all then of_all = nil end
  end
  sizes = (of_all and format("%d", of_all) or rarely().lengths_of(ids)) .. ";" .. table.concat(lengths, ",")
end
if is_new then
  if not listed or math.abs(now - tonumber(listed)) >= worker_listed_millis then
    listed = format("%d", now)
    redis.call("ZADD", KEYS[22], listed, worker)
  end
  redis.call("HSET", KEYS[21], worker, format("%s,%d,%s,", number, first_token, listed) .. ids_text)
end
local next_token = huge
if limits then
  more, next_token = rarely().look_ahead(limits, now)
elseif more == nil then
  more = redis.call("ZCARD", KEYS[3]) > 0
end
more = more and not paused and (not max_active or rarely().room(max_active) > 0)
if more then redis.call("ZADD", KEYS[26], 0, "1") end
local next_change = min(expires, due, next_token)
local next_millis = next_change < huge and math.max(0, next_change - now) or -1
local text = format("%s,%d,%d,%d,%d", outcomes, next_millis, more and 1 or 0, paused and 1 or 0, first_token)
if #ids > 0 then
  records[0] = text .. "\\n" .. sizes .. "\\n" .. ids_text
  text = table.concat(records, "", 0)
end
local endings = made and made.endings or {}
later_attempts = later_attempts or {}
if rescued or #later_attempts > 0 or #endings > 0 then
  return { text, rescued or {}, buried or {}, endings, later_attempts }
end
return text`
  },
  expired: {
    keys: ["expiry"] as const,
    args: ["now", "limit"] as const,
    rest: undefined,
    sha1: "ed961677b7b0118262d4ba9c674ca99592c65db5",
    source: `#!lua flags=no-writes
local function clock(given)
  if given ~= "" then return tonumber(given) end
  local time = redis.call("TIME")
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function exact(number)
  return string.format("%d", number)
end
return redis.call("ZRANGEBYSCORE", KEYS[1], "-inf", clock(ARGV[1]), "LIMIT", 0, tonumber(ARGV[2]))`
  },
  extend: {
    keys: ["jobs", "runs", "active", "meta", "cancels", "workers", "about"] as const,
    args: ["now", "worker", "lease", "about"] as const,
    rest: "leases" as const,
    sha1: "d2576326b39dc22465440b6a7d7040b148729d6a",
    source: `#!lua flags=allow-oom
local function clock(given)
  if given ~= "" then return tonumber(given) end
  local time = redis.call("TIME")
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function exact(number)
  return string.format("%d", number)
end
local function in_chunks(size, count, act)
  for first = 1, count, size do
    act(first, math.min(first + size - 1, count))
  end
end
local function read_range(key, ids, first, last)
  if last < first then return {} end
  if last - first < 4000 then return redis.call("HMGET", key, unpack(ids, first, last)) end
  local values = {}
  in_chunks(4000, last - first + 1, function(from, to)
    local part = redis.call("HMGET", key, unpack(ids, first + from - 1, first + to - 1))
    for i = 1, #part do values[from + i - 1] = part[i] end
  end)
  return values
end
local function read_fields(key, ids)
  return read_range(key, ids, 1, #ids)
end
local function spread_range(command, key, values, first, last)
  local sum = 0
  for from = first, last, 4000 do
    sum = sum + redis.call(command, key, unpack(values, from, math.min(from + 3999, last)))
  end
  return sum
end
local function spread(command, key, values)
  return spread_range(command, key, values, 1, #values)
end
local function count(meta, name, by)
  if by > 0 then redis.call("HINCRBY", meta, name, exact(by)) end
end
local function parse_full_run(text)
  local holder, token, flag, attempt, rescues, snoozes, started, finished, reason, worker, tail =
    string.match(text, "^(%a)(%d+),(%d),(%d+),(%d+),(%d+),(%d*),(%d*),(%a*),([^,]*),(.*)$")
  if not tail then return nil end
  local sequence, enqueued, expires, priority, max_attempts, retain, kind, held, unique =
    string.match(tail, "^(%d+),(%d+),(%d*),(-?%d+),(%d+),(%d+),([^,]*),(%a?):?(.*)$")
  if not unique then return nil end
  return {
    holder = holder, token = token, flag = flag,
    attempt = tonumber(attempt), rescues = tonumber(rescues), snoozes = tonumber(snoozes),
    started = started, finished = finished, reason = reason, worker = worker, tail = tail,
    score = tonumber(priority) * 1099511627776 + tonumber(sequence),
    expires = tonumber(expires), max_attempts = tonumber(max_attempts), retain = tonumber(retain), kind = kind, held = held, unique = unique
  }
end
local function is_record(record)
  return string.find(record, "^%d,%d+,%d+,%d*,%-?%d+,%d+,%d+,[^,\\n]*,[^,\\n]*\\n[^\\n]*\\n") ~= nil
end
local function first_line(record)
  return string.match(record, "^(%d),(%d+,%d+,%d*,%-?%d+,%d+,%d+,[^,\\n]*,[^,\\n]*)\\n[^\\n]*\\n")
end
local function due_at(record, time)
  return (string.gsub(record, "\\n[^{\\n]*", "\\n@" .. exact(time), 1))
end
local function parse_run(id, text)
  if string.find(text, "^%a%d+,0,1,0,0,%d+,,,[^,]*$") then
    local record = redis.call("HGET", KEYS[1], id)
    local _, tail = first_line(record or "")
    if not tail then return nil end
    text = text .. "," .. tail
  end
  return parse_full_run(text)
end
local function new_run(record)
  local flag, tail = first_line(record)
  if not flag then return nil end
  return parse_full_run("w0," .. flag .. ",0,0,0,,,,," .. tail)
end
local function format_run(run)
  return run.holder .. run.token .. "," .. run.flag .. "," .. run.attempt .. "," .. run.rescues .. "," .. run.snoozes
    .. "," .. run.started .. "," .. run.finished .. "," .. run.reason .. "," .. run.worker .. "," .. run.tail
end
local function ended_run(text, now)
  local from, to, retain, held, unique = string.match(
    text, "^a%d+,%d,%d+,%d+,%d+,%d*,()%d*(),%a*,[^,]*,%d+,%d+,%d*,%-?%d+,%d+,(%d+),[^,]*,(%a?):?(.*)$"
  )
  if not from then return nil end
  return tonumber(retain), held, unique, "w" .. string.sub(text, 2, from - 1) .. now .. string.sub(text, to)
end
local function mind(run)
  if run.flag % 2 == 0 then run.flag = exact(run.flag + 1) end
end
local now = clock(ARGV[1])
local expires = now + tonumber(ARGV[3])
local ids = {}
for i = 5, #ARGV, 2 do ids[#ids + 1] = ARGV[i] end
local texts = read_fields(KEYS[2], ids)
local leases, answers, stale = {}, {}, 0
for i, id in ipairs(ids) do
  local token, text = ARGV[4 + 2 * i], texts[i]
  local held = "a" .. token .. ","
  if text and string.sub(text, 1, #held) == held then
    leases[#leases + 1] = expires
    leases[#leases + 1] = id
    answers[i] = redis.call("HEXISTS", KEYS[5], id) == 1 and "2" or "1"
  else
    answers[i] = "0"
    local current = text and string.match(text, "^%a(%d+),")
    if current ~= token and (current or redis.call("HEXISTS", KEYS[1], id) == 1) then stale = stale + 1 end
  end
end
spread("ZADD", KEYS[3], leases)
count(KEYS[4], "stale", stale)
redis.call("ZADD", KEYS[6], now, ARGV[2])
if ARGV[4] ~= "" then redis.call("HSET", KEYS[7], ARGV[2], ARGV[4]) end
return table.concat(answers)`
  },
  forget: {
    keys: ["pending", "limited", "scheduled", "retry", "claims", "workers", "about", "wake"] as const,
    args: ["worker"] as const,
    rest: undefined,
    sha1: "ba37bc2273854797bd4c943194badf2ab8891517",
    source: `#!lua flags=allow-oom
local function signal()
  redis.call("ZADD", KEYS[8], 0, "1")
end
redis.call("HDEL", KEYS[5], ARGV[1])
redis.call("HDEL", KEYS[7], ARGV[1])
if redis.call("EXISTS", KEYS[1], KEYS[2], KEYS[3], KEYS[4]) > 0 then signal() end
return redis.call("ZREM", KEYS[6], ARGV[1])`
  },
  get: {
    keys: ["jobs", "runs", "ledger", "result", "cancels", "progress", "limited", "pending", "scheduled", "retry", "active", "completed", "cancelled", "dead"] as const,
    args: ["id"] as const,
    rest: undefined,
    sha1: "02f4be540c19178cc92874e084e190b7dc1e23f2",
    source: `#!lua flags=no-writes
local function clock(given)
  if given ~= "" then return tonumber(given) end
  local time = redis.call("TIME")
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function exact(number)
  return string.format("%d", number)
end
local function read_job(id, state, score, record)
  return {
    id, state, score, record,
    redis.call("HGET", KEYS[2], id) or "",
    redis.call("HGET", KEYS[3], id) or "",
    redis.call("HGET", KEYS[4], id),
    redis.call("HGET", KEYS[5], id),
    redis.call("HGET", KEYS[6], id)
  }
end
local place_offset = 4503599627370496
local function limited_member(kind, score, id)
  return kind .. "," .. string.format("%016.0f", score + place_offset) .. "," .. id
end
local function of_kind(kind)
  return "[" .. kind .. ",", "(" .. kind .. "-"
end
local function read_limits()
  local limits, flat = {}, redis.call("HGETALL", keys.limits)
  for i = 1, #flat, 2 do
    local limit, per, burst = string.match(flat[i + 1], "^(%d+),(%d+),(%d+)$")
    if burst then limits[flat[i]] = { limit = tonumber(limit), per = tonumber(per), burst = tonumber(burst) } end
  end
  return limits
end
local function tokens_of(kind, rate, now)
  if rate.limit == 0 then return math.huge end
  local tokens, at = string.match(redis.call("HGET", keys.buckets, kind) or "", "^([^,]+),(%d+)$")
  tokens = tonumber(tokens)
  if not tokens then return rate.burst end
  local elapsed = math.max(0, now - tonumber(at))
  return math.min(rate.burst, tokens + elapsed * rate.limit / rate.per)
end
local function give_back_token(limits, kind, now)
  local rate = limits[kind]
  if not rate or rate.limit == 0 then return end
  local tokens = tokens_of(kind, rate, now) + 1
  redis.call("HSET", keys.buckets, kind, string.format("%.17g", tokens) .. "," .. exact(now))
end
local function kind_and_score(record)
  local sequence, priority, kind = string.match(record, "^%d,(%d+),%d+,%d*,(-?%d+),%d+,%d+,([^,]*),")
  if not kind then return nil end
  return kind, tonumber(priority) * 1099511627776 + tonumber(sequence)
end
local function leave_waiting(id, record)
  if redis.call("ZREM", KEYS[8], id) == 1 then return true end
  local kind, score = kind_and_score(record)
  return kind ~= nil and redis.call("ZREM", KEYS[7], limited_member(kind, score, id)) == 1
end
local states = { "pending", "scheduled", "retry", "active", "completed", "cancelled", "dead" }
local id = ARGV[1]
local record = redis.call("HGET", KEYS[1], id)
if not record then return {} end
local kind, place = kind_and_score(record)
if kind and redis.call("ZSCORE", KEYS[7], limited_member(kind, place, id)) then
  return read_job(id, "pending", exact(place), record)
end
for i, state in ipairs(states) do
  local score = redis.call("ZSCORE", KEYS[7 + i], id)
  if score then return read_job(id, state, score, record) end
end
return {}`
  },
  limit: {
    keys: ["pending", "limited", "meta", "wake"] as const,
    args: ["most"] as const,
    rest: undefined,
    sha1: "7f823a2127cf00fff8d567de11e99d9ac91ad032",
    source: `#!lua
local function signal()
  redis.call("ZADD", KEYS[4], 0, "1")
end
if ARGV[1] == "" then
  redis.call("HDEL", KEYS[3], "max_active")
else
  redis.call("HSET", KEYS[3], "max_active", ARGV[1])
end
if redis.call("ZCARD", KEYS[1]) + redis.call("ZCARD", KEYS[2]) > 0 then signal() end
return 1`
  },
  list: {
    keys: ["jobs", "runs", "ledger", "result", "cancels", "progress", "index"] as const,
    args: ["state", "reverse", "limit", "score", "id"] as const,
    rest: undefined,
    sha1: "77c2bfd47df23ebdbd01b967c777962ea6794d06",
    source: `#!lua flags=no-writes
local function read_job(id, state, score, record)
  return {
    id, state, score, record,
    redis.call("HGET", KEYS[2], id) or "",
    redis.call("HGET", KEYS[3], id) or "",
    redis.call("HGET", KEYS[4], id),
    redis.call("HGET", KEYS[5], id),
    redis.call("HGET", KEYS[6], id)
  }
end
local index, state, reverse, limit = KEYS[7], ARGV[1], ARGV[2] == "1", tonumber(ARGV[3])
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
  local record = redis.call("HGET", KEYS[1], entries[i])
  if record then reply[#reply + 1] = read_job(entries[i], state, entries[i + 1], record) end
end
return reply`
  },
  listen: {
    keys: ["head", "listeners"] as const,
    args: ["listener", "leave"] as const,
    rest: undefined,
    sha1: "becaa223b393cdfe4bc46b4edf3deb861296be30",
    source: `#!lua flags=allow-oom
if ARGV[2] == "1" then
  redis.call("SREM", KEYS[2], ARGV[1])
  return 0
end
if redis.call("HGET", KEYS[1], "state") ~= "running" then return 1 end
redis.call("SADD", KEYS[2], ARGV[1])
return 0`
  },
  looks: {
    keys: ["looks"] as const,
    args: ["now", "limit", "again"] as const,
    rest: undefined,
    sha1: "761cf2045b88a0ab9f2b99c3a2967b9217e68a3d",
    source: `#!lua flags=allow-oom
local function clock(given)
  if given ~= "" then return tonumber(given) end
  local time = redis.call("TIME")
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function exact(number)
  return string.format("%d", number)
end
local now = clock(ARGV[1])
local ids = redis.call("ZRANGEBYSCORE", KEYS[1], "-inf", now, "LIMIT", 0, tonumber(ARGV[2]))
for _, id in ipairs(ids) do redis.call("ZADD", KEYS[1], now + tonumber(ARGV[3]), id) end
return ids`
  },
  nodes: {
    keys: ["head", "nodes", "status"] as const,
    args: ["from", "limit"] as const,
    rest: undefined,
    sha1: "1fddad91a98a9b8d5ca3bab82a603254daa04247",
    source: `#!lua flags=no-writes
local function clock(given)
  if given ~= "" then return tonumber(given) end
  local time = redis.call("TIME")
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function exact(number)
  return string.format("%d", number)
end
local head = redis.call("HMGET", KEYS[1], "state", "created")
if not head[1] then return {} end
local reply, from = { head[1] }, tonumber(ARGV[1])
for node = from, from + tonumber(ARGV[2]) - 1 do
  local text = redis.call("HGET", KEYS[2], node)
  if not text then break end
  local parents, what = string.match(text, "^[^\\n]*\\n([^\\n]*)\\n([^\\n]*)")
  reply[#reply + 1] = parents or ""
  reply[#reply + 1] = what or ""
  local letter, generation = string.match(redis.call("HGET", KEYS[3], node) or "w0", "^(%a)(%d+)")
  reply[#reply + 1] = (letter or "w") .. exact(head[2] + (generation or 0))
end
return reply`
  },
  oldest: {
    keys: ["dead"] as const,
    args: ["skip", "most"] as const,
    rest: undefined,
    sha1: "05110787519cb6ea7cc76b28578951c19b90d33c",
    source: `#!lua flags=no-writes
local skip = tonumber(ARGV[1])
return redis.call("ZRANGE", KEYS[1], skip, skip + tonumber(ARGV[2]) - 1)`
  },
  openings: {
    keys: ["head", "nodes", "status", "open"] as const,
    args: ["cursor", "count"] as const,
    rest: undefined,
    sha1: "4a8346a3026bfe16e7f9d61f4134b274f3faaec3",
    source: `#!lua flags=no-writes
local function clock(given)
  if given ~= "" then return tonumber(given) end
  local time = redis.call("TIME")
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function exact(number)
  return string.format("%d", number)
end
local head = redis.call("HMGET", KEYS[1], "stop", "created")
if (head[1] or "") == "" then return { "0" } end
local page = redis.call("SSCAN", KEYS[4], ARGV[1], "COUNT", ARGV[2])
local reply = { page[1] }
for _, node in ipairs(page[2]) do
  reply[#reply + 1] = node
  reply[#reply + 1] = exact(head[2] + (string.match(redis.call("HGET", KEYS[3], node) or "", "^%a(%d+)") or 0))
  reply[#reply + 1] = string.match(redis.call("HGET", KEYS[2], node) or "", "^[^\\n]*\\n[^\\n]*\\n([^,]*),") or ""
end
return reply`
  },
  outcomes: {
    keys: ["results"] as const,
    args: [] as const,
    rest: "nodes" as const,
    sha1: "4a5003516565a6f247da0de2eea56cc73dcd2180",
    source: `#!lua flags=no-writes
local reply = {}
for i, node in ipairs(ARGV) do reply[i] = redis.call("HGET", KEYS[1], node) or "" end
return reply`
  },
  pause: {
    keys: ["pending", "limited", "meta", "wake"] as const,
    args: ["paused"] as const,
    rest: undefined,
    sha1: "7fb4ef6211d070f7c99c1d62af1df4a67e03682b",
    source: `#!lua flags=allow-oom
local function signal()
  redis.call("ZADD", KEYS[4], 0, "1")
end
local was = redis.call("HGET", KEYS[3], "paused") or "0"
if ARGV[1] == "1" then
  redis.call("HSET", KEYS[3], "paused", "1")
else
  redis.call("HDEL", KEYS[3], "paused")
  if redis.call("ZCARD", KEYS[1]) + redis.call("ZCARD", KEYS[2]) > 0 then signal() end
end
return was ~= ARGV[1] and 1 or 0`
  },
  promote: {
    keys: ["jobs", "pending", "scheduled", "retry", "meta", "wake"] as const,
    args: ["now", "limit"] as const,
    rest: undefined,
    sha1: "94de4ad2d9f4760b517de651fe0e93f3e301ffb1",
    source: `#!lua flags=allow-oom
local function clock(given)
  if given ~= "" then return tonumber(given) end
  local time = redis.call("TIME")
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function exact(number)
  return string.format("%d", number)
end
local function in_chunks(size, count, act)
  for first = 1, count, size do
    act(first, math.min(first + size - 1, count))
  end
end
local function read_range(key, ids, first, last)
  if last < first then return {} end
  if last - first < 4000 then return redis.call("HMGET", key, unpack(ids, first, last)) end
  local values = {}
  in_chunks(4000, last - first + 1, function(from, to)
    local part = redis.call("HMGET", key, unpack(ids, first + from - 1, first + to - 1))
    for i = 1, #part do values[from + i - 1] = part[i] end
  end)
  return values
end
local function read_fields(key, ids)
  return read_range(key, ids, 1, #ids)
end
local function spread_range(command, key, values, first, last)
  local sum = 0
  for from = first, last, 4000 do
    sum = sum + redis.call(command, key, unpack(values, from, math.min(from + 3999, last)))
  end
  return sum
end
local function spread(command, key, values)
  return spread_range(command, key, values, 1, #values)
end
local function count(meta, name, by)
  if by > 0 then redis.call("HINCRBY", meta, name, exact(by)) end
end
local function parse_full_run(text)
  local holder, token, flag, attempt, rescues, snoozes, started, finished, reason, worker, tail =
    string.match(text, "^(%a)(%d+),(%d),(%d+),(%d+),(%d+),(%d*),(%d*),(%a*),([^,]*),(.*)$")
  if not tail then return nil end
  local sequence, enqueued, expires, priority, max_attempts, retain, kind, held, unique =
    string.match(tail, "^(%d+),(%d+),(%d*),(-?%d+),(%d+),(%d+),([^,]*),(%a?):?(.*)$")
  if not unique then return nil end
  return {
    holder = holder, token = token, flag = flag,
    attempt = tonumber(attempt), rescues = tonumber(rescues), snoozes = tonumber(snoozes),
    started = started, finished = finished, reason = reason, worker = worker, tail = tail,
    score = tonumber(priority) * 1099511627776 + tonumber(sequence),
    expires = tonumber(expires), max_attempts = tonumber(max_attempts), retain = tonumber(retain), kind = kind, held = held, unique = unique
  }
end
local function is_record(record)
  return string.find(record, "^%d,%d+,%d+,%d*,%-?%d+,%d+,%d+,[^,\\n]*,[^,\\n]*\\n[^\\n]*\\n") ~= nil
end
local function first_line(record)
  return string.match(record, "^(%d),(%d+,%d+,%d*,%-?%d+,%d+,%d+,[^,\\n]*,[^,\\n]*)\\n[^\\n]*\\n")
end
local function due_at(record, time)
  return (string.gsub(record, "\\n[^{\\n]*", "\\n@" .. exact(time), 1))
end
local function parse_run(id, text)
  if string.find(text, "^%a%d+,0,1,0,0,%d+,,,[^,]*$") then
    local record = redis.call("HGET", KEYS[1], id)
    local _, tail = first_line(record or "")
    if not tail then return nil end
    text = text .. "," .. tail
  end
  return parse_full_run(text)
end
local function new_run(record)
  local flag, tail = first_line(record)
  if not flag then return nil end
  return parse_full_run("w0," .. flag .. ",0,0,0,,,,," .. tail)
end
local function format_run(run)
  return run.holder .. run.token .. "," .. run.flag .. "," .. run.attempt .. "," .. run.rescues .. "," .. run.snoozes
    .. "," .. run.started .. "," .. run.finished .. "," .. run.reason .. "," .. run.worker .. "," .. run.tail
end
local function ended_run(text, now)
  local from, to, retain, held, unique = string.match(
    text, "^a%d+,%d,%d+,%d+,%d+,%d*,()%d*(),%a*,[^,]*,%d+,%d+,%d*,%-?%d+,%d+,(%d+),[^,]*,(%a?):?(.*)$"
  )
  if not from then return nil end
  return tonumber(retain), held, unique, "w" .. string.sub(text, 2, from - 1) .. now .. string.sub(text, to)
end
local function mind(run)
  if run.flag % 2 == 0 then run.flag = exact(run.flag + 1) end
end
local function promote(limit, now)
  local promoted = 0
  for _, index in ipairs({ KEYS[3], KEYS[4] }) do
    local due = promoted < limit and redis.call("ZRANGEBYSCORE", index, "-inf", now, "LIMIT", 0, limit - promoted) or {}
    if #due > 0 then
      local entries = {}
      for i, record in ipairs(read_fields(KEYS[1], due)) do
        local sequence, priority = string.match(record or "", "^%d,(%d+),%d+,%d*,(-?%d+),")
        if priority then
          entries[#entries + 1] = tonumber(priority) * 1099511627776 + tonumber(sequence)
          entries[#entries + 1] = due[i]
        else
          count(KEYS[5], "vanished", 1)
        end
      end
      spread("ZREM", index, due)
      spread("ZADD", KEYS[2], entries)
      promoted = promoted + #due
    end
  end
  return promoted
end
local function signal()
  redis.call("ZADD", KEYS[6], 0, "1")
end
local promoted = promote(tonumber(ARGV[2]), clock(ARGV[1]))
if promoted > 0 then signal() end
return promoted`
  },
  prune: {
    keys: ["jobs", "runs", "completed", "cancelled", "dead", "ledger", "result", "progress", "logs", "unique", "windows", "meta", "claims", "workers", "about", "requests", "producers", "members"] as const,
    args: ["now", "limit", "dead_retain", "max_dead", "max_finished"] as const,
    rest: undefined,
    sha1: "61f7ff29ce93d5043a728ba8822d2aa9079e7010",
    source: `#!lua flags=allow-oom
local function clock(given)
  if given ~= "" then return tonumber(given) end
  local time = redis.call("TIME")
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function exact(number)
  return string.format("%d", number)
end
local function in_chunks(size, count, act)
  for first = 1, count, size do
    act(first, math.min(first + size - 1, count))
  end
end
local function read_range(key, ids, first, last)
  if last < first then return {} end
  if last - first < 4000 then return redis.call("HMGET", key, unpack(ids, first, last)) end
  local values = {}
  in_chunks(4000, last - first + 1, function(from, to)
    local part = redis.call("HMGET", key, unpack(ids, first + from - 1, first + to - 1))
    for i = 1, #part do values[from + i - 1] = part[i] end
  end)
  return values
end
local function read_fields(key, ids)
  return read_range(key, ids, 1, #ids)
end
local function spread_range(command, key, values, first, last)
  local sum = 0
  for from = first, last, 4000 do
    sum = sum + redis.call(command, key, unpack(values, from, math.min(from + 3999, last)))
  end
  return sum
end
local function spread(command, key, values)
  return spread_range(command, key, values, 1, #values)
end
local function count(meta, name, by)
  if by > 0 then redis.call("HINCRBY", meta, name, exact(by)) end
end
local function parse_full_run(text)
  local holder, token, flag, attempt, rescues, snoozes, started, finished, reason, worker, tail =
    string.match(text, "^(%a)(%d+),(%d),(%d+),(%d+),(%d+),(%d*),(%d*),(%a*),([^,]*),(.*)$")
  if not tail then return nil end
  local sequence, enqueued, expires, priority, max_attempts, retain, kind, held, unique =
    string.match(tail, "^(%d+),(%d+),(%d*),(-?%d+),(%d+),(%d+),([^,]*),(%a?):?(.*)$")
  if not unique then return nil end
  return {
    holder = holder, token = token, flag = flag,
    attempt = tonumber(attempt), rescues = tonumber(rescues), snoozes = tonumber(snoozes),
    started = started, finished = finished, reason = reason, worker = worker, tail = tail,
    score = tonumber(priority) * 1099511627776 + tonumber(sequence),
    expires = tonumber(expires), max_attempts = tonumber(max_attempts), retain = tonumber(retain), kind = kind, held = held, unique = unique
  }
end
local function is_record(record)
  return string.find(record, "^%d,%d+,%d+,%d*,%-?%d+,%d+,%d+,[^,\\n]*,[^,\\n]*\\n[^\\n]*\\n") ~= nil
end
local function first_line(record)
  return string.match(record, "^(%d),(%d+,%d+,%d*,%-?%d+,%d+,%d+,[^,\\n]*,[^,\\n]*)\\n[^\\n]*\\n")
end
local function due_at(record, time)
  return (string.gsub(record, "\\n[^{\\n]*", "\\n@" .. exact(time), 1))
end
local function parse_run(id, text)
  if string.find(text, "^%a%d+,0,1,0,0,%d+,,,[^,]*$") then
    local record = redis.call("HGET", KEYS[1], id)
    local _, tail = first_line(record or "")
    if not tail then return nil end
    text = text .. "," .. tail
  end
  return parse_full_run(text)
end
local function new_run(record)
  local flag, tail = first_line(record)
  if not flag then return nil end
  return parse_full_run("w0," .. flag .. ",0,0,0,,,,," .. tail)
end
local function format_run(run)
  return run.holder .. run.token .. "," .. run.flag .. "," .. run.attempt .. "," .. run.rescues .. "," .. run.snoozes
    .. "," .. run.started .. "," .. run.finished .. "," .. run.reason .. "," .. run.worker .. "," .. run.tail
end
local function ended_run(text, now)
  local from, to, retain, held, unique = string.match(
    text, "^a%d+,%d,%d+,%d+,%d+,%d*,()%d*(),%a*,[^,]*,%d+,%d+,%d*,%-?%d+,%d+,(%d+),[^,]*,(%a?):?(.*)$"
  )
  if not from then return nil end
  return tonumber(retain), held, unique, "w" .. string.sub(text, 2, from - 1) .. now .. string.sub(text, to)
end
local function mind(run)
  if run.flag % 2 == 0 then run.flag = exact(run.flag + 1) end
end
local ledger_limit = 20
local function write_failure(id, run, outcome, now, error)
  local started = run.started ~= "" and run.started or now
  local line = run.attempt .. "," .. started .. "," .. now .. "," .. outcome .. "," .. error
  local ledger = redis.call("HGET", KEYS[6], id)
  if ledger then
    local _, lines = string.gsub(ledger, "\\n", "\\n")
    if lines + 1 >= ledger_limit then ledger = string.match(ledger, "^[^\\n]*\\n(.*)$") or "" end
    line = ledger == "" and line or (ledger .. "\\n" .. line)
  end
  redis.call("HSET", KEYS[6], id, line)
  mind(run)
end
local function free_key(id, run)
  if run.unique ~= "" and run.held ~= "w" and run.held ~= "m" and redis.call("HGET", KEYS[10], run.unique) == id then
    redis.call("HDEL", KEYS[10], run.unique)
  end
end
local function remove(index, id)
  redis.call("ZREM", index, id)
  for _, key in ipairs({ KEYS[1], KEYS[2], KEYS[6], KEYS[7], KEYS[8], KEYS[9] }) do
    redis.call("HDEL", key, id)
  end
end
local function store_run(id, run)
  redis.call("HSET", KEYS[2], id, format_run(run))
end
local function tell_ended(id, outcome)
  local watchers = redis.call("HGET", keys.watchers, id)
  if not watchers then return end
  redis.call("HDEL", keys.watchers, id)
  for name, ref in string.gmatch(watchers, "(%S+) (%S+)") do
    redis.call("PUBLISH", args.notices .. name, "ended\\n" .. ref .. "\\n" .. outcome)
  end
end
local ending_held, member_known = 5000, 600000
local hands_over, handed_over = false, {}
local function tell_workflows(ids, places, outcomes, now)
  if #ids == 0 then return end
  local before = redis.call("HINCRBY", KEYS[12], "endings", exact(#ids)) - #ids
  local due = exact(hands_over and now + ending_held or now)
  local endings, outbox, members = {}, {}, {}
  for i, id in ipairs(ids) do
    local text = exact(before + i) .. "," .. places[i] .. "\\n" .. outcomes[i]
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
  spread("ZADD", KEYS[18], members)
  local old = redis.call("ZRANGEBYSCORE", KEYS[18], "-inf", exact(now - member_known), "LIMIT", 0, #members)
  spread("ZREM", KEYS[18], old)
end
local function tell_workflow(id, run, outcome, now)
  if run.held == "m" then tell_workflows({ id }, { run.unique }, { outcome }, now) end
end
local function cancel_now(from, id, run, how, reason, now)
  write_failure(id, run, how, now, reason)
  free_key(id, run)
  redis.call("HDEL", keys.cancels, id)
  if run.retain <= 0 then
    remove(from, id)
    count(KEYS[12], "removed", 1)
  else
    redis.call("ZREM", from, id)
    redis.call("ZADD", KEYS[4], now + run.retain, id)
    run.holder = "w"
    run.finished = now
    store_run(id, run)
  end
  count(KEYS[12], "cancelled", 1)
  local outcome = (how == "expired" and "e" or "x") .. reason
  tell_ended(id, outcome)
  tell_workflow(id, run, outcome, now)
end
local function bury(id, run, reason, error, failure, now)
  free_key(id, run)
  redis.call("HDEL", keys.cancels, id)
  redis.call("ZREM", keys.active, id)
  redis.call("ZADD", KEYS[5], now, id)
  if failure then redis.call("HSET", KEYS[7], id, failure) end
  run.holder = "w"
  run.finished = now
  run.reason = reason
  store_run(id, run)
  count(KEYS[12], "died", 1)
  local outcome = "d" .. reason .. "\\n" .. error .. (failure and ("\\n" .. failure) or "")
  tell_ended(id, outcome)
  tell_workflow(id, run, outcome, now)
end
local function leave_active(index, score, id, run)
  redis.call("ZREM", keys.active, id)
  redis.call("ZADD", index, score, id)
  run.holder = "w"
  store_run(id, run)
end
local crash = '"the lease expired"'
local now = clock(ARGV[1])
local left = tonumber(ARGV[2])
local dead_retain, max_dead, max_finished = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local removed = 0
local function drop(index, ids)
  for _, id in ipairs(ids) do
    remove(index, id)
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
drop_until(KEYS[3], now)
drop_until(KEYS[4], now)
drop_until(KEYS[5], now - dead_retain)
drop_beyond(KEYS[3], max_finished)
drop_beyond(KEYS[4], max_finished)
drop_beyond(KEYS[5], max_dead)
count(KEYS[12], "removed", removed)
local over = redis.call("ZRANGEBYSCORE", KEYS[11], "-inf", now, "LIMIT", 0, 500)
if #over > 0 then
  redis.call("ZREM", KEYS[11], unpack(over))
  redis.call("HDEL", KEYS[10], unpack(over))
end
local ended = redis.call("ZRANGEBYSCORE", KEYS[18], "-inf", now - member_known, "LIMIT", 0, 1000)
if #ended > 0 then redis.call("ZREM", KEYS[18], unpack(ended)) end
local function forget(seen, ...)
  local silent = redis.call("ZRANGEBYSCORE", seen, "-inf", now - 172800000, "LIMIT", 0, 100)
  if #silent == 0 then return end
  redis.call("ZREM", seen, unpack(silent))
  for _, key in ipairs({ ... }) do redis.call("HDEL", key, unpack(silent)) end
end
forget(KEYS[14], KEYS[13], KEYS[15])
forget(KEYS[17], KEYS[16])
return removed`
  },
  purge: {
    keys: ["jobs", "runs", "dead", "ledger", "result", "progress", "logs", "meta"] as const,
    args: [] as const,
    rest: "ids" as const,
    sha1: "2dc828c1b7f8c8f4c4215890a64ed35c7161ed19",
    source: `#!lua flags=allow-oom
local function clock(given)
  if given ~= "" then return tonumber(given) end
  local time = redis.call("TIME")
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function exact(number)
  return string.format("%d", number)
end
local function in_chunks(size, count, act)
  for first = 1, count, size do
    act(first, math.min(first + size - 1, count))
  end
end
local function read_range(key, ids, first, last)
  if last < first then return {} end
  if last - first < 4000 then return redis.call("HMGET", key, unpack(ids, first, last)) end
  local values = {}
  in_chunks(4000, last - first + 1, function(from, to)
    local part = redis.call("HMGET", key, unpack(ids, first + from - 1, first + to - 1))
    for i = 1, #part do values[from + i - 1] = part[i] end
  end)
  return values
end
local function read_fields(key, ids)
  return read_range(key, ids, 1, #ids)
end
local function spread_range(command, key, values, first, last)
  local sum = 0
  for from = first, last, 4000 do
    sum = sum + redis.call(command, key, unpack(values, from, math.min(from + 3999, last)))
  end
  return sum
end
local function spread(command, key, values)
  return spread_range(command, key, values, 1, #values)
end
local function count(meta, name, by)
  if by > 0 then redis.call("HINCRBY", meta, name, exact(by)) end
end
local function parse_full_run(text)
  local holder, token, flag, attempt, rescues, snoozes, started, finished, reason, worker, tail =
    string.match(text, "^(%a)(%d+),(%d),(%d+),(%d+),(%d+),(%d*),(%d*),(%a*),([^,]*),(.*)$")
  if not tail then return nil end
  local sequence, enqueued, expires, priority, max_attempts, retain, kind, held, unique =
    string.match(tail, "^(%d+),(%d+),(%d*),(-?%d+),(%d+),(%d+),([^,]*),(%a?):?(.*)$")
  if not unique then return nil end
  return {
    holder = holder, token = token, flag = flag,
    attempt = tonumber(attempt), rescues = tonumber(rescues), snoozes = tonumber(snoozes),
    started = started, finished = finished, reason = reason, worker = worker, tail = tail,
    score = tonumber(priority) * 1099511627776 + tonumber(sequence),
    expires = tonumber(expires), max_attempts = tonumber(max_attempts), retain = tonumber(retain), kind = kind, held = held, unique = unique
  }
end
local function is_record(record)
  return string.find(record, "^%d,%d+,%d+,%d*,%-?%d+,%d+,%d+,[^,\\n]*,[^,\\n]*\\n[^\\n]*\\n") ~= nil
end
local function first_line(record)
  return string.match(record, "^(%d),(%d+,%d+,%d*,%-?%d+,%d+,%d+,[^,\\n]*,[^,\\n]*)\\n[^\\n]*\\n")
end
local function due_at(record, time)
  return (string.gsub(record, "\\n[^{\\n]*", "\\n@" .. exact(time), 1))
end
local function parse_run(id, text)
  if string.find(text, "^%a%d+,0,1,0,0,%d+,,,[^,]*$") then
    local record = redis.call("HGET", KEYS[1], id)
    local _, tail = first_line(record or "")
    if not tail then return nil end
    text = text .. "," .. tail
  end
  return parse_full_run(text)
end
local function new_run(record)
  local flag, tail = first_line(record)
  if not flag then return nil end
  return parse_full_run("w0," .. flag .. ",0,0,0,,,,," .. tail)
end
local function format_run(run)
  return run.holder .. run.token .. "," .. run.flag .. "," .. run.attempt .. "," .. run.rescues .. "," .. run.snoozes
    .. "," .. run.started .. "," .. run.finished .. "," .. run.reason .. "," .. run.worker .. "," .. run.tail
end
local function ended_run(text, now)
  local from, to, retain, held, unique = string.match(
    text, "^a%d+,%d,%d+,%d+,%d+,%d*,()%d*(),%a*,[^,]*,%d+,%d+,%d*,%-?%d+,%d+,(%d+),[^,]*,(%a?):?(.*)$"
  )
  if not from then return nil end
  return tonumber(retain), held, unique, "w" .. string.sub(text, 2, from - 1) .. now .. string.sub(text, to)
end
local function mind(run)
  if run.flag % 2 == 0 then run.flag = exact(run.flag + 1) end
end
local ledger_limit = 20
local function write_failure(id, run, outcome, now, error)
  local started = run.started ~= "" and run.started or now
  local line = run.attempt .. "," .. started .. "," .. now .. "," .. outcome .. "," .. error
  local ledger = redis.call("HGET", KEYS[4], id)
  if ledger then
    local _, lines = string.gsub(ledger, "\\n", "\\n")
    if lines + 1 >= ledger_limit then ledger = string.match(ledger, "^[^\\n]*\\n(.*)$") or "" end
    line = ledger == "" and line or (ledger .. "\\n" .. line)
  end
  redis.call("HSET", KEYS[4], id, line)
  mind(run)
end
local function free_key(id, run)
  if run.unique ~= "" and run.held ~= "w" and run.held ~= "m" and redis.call("HGET", keys.unique, run.unique) == id then
    redis.call("HDEL", keys.unique, run.unique)
  end
end
local function remove(index, id)
  redis.call("ZREM", index, id)
  for _, key in ipairs({ KEYS[1], KEYS[2], KEYS[4], KEYS[5], KEYS[6], KEYS[7] }) do
    redis.call("HDEL", key, id)
  end
end
local function store_run(id, run)
  redis.call("HSET", KEYS[2], id, format_run(run))
end
local function tell_ended(id, outcome)
  local watchers = redis.call("HGET", keys.watchers, id)
  if not watchers then return end
  redis.call("HDEL", keys.watchers, id)
  for name, ref in string.gmatch(watchers, "(%S+) (%S+)") do
    redis.call("PUBLISH", args.notices .. name, "ended\\n" .. ref .. "\\n" .. outcome)
  end
end
local ending_held, member_known = 5000, 600000
local hands_over, handed_over = false, {}
local function tell_workflows(ids, places, outcomes, now)
  if #ids == 0 then return end
  local before = redis.call("HINCRBY", KEYS[8], "endings", exact(#ids)) - #ids
  local due = exact(hands_over and now + ending_held or now)
  local endings, outbox, members = {}, {}, {}
  for i, id in ipairs(ids) do
    local text = exact(before + i) .. "," .. places[i] .. "\\n" .. outcomes[i]
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
  local old = redis.call("ZRANGEBYSCORE", keys.members, "-inf", exact(now - member_known), "LIMIT", 0, #members)
  spread("ZREM", keys.members, old)
end
local function tell_workflow(id, run, outcome, now)
  if run.held == "m" then tell_workflows({ id }, { run.unique }, { outcome }, now) end
end
local function cancel_now(from, id, run, how, reason, now)
  write_failure(id, run, how, now, reason)
  free_key(id, run)
  redis.call("HDEL", keys.cancels, id)
  if run.retain <= 0 then
    remove(from, id)
    count(KEYS[8], "removed", 1)
  else
    redis.call("ZREM", from, id)
    redis.call("ZADD", keys.cancelled, now + run.retain, id)
    run.holder = "w"
    run.finished = now
    store_run(id, run)
  end
  count(KEYS[8], "cancelled", 1)
  local outcome = (how == "expired" and "e" or "x") .. reason
  tell_ended(id, outcome)
  tell_workflow(id, run, outcome, now)
end
local function bury(id, run, reason, error, failure, now)
  free_key(id, run)
  redis.call("HDEL", keys.cancels, id)
  redis.call("ZREM", keys.active, id)
  redis.call("ZADD", KEYS[3], now, id)
  if failure then redis.call("HSET", KEYS[5], id, failure) end
  run.holder = "w"
  run.finished = now
  run.reason = reason
  store_run(id, run)
  count(KEYS[8], "died", 1)
  local outcome = "d" .. reason .. "\\n" .. error .. (failure and ("\\n" .. failure) or "")
  tell_ended(id, outcome)
  tell_workflow(id, run, outcome, now)
end
local function leave_active(index, score, id, run)
  redis.call("ZREM", keys.active, id)
  redis.call("ZADD", index, score, id)
  run.holder = "w"
  store_run(id, run)
end
local crash = '"the lease expired"'
local purged = 0
for _, id in ipairs(ARGV) do
  if redis.call("ZSCORE", KEYS[3], id) then
    remove(KEYS[3], id)
    purged = purged + 1
  end
end
count(KEYS[8], "removed", purged)
return purged`
  },
  rate: {
    keys: ["limited", "limits", "buckets", "wake"] as const,
    args: ["now", "kind", "limit"] as const,
    rest: undefined,
    sha1: "cb626181eef9dfab3e451f7024fc28c86a87d446",
    source: `#!lua
local function clock(given)
  if given ~= "" then return tonumber(given) end
  local time = redis.call("TIME")
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function exact(number)
  return string.format("%d", number)
end
local place_offset = 4503599627370496
local function limited_member(kind, score, id)
  return kind .. "," .. string.format("%016.0f", score + place_offset) .. "," .. id
end
local function of_kind(kind)
  return "[" .. kind .. ",", "(" .. kind .. "-"
end
local function read_limits()
  local limits, flat = {}, redis.call("HGETALL", KEYS[2])
  for i = 1, #flat, 2 do
    local limit, per, burst = string.match(flat[i + 1], "^(%d+),(%d+),(%d+)$")
    if burst then limits[flat[i]] = { limit = tonumber(limit), per = tonumber(per), burst = tonumber(burst) } end
  end
  return limits
end
local function tokens_of(kind, rate, now)
  if rate.limit == 0 then return math.huge end
  local tokens, at = string.match(redis.call("HGET", KEYS[3], kind) or "", "^([^,]+),(%d+)$")
  tokens = tonumber(tokens)
  if not tokens then return rate.burst end
  local elapsed = math.max(0, now - tonumber(at))
  return math.min(rate.burst, tokens + elapsed * rate.limit / rate.per)
end
local function give_back_token(limits, kind, now)
  local rate = limits[kind]
  if not rate or rate.limit == 0 then return end
  local tokens = tokens_of(kind, rate, now) + 1
  redis.call("HSET", KEYS[3], kind, string.format("%.17g", tokens) .. "," .. exact(now))
end
local function kind_and_score(record)
  local sequence, priority, kind = string.match(record, "^%d,(%d+),%d+,%d*,(-?%d+),%d+,%d+,([^,]*),")
  if not kind then return nil end
  return kind, tonumber(priority) * 1099511627776 + tonumber(sequence)
end
local function leave_waiting(id, record)
  if redis.call("ZREM", keys.pending, id) == 1 then return true end
  local kind, score = kind_and_score(record)
  return kind ~= nil and redis.call("ZREM", KEYS[1], limited_member(kind, score, id)) == 1
end
local function signal()
  redis.call("ZADD", KEYS[4], 0, "1")
end
local now, kind, limit = clock(ARGV[1]), ARGV[2], ARGV[3]
if limit == "" then
  redis.call("HDEL", KEYS[3], kind)
  local first, last = of_kind(kind)
  if #redis.call("ZRANGEBYLEX", KEYS[1], first, last, "LIMIT", 0, 1) == 0 then
    redis.call("HDEL", KEYS[2], kind)
  else
    redis.call("HSET", KEYS[2], kind, "0,0,0")
  end
else
  local old = read_limits()[kind]
  if old and old.limit > 0 then
    redis.call("HSET", KEYS[3], kind, string.format("%.17g", tokens_of(kind, old, now)) .. "," .. exact(now))
  end
  redis.call("HSET", KEYS[2], kind, limit)
end
if redis.call("ZCARD", KEYS[1]) > 0 then signal() end
return 1`
  },
  rates: {
    keys: ["limits"] as const,
    args: [] as const,
    rest: undefined,
    sha1: "8f66293438eab39dc0fef4cc66d87f0af056580d",
    source: `#!lua flags=no-writes
return redis.call("HGETALL", KEYS[1])`
  },
  raze: {
    keys: ["jobs", "runs", "pending", "limited", "limits", "buckets", "scheduled", "retry", "active", "completed", "cancelled", "dead", "ledger", "result", "cancels", "progress", "logs", "watchers", "unique", "windows", "meta", "claims", "workers", "about", "requests", "producers", "outbox", "endings", "members", "schedules", "ticks", "wake"] as const,
    args: ["now"] as const,
    rest: undefined,
    sha1: "90a7325ed084ae6d5b76ff1654965dfdc4b3418b",
    source: `#!lua flags=allow-oom
local function clock(given)
  if given ~= "" then return tonumber(given) end
  local time = redis.call("TIME")
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function exact(number)
  return string.format("%d", number)
end
local function in_chunks(size, count, act)
  for first = 1, count, size do
    act(first, math.min(first + size - 1, count))
  end
end
local function read_range(key, ids, first, last)
  if last < first then return {} end
  if last - first < 4000 then return redis.call("HMGET", key, unpack(ids, first, last)) end
  local values = {}
  in_chunks(4000, last - first + 1, function(from, to)
    local part = redis.call("HMGET", key, unpack(ids, first + from - 1, first + to - 1))
    for i = 1, #part do values[from + i - 1] = part[i] end
  end)
  return values
end
local function read_fields(key, ids)
  return read_range(key, ids, 1, #ids)
end
local function spread_range(command, key, values, first, last)
  local sum = 0
  for from = first, last, 4000 do
    sum = sum + redis.call(command, key, unpack(values, from, math.min(from + 3999, last)))
  end
  return sum
end
local function spread(command, key, values)
  return spread_range(command, key, values, 1, #values)
end
local function count(meta, name, by)
  if by > 0 then redis.call("HINCRBY", meta, name, exact(by)) end
end
local function parse_full_run(text)
  local holder, token, flag, attempt, rescues, snoozes, started, finished, reason, worker, tail =
    string.match(text, "^(%a)(%d+),(%d),(%d+),(%d+),(%d+),(%d*),(%d*),(%a*),([^,]*),(.*)$")
  if not tail then return nil end
  local sequence, enqueued, expires, priority, max_attempts, retain, kind, held, unique =
    string.match(tail, "^(%d+),(%d+),(%d*),(-?%d+),(%d+),(%d+),([^,]*),(%a?):?(.*)$")
  if not unique then return nil end
  return {
    holder = holder, token = token, flag = flag,
    attempt = tonumber(attempt), rescues = tonumber(rescues), snoozes = tonumber(snoozes),
    started = started, finished = finished, reason = reason, worker = worker, tail = tail,
    score = tonumber(priority) * 1099511627776 + tonumber(sequence),
    expires = tonumber(expires), max_attempts = tonumber(max_attempts), retain = tonumber(retain), kind = kind, held = held, unique = unique
  }
end
local function is_record(record)
  return string.find(record, "^%d,%d+,%d+,%d*,%-?%d+,%d+,%d+,[^,\\n]*,[^,\\n]*\\n[^\\n]*\\n") ~= nil
end
local function first_line(record)
  return string.match(record, "^(%d),(%d+,%d+,%d*,%-?%d+,%d+,%d+,[^,\\n]*,[^,\\n]*)\\n[^\\n]*\\n")
end
local function due_at(record, time)
  return (string.gsub(record, "\\n[^{\\n]*", "\\n@" .. exact(time), 1))
end
local function parse_run(id, text)
  if string.find(text, "^%a%d+,0,1,0,0,%d+,,,[^,]*$") then
    local record = redis.call("HGET", KEYS[1], id)
    local _, tail = first_line(record or "")
    if not tail then return nil end
    text = text .. "," .. tail
  end
  return parse_full_run(text)
end
local function new_run(record)
  local flag, tail = first_line(record)
  if not flag then return nil end
  return parse_full_run("w0," .. flag .. ",0,0,0,,,,," .. tail)
end
local function format_run(run)
  return run.holder .. run.token .. "," .. run.flag .. "," .. run.attempt .. "," .. run.rescues .. "," .. run.snoozes
    .. "," .. run.started .. "," .. run.finished .. "," .. run.reason .. "," .. run.worker .. "," .. run.tail
end
local function ended_run(text, now)
  local from, to, retain, held, unique = string.match(
    text, "^a%d+,%d,%d+,%d+,%d+,%d*,()%d*(),%a*,[^,]*,%d+,%d+,%d*,%-?%d+,%d+,(%d+),[^,]*,(%a?):?(.*)$"
  )
  if not from then return nil end
  return tonumber(retain), held, unique, "w" .. string.sub(text, 2, from - 1) .. now .. string.sub(text, to)
end
local function mind(run)
  if run.flag % 2 == 0 then run.flag = exact(run.flag + 1) end
end
local ledger_limit = 20
local function write_failure(id, run, outcome, now, error)
  local started = run.started ~= "" and run.started or now
  local line = run.attempt .. "," .. started .. "," .. now .. "," .. outcome .. "," .. error
  local ledger = redis.call("HGET", KEYS[13], id)
  if ledger then
    local _, lines = string.gsub(ledger, "\\n", "\\n")
    if lines + 1 >= ledger_limit then ledger = string.match(ledger, "^[^\\n]*\\n(.*)$") or "" end
    line = ledger == "" and line or (ledger .. "\\n" .. line)
  end
  redis.call("HSET", KEYS[13], id, line)
  mind(run)
end
local function free_key(id, run)
  if run.unique ~= "" and run.held ~= "w" and run.held ~= "m" and redis.call("HGET", KEYS[19], run.unique) == id then
    redis.call("HDEL", KEYS[19], run.unique)
  end
end
local function remove(index, id)
  redis.call("ZREM", index, id)
  for _, key in ipairs({ KEYS[1], KEYS[2], KEYS[13], KEYS[14], KEYS[16], KEYS[17] }) do
    redis.call("HDEL", key, id)
  end
end
local function store_run(id, run)
  redis.call("HSET", KEYS[2], id, format_run(run))
end
local function tell_ended(id, outcome)
  local watchers = redis.call("HGET", KEYS[18], id)
  if not watchers then return end
  redis.call("HDEL", KEYS[18], id)
  for name, ref in string.gmatch(watchers, "(%S+) (%S+)") do
    redis.call("PUBLISH", args.notices .. name, "ended\\n" .. ref .. "\\n" .. outcome)
  end
end
local ending_held, member_known = 5000, 600000
local hands_over, handed_over = false, {}
local function tell_workflows(ids, places, outcomes, now)
  if #ids == 0 then return end
  local before = redis.call("HINCRBY", KEYS[21], "endings", exact(#ids)) - #ids
  local due = exact(hands_over and now + ending_held or now)
  local endings, outbox, members = {}, {}, {}
  for i, id in ipairs(ids) do
    local text = exact(before + i) .. "," .. places[i] .. "\\n" .. outcomes[i]
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
  spread("HSET", KEYS[28], endings)
  spread("ZADD", KEYS[27], outbox)
  spread("ZADD", KEYS[29], members)
  local old = redis.call("ZRANGEBYSCORE", KEYS[29], "-inf", exact(now - member_known), "LIMIT", 0, #members)
  spread("ZREM", KEYS[29], old)
end
local function tell_workflow(id, run, outcome, now)
  if run.held == "m" then tell_workflows({ id }, { run.unique }, { outcome }, now) end
end
local function cancel_now(from, id, run, how, reason, now)
  write_failure(id, run, how, now, reason)
  free_key(id, run)
  redis.call("HDEL", KEYS[15], id)
  if run.retain <= 0 then
    remove(from, id)
    count(KEYS[21], "removed", 1)
  else
    redis.call("ZREM", from, id)
    redis.call("ZADD", KEYS[11], now + run.retain, id)
    run.holder = "w"
    run.finished = now
    store_run(id, run)
  end
  count(KEYS[21], "cancelled", 1)
  local outcome = (how == "expired" and "e" or "x") .. reason
  tell_ended(id, outcome)
  tell_workflow(id, run, outcome, now)
end
local function bury(id, run, reason, error, failure, now)
  free_key(id, run)
  redis.call("HDEL", KEYS[15], id)
  redis.call("ZREM", KEYS[9], id)
  redis.call("ZADD", KEYS[12], now, id)
  if failure then redis.call("HSET", KEYS[14], id, failure) end
  run.holder = "w"
  run.finished = now
  run.reason = reason
  store_run(id, run)
  count(KEYS[21], "died", 1)
  local outcome = "d" .. reason .. "\\n" .. error .. (failure and ("\\n" .. failure) or "")
  tell_ended(id, outcome)
  tell_workflow(id, run, outcome, now)
end
local function leave_active(index, score, id, run)
  redis.call("ZREM", KEYS[9], id)
  redis.call("ZADD", index, score, id)
  run.holder = "w"
  store_run(id, run)
end
local crash = '"the lease expired"'
local tokens_per_milli = 1024
local worker_listed_millis = 1000
local claim_bytes = 4194304
local now = clock(ARGV[1])
local holds = redis.call("EXISTS", KEYS[3], KEYS[4], KEYS[7], KEYS[8], KEYS[9], KEYS[10])
  + redis.call("EXISTS", KEYS[11], KEYS[12], KEYS[30], KEYS[27], KEYS[28])
local remembered = redis.call("ZCOUNT", KEYS[29], "(" .. exact(now - member_known), "+inf")
local is_behind = tonumber(redis.call("HGET", KEYS[21], "token") or 0) >= now * tokens_per_milli
if holds + remembered > 0 or is_behind then return 0 end
redis.call("DEL", KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7], KEYS[8])
redis.call("DEL", KEYS[9], KEYS[10], KEYS[11], KEYS[12], KEYS[13], KEYS[14], KEYS[15], KEYS[16])
redis.call("DEL", KEYS[17], KEYS[18], KEYS[19], KEYS[20], KEYS[21], KEYS[22], KEYS[23], KEYS[24])
redis.call("DEL", KEYS[25], KEYS[26], KEYS[27], KEYS[28], KEYS[29], KEYS[30], KEYS[31], KEYS[32])
return 1`
  },
  redrive: {
    keys: ["jobs", "runs", "pending", "dead", "result", "unique", "windows", "meta", "outbox", "endings", "members", "wake"] as const,
    args: ["now"] as const,
    rest: "ids" as const,
    sha1: "e4bc4bc16cc5a72eab2e12197d5e39e736c733ff",
    source: `#!lua
local function clock(given)
  if given ~= "" then return tonumber(given) end
  local time = redis.call("TIME")
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function exact(number)
  return string.format("%d", number)
end
local function in_chunks(size, count, act)
  for first = 1, count, size do
    act(first, math.min(first + size - 1, count))
  end
end
local function read_range(key, ids, first, last)
  if last < first then return {} end
  if last - first < 4000 then return redis.call("HMGET", key, unpack(ids, first, last)) end
  local values = {}
  in_chunks(4000, last - first + 1, function(from, to)
    local part = redis.call("HMGET", key, unpack(ids, first + from - 1, first + to - 1))
    for i = 1, #part do values[from + i - 1] = part[i] end
  end)
  return values
end
local function read_fields(key, ids)
  return read_range(key, ids, 1, #ids)
end
local function spread_range(command, key, values, first, last)
  local sum = 0
  for from = first, last, 4000 do
    sum = sum + redis.call(command, key, unpack(values, from, math.min(from + 3999, last)))
  end
  return sum
end
local function spread(command, key, values)
  return spread_range(command, key, values, 1, #values)
end
local function count(meta, name, by)
  if by > 0 then redis.call("HINCRBY", meta, name, exact(by)) end
end
local function parse_full_run(text)
  local holder, token, flag, attempt, rescues, snoozes, started, finished, reason, worker, tail =
    string.match(text, "^(%a)(%d+),(%d),(%d+),(%d+),(%d+),(%d*),(%d*),(%a*),([^,]*),(.*)$")
  if not tail then return nil end
  local sequence, enqueued, expires, priority, max_attempts, retain, kind, held, unique =
    string.match(tail, "^(%d+),(%d+),(%d*),(-?%d+),(%d+),(%d+),([^,]*),(%a?):?(.*)$")
  if not unique then return nil end
  return {
    holder = holder, token = token, flag = flag,
    attempt = tonumber(attempt), rescues = tonumber(rescues), snoozes = tonumber(snoozes),
    started = started, finished = finished, reason = reason, worker = worker, tail = tail,
    score = tonumber(priority) * 1099511627776 + tonumber(sequence),
    expires = tonumber(expires), max_attempts = tonumber(max_attempts), retain = tonumber(retain), kind = kind, held = held, unique = unique
  }
end
local function is_record(record)
  return string.find(record, "^%d,%d+,%d+,%d*,%-?%d+,%d+,%d+,[^,\\n]*,[^,\\n]*\\n[^\\n]*\\n") ~= nil
end
local function first_line(record)
  return string.match(record, "^(%d),(%d+,%d+,%d*,%-?%d+,%d+,%d+,[^,\\n]*,[^,\\n]*)\\n[^\\n]*\\n")
end
local function due_at(record, time)
  return (string.gsub(record, "\\n[^{\\n]*", "\\n@" .. exact(time), 1))
end
local function parse_run(id, text)
  if string.find(text, "^%a%d+,0,1,0,0,%d+,,,[^,]*$") then
    local record = redis.call("HGET", KEYS[1], id)
    local _, tail = first_line(record or "")
    if not tail then return nil end
    text = text .. "," .. tail
  end
  return parse_full_run(text)
end
local function new_run(record)
  local flag, tail = first_line(record)
  if not flag then return nil end
  return parse_full_run("w0," .. flag .. ",0,0,0,,,,," .. tail)
end
local function format_run(run)
  return run.holder .. run.token .. "," .. run.flag .. "," .. run.attempt .. "," .. run.rescues .. "," .. run.snoozes
    .. "," .. run.started .. "," .. run.finished .. "," .. run.reason .. "," .. run.worker .. "," .. run.tail
end
local function ended_run(text, now)
  local from, to, retain, held, unique = string.match(
    text, "^a%d+,%d,%d+,%d+,%d+,%d*,()%d*(),%a*,[^,]*,%d+,%d+,%d*,%-?%d+,%d+,(%d+),[^,]*,(%a?):?(.*)$"
  )
  if not from then return nil end
  return tonumber(retain), held, unique, "w" .. string.sub(text, 2, from - 1) .. now .. string.sub(text, to)
end
local function mind(run)
  if run.flag % 2 == 0 then run.flag = exact(run.flag + 1) end
end
local ledger_limit = 20
local function write_failure(id, run, outcome, now, error)
  local started = run.started ~= "" and run.started or now
  local line = run.attempt .. "," .. started .. "," .. now .. "," .. outcome .. "," .. error
  local ledger = redis.call("HGET", keys.ledger, id)
  if ledger then
    local _, lines = string.gsub(ledger, "\\n", "\\n")
    if lines + 1 >= ledger_limit then ledger = string.match(ledger, "^[^\\n]*\\n(.*)$") or "" end
    line = ledger == "" and line or (ledger .. "\\n" .. line)
  end
  redis.call("HSET", keys.ledger, id, line)
  mind(run)
end
local function free_key(id, run)
  if run.unique ~= "" and run.held ~= "w" and run.held ~= "m" and redis.call("HGET", KEYS[6], run.unique) == id then
    redis.call("HDEL", KEYS[6], run.unique)
  end
end
local function remove(index, id)
  redis.call("ZREM", index, id)
  for _, key in ipairs({ KEYS[1], KEYS[2], keys.ledger, KEYS[5], keys.progress, keys.logs }) do
    redis.call("HDEL", key, id)
  end
end
local function store_run(id, run)
  redis.call("HSET", KEYS[2], id, format_run(run))
end
local function tell_ended(id, outcome)
  local watchers = redis.call("HGET", keys.watchers, id)
  if not watchers then return end
  redis.call("HDEL", keys.watchers, id)
  for name, ref in string.gmatch(watchers, "(%S+) (%S+)") do
    redis.call("PUBLISH", args.notices .. name, "ended\\n" .. ref .. "\\n" .. outcome)
  end
end
local ending_held, member_known = 5000, 600000
local hands_over, handed_over = false, {}
local function tell_workflows(ids, places, outcomes, now)
  if #ids == 0 then return end
  local before = redis.call("HINCRBY", KEYS[8], "endings", exact(#ids)) - #ids
  local due = exact(hands_over and now + ending_held or now)
  local endings, outbox, members = {}, {}, {}
  for i, id in ipairs(ids) do
    local text = exact(before + i) .. "," .. places[i] .. "\\n" .. outcomes[i]
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
  spread("HSET", KEYS[10], endings)
  spread("ZADD", KEYS[9], outbox)
  spread("ZADD", KEYS[11], members)
  local old = redis.call("ZRANGEBYSCORE", KEYS[11], "-inf", exact(now - member_known), "LIMIT", 0, #members)
  spread("ZREM", KEYS[11], old)
end
local function tell_workflow(id, run, outcome, now)
  if run.held == "m" then tell_workflows({ id }, { run.unique }, { outcome }, now) end
end
local function cancel_now(from, id, run, how, reason, now)
  write_failure(id, run, how, now, reason)
  free_key(id, run)
  redis.call("HDEL", keys.cancels, id)
  if run.retain <= 0 then
    remove(from, id)
    count(KEYS[8], "removed", 1)
  else
    redis.call("ZREM", from, id)
    redis.call("ZADD", keys.cancelled, now + run.retain, id)
    run.holder = "w"
    run.finished = now
    store_run(id, run)
  end
  count(KEYS[8], "cancelled", 1)
  local outcome = (how == "expired" and "e" or "x") .. reason
  tell_ended(id, outcome)
  tell_workflow(id, run, outcome, now)
end
local function bury(id, run, reason, error, failure, now)
  free_key(id, run)
  redis.call("HDEL", keys.cancels, id)
  redis.call("ZREM", keys.active, id)
  redis.call("ZADD", KEYS[4], now, id)
  if failure then redis.call("HSET", KEYS[5], id, failure) end
  run.holder = "w"
  run.finished = now
  run.reason = reason
  store_run(id, run)
  count(KEYS[8], "died", 1)
  local outcome = "d" .. reason .. "\\n" .. error .. (failure and ("\\n" .. failure) or "")
  tell_ended(id, outcome)
  tell_workflow(id, run, outcome, now)
end
local function leave_active(index, score, id, run)
  redis.call("ZREM", keys.active, id)
  redis.call("ZADD", index, score, id)
  run.holder = "w"
  store_run(id, run)
end
local crash = '"the lease expired"'
local function signal()
  redis.call("ZADD", KEYS[12], 0, "1")
end
local now, ids = clock(ARGV[1]), {}
for i = 2, #ARGV do ids[#ids + 1] = ARGV[i] end
local function redrive(id)
  local record = redis.call("ZSCORE", KEYS[4], id) and redis.call("HGET", KEYS[1], id)
  if not record then return "not-dead" end
  local run = parse_run(id, redis.call("HGET", KEYS[2], id) or "")
  if not run or not first_line(record) then return "not-dead" end
  if run.unique ~= "" and run.held ~= "w" and run.held ~= "m" then
    local free_at = redis.call("ZSCORE", KEYS[7], run.unique)
    local over = free_at and tonumber(free_at) <= now
    local holder = not over and redis.call("HGET", KEYS[6], run.unique)
    if holder and holder ~= id then return "key-taken" end
    redis.call("ZREM", KEYS[7], run.unique)
    redis.call("HSET", KEYS[6], run.unique, id)
  end
  local sequence = redis.call("HINCRBY", KEYS[8], "sequence", 1)
  local flag, rest_at = string.match(record, "^(%d),%d+,()")
  local priority = tonumber(string.match(record, "^%d+,%d*,(-?%d+),", rest_at))
  local enqueued, rest = string.match(record, "^(%d+),%d*(,.*)$", rest_at)
  if flag % 4 >= 2 then flag = exact(flag - 2) end
  redis.call("HSET", KEYS[1], id, due_at(flag .. "," .. sequence .. "," .. enqueued .. "," .. rest, now))
  run.holder, run.token, run.attempt, run.rescues, run.snoozes = "w", "0", 0, 0, 0
  run.started, run.finished, run.reason, run.worker = "", "", "", ""
  run.tail = sequence .. "," .. enqueued .. "," .. string.match(run.tail, "^%d+,%d+,%d*(,.*)$")
  if run.flag % 4 >= 2 then run.flag = exact(run.flag - 2) end
  redis.call("HSET", KEYS[2], id, format_run(run))
  redis.call("HDEL", KEYS[5], id)
  tell_workflow(id, run, "R", now)
  redis.call("ZREM", KEYS[4], id)
  redis.call("ZADD", KEYS[3], priority * 1099511627776 + sequence, id)
  return "ok"
end
local reply, redriven = {}, 0
for _, id in ipairs(ids) do
  local outcome = redrive(id)
  if outcome == "ok" then redriven = redriven + 1 end
  reply[#reply + 1] = id
  reply[#reply + 1] = outcome
end
count(KEYS[8], "redriven", redriven)
if redriven > 0 then signal() end
return reply`
  },
  relayed: {
    keys: ["outbox", "endings"] as const,
    args: [] as const,
    rest: "endings" as const,
    sha1: "b0a0a62c19712af8dc85782f7d8a61968f0e99f6",
    source: `#!lua flags=allow-oom
local function clock(given)
  if given ~= "" then return tonumber(given) end
  local time = redis.call("TIME")
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function exact(number)
  return string.format("%d", number)
end
local function in_chunks(size, count, act)
  for first = 1, count, size do
    act(first, math.min(first + size - 1, count))
  end
end
local function read_range(key, ids, first, last)
  if last < first then return {} end
  if last - first < 4000 then return redis.call("HMGET", key, unpack(ids, first, last)) end
  local values = {}
  in_chunks(4000, last - first + 1, function(from, to)
    local part = redis.call("HMGET", key, unpack(ids, first + from - 1, first + to - 1))
    for i = 1, #part do values[from + i - 1] = part[i] end
  end)
  return values
end
local function read_fields(key, ids)
  return read_range(key, ids, 1, #ids)
end
local function spread_range(command, key, values, first, last)
  local sum = 0
  for from = first, last, 4000 do
    sum = sum + redis.call(command, key, unpack(values, from, math.min(from + 3999, last)))
  end
  return sum
end
local function spread(command, key, values)
  return spread_range(command, key, values, 1, #values)
end
local function count(meta, name, by)
  if by > 0 then redis.call("HINCRBY", meta, name, exact(by)) end
end
local ids = {}
for i = 1, #ARGV, 2 do ids[#ids + 1] = ARGV[i] end
local known = {}
for i, text in ipairs(read_fields(KEYS[2], ids)) do
  if text and string.match(text, "^(%d+),") == ARGV[2 * i] then known[#known + 1] = ids[i] end
end
spread("ZREM", KEYS[1], known)
return spread("HDEL", KEYS[2], known)`
  },
  remove: {
    keys: ["jobs", "runs", "completed", "cancelled", "dead", "ledger", "result", "progress", "logs", "meta"] as const,
    args: [] as const,
    rest: "ids" as const,
    sha1: "f795a86cda8a76a9b9153060d8d5b66442925faa",
    source: `#!lua flags=allow-oom
local function clock(given)
  if given ~= "" then return tonumber(given) end
  local time = redis.call("TIME")
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function exact(number)
  return string.format("%d", number)
end
local function in_chunks(size, count, act)
  for first = 1, count, size do
    act(first, math.min(first + size - 1, count))
  end
end
local function read_range(key, ids, first, last)
  if last < first then return {} end
  if last - first < 4000 then return redis.call("HMGET", key, unpack(ids, first, last)) end
  local values = {}
  in_chunks(4000, last - first + 1, function(from, to)
    local part = redis.call("HMGET", key, unpack(ids, first + from - 1, first + to - 1))
    for i = 1, #part do values[from + i - 1] = part[i] end
  end)
  return values
end
local function read_fields(key, ids)
  return read_range(key, ids, 1, #ids)
end
local function spread_range(command, key, values, first, last)
  local sum = 0
  for from = first, last, 4000 do
    sum = sum + redis.call(command, key, unpack(values, from, math.min(from + 3999, last)))
  end
  return sum
end
local function spread(command, key, values)
  return spread_range(command, key, values, 1, #values)
end
local function count(meta, name, by)
  if by > 0 then redis.call("HINCRBY", meta, name, exact(by)) end
end
local function parse_full_run(text)
  local holder, token, flag, attempt, rescues, snoozes, started, finished, reason, worker, tail =
    string.match(text, "^(%a)(%d+),(%d),(%d+),(%d+),(%d+),(%d*),(%d*),(%a*),([^,]*),(.*)$")
  if not tail then return nil end
  local sequence, enqueued, expires, priority, max_attempts, retain, kind, held, unique =
    string.match(tail, "^(%d+),(%d+),(%d*),(-?%d+),(%d+),(%d+),([^,]*),(%a?):?(.*)$")
  if not unique then return nil end
  return {
    holder = holder, token = token, flag = flag,
    attempt = tonumber(attempt), rescues = tonumber(rescues), snoozes = tonumber(snoozes),
    started = started, finished = finished, reason = reason, worker = worker, tail = tail,
    score = tonumber(priority) * 1099511627776 + tonumber(sequence),
    expires = tonumber(expires), max_attempts = tonumber(max_attempts), retain = tonumber(retain), kind = kind, held = held, unique = unique
  }
end
local function is_record(record)
  return string.find(record, "^%d,%d+,%d+,%d*,%-?%d+,%d+,%d+,[^,\\n]*,[^,\\n]*\\n[^\\n]*\\n") ~= nil
end
local function first_line(record)
  return string.match(record, "^(%d),(%d+,%d+,%d*,%-?%d+,%d+,%d+,[^,\\n]*,[^,\\n]*)\\n[^\\n]*\\n")
end
local function due_at(record, time)
  return (string.gsub(record, "\\n[^{\\n]*", "\\n@" .. exact(time), 1))
end
local function parse_run(id, text)
  if string.find(text, "^%a%d+,0,1,0,0,%d+,,,[^,]*$") then
    local record = redis.call("HGET", KEYS[1], id)
    local _, tail = first_line(record or "")
    if not tail then return nil end
    text = text .. "," .. tail
  end
  return parse_full_run(text)
end
local function new_run(record)
  local flag, tail = first_line(record)
  if not flag then return nil end
  return parse_full_run("w0," .. flag .. ",0,0,0,,,,," .. tail)
end
local function format_run(run)
  return run.holder .. run.token .. "," .. run.flag .. "," .. run.attempt .. "," .. run.rescues .. "," .. run.snoozes
    .. "," .. run.started .. "," .. run.finished .. "," .. run.reason .. "," .. run.worker .. "," .. run.tail
end
local function ended_run(text, now)
  local from, to, retain, held, unique = string.match(
    text, "^a%d+,%d,%d+,%d+,%d+,%d*,()%d*(),%a*,[^,]*,%d+,%d+,%d*,%-?%d+,%d+,(%d+),[^,]*,(%a?):?(.*)$"
  )
  if not from then return nil end
  return tonumber(retain), held, unique, "w" .. string.sub(text, 2, from - 1) .. now .. string.sub(text, to)
end
local function mind(run)
  if run.flag % 2 == 0 then run.flag = exact(run.flag + 1) end
end
local ledger_limit = 20
local function write_failure(id, run, outcome, now, error)
  local started = run.started ~= "" and run.started or now
  local line = run.attempt .. "," .. started .. "," .. now .. "," .. outcome .. "," .. error
  local ledger = redis.call("HGET", KEYS[6], id)
  if ledger then
    local _, lines = string.gsub(ledger, "\\n", "\\n")
    if lines + 1 >= ledger_limit then ledger = string.match(ledger, "^[^\\n]*\\n(.*)$") or "" end
    line = ledger == "" and line or (ledger .. "\\n" .. line)
  end
  redis.call("HSET", KEYS[6], id, line)
  mind(run)
end
local function free_key(id, run)
  if run.unique ~= "" and run.held ~= "w" and run.held ~= "m" and redis.call("HGET", keys.unique, run.unique) == id then
    redis.call("HDEL", keys.unique, run.unique)
  end
end
local function remove(index, id)
  redis.call("ZREM", index, id)
  for _, key in ipairs({ KEYS[1], KEYS[2], KEYS[6], KEYS[7], KEYS[8], KEYS[9] }) do
    redis.call("HDEL", key, id)
  end
end
local function store_run(id, run)
  redis.call("HSET", KEYS[2], id, format_run(run))
end
local function tell_ended(id, outcome)
  local watchers = redis.call("HGET", keys.watchers, id)
  if not watchers then return end
  redis.call("HDEL", keys.watchers, id)
  for name, ref in string.gmatch(watchers, "(%S+) (%S+)") do
    redis.call("PUBLISH", args.notices .. name, "ended\\n" .. ref .. "\\n" .. outcome)
  end
end
local ending_held, member_known = 5000, 600000
local hands_over, handed_over = false, {}
local function tell_workflows(ids, places, outcomes, now)
  if #ids == 0 then return end
  local before = redis.call("HINCRBY", KEYS[10], "endings", exact(#ids)) - #ids
  local due = exact(hands_over and now + ending_held or now)
  local endings, outbox, members = {}, {}, {}
  for i, id in ipairs(ids) do
    local text = exact(before + i) .. "," .. places[i] .. "\\n" .. outcomes[i]
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
  local old = redis.call("ZRANGEBYSCORE", keys.members, "-inf", exact(now - member_known), "LIMIT", 0, #members)
  spread("ZREM", keys.members, old)
end
local function tell_workflow(id, run, outcome, now)
  if run.held == "m" then tell_workflows({ id }, { run.unique }, { outcome }, now) end
end
local function cancel_now(from, id, run, how, reason, now)
  write_failure(id, run, how, now, reason)
  free_key(id, run)
  redis.call("HDEL", keys.cancels, id)
  if run.retain <= 0 then
    remove(from, id)
    count(KEYS[10], "removed", 1)
  else
    redis.call("ZREM", from, id)
    redis.call("ZADD", KEYS[4], now + run.retain, id)
    run.holder = "w"
    run.finished = now
    store_run(id, run)
  end
  count(KEYS[10], "cancelled", 1)
  local outcome = (how == "expired" and "e" or "x") .. reason
  tell_ended(id, outcome)
  tell_workflow(id, run, outcome, now)
end
local function bury(id, run, reason, error, failure, now)
  free_key(id, run)
  redis.call("HDEL", keys.cancels, id)
  redis.call("ZREM", keys.active, id)
  redis.call("ZADD", KEYS[5], now, id)
  if failure then redis.call("HSET", KEYS[7], id, failure) end
  run.holder = "w"
  run.finished = now
  run.reason = reason
  store_run(id, run)
  count(KEYS[10], "died", 1)
  local outcome = "d" .. reason .. "\\n" .. error .. (failure and ("\\n" .. failure) or "")
  tell_ended(id, outcome)
  tell_workflow(id, run, outcome, now)
end
local function leave_active(index, score, id, run)
  redis.call("ZREM", keys.active, id)
  redis.call("ZADD", index, score, id)
  run.holder = "w"
  store_run(id, run)
end
local crash = '"the lease expired"'
local removed = 0
for _, id in ipairs(ARGV) do
  for _, index in ipairs({ KEYS[3], KEYS[4], KEYS[5] }) do
    if redis.call("ZSCORE", index, id) then
      remove(index, id)
      removed = removed + 1
      break
    end
  end
end
count(KEYS[10], "removed", removed)
return removed`
  },
  rescue: {
    keys: ["jobs", "runs", "pending", "active", "cancelled", "dead", "ledger", "result", "cancels", "progress", "logs", "watchers", "unique", "meta", "outbox", "endings", "members", "wake"] as const,
    args: ["now", "notices", "limit"] as const,
    rest: undefined,
    sha1: "6c0074d45e6805d69f37425103cf69bfc0402264",
    source: `#!lua flags=allow-oom
local function clock(given)
  if given ~= "" then return tonumber(given) end
  local time = redis.call("TIME")
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function exact(number)
  return string.format("%d", number)
end
local function in_chunks(size, count, act)
  for first = 1, count, size do
    act(first, math.min(first + size - 1, count))
  end
end
local function read_range(key, ids, first, last)
  if last < first then return {} end
  if last - first < 4000 then return redis.call("HMGET", key, unpack(ids, first, last)) end
  local values = {}
  in_chunks(4000, last - first + 1, function(from, to)
    local part = redis.call("HMGET", key, unpack(ids, first + from - 1, first + to - 1))
    for i = 1, #part do values[from + i - 1] = part[i] end
  end)
  return values
end
local function read_fields(key, ids)
  return read_range(key, ids, 1, #ids)
end
local function spread_range(command, key, values, first, last)
  local sum = 0
  for from = first, last, 4000 do
    sum = sum + redis.call(command, key, unpack(values, from, math.min(from + 3999, last)))
  end
  return sum
end
local function spread(command, key, values)
  return spread_range(command, key, values, 1, #values)
end
local function count(meta, name, by)
  if by > 0 then redis.call("HINCRBY", meta, name, exact(by)) end
end
local function parse_full_run(text)
  local holder, token, flag, attempt, rescues, snoozes, started, finished, reason, worker, tail =
    string.match(text, "^(%a)(%d+),(%d),(%d+),(%d+),(%d+),(%d*),(%d*),(%a*),([^,]*),(.*)$")
  if not tail then return nil end
  local sequence, enqueued, expires, priority, max_attempts, retain, kind, held, unique =
    string.match(tail, "^(%d+),(%d+),(%d*),(-?%d+),(%d+),(%d+),([^,]*),(%a?):?(.*)$")
  if not unique then return nil end
  return {
    holder = holder, token = token, flag = flag,
    attempt = tonumber(attempt), rescues = tonumber(rescues), snoozes = tonumber(snoozes),
    started = started, finished = finished, reason = reason, worker = worker, tail = tail,
    score = tonumber(priority) * 1099511627776 + tonumber(sequence),
    expires = tonumber(expires), max_attempts = tonumber(max_attempts), retain = tonumber(retain), kind = kind, held = held, unique = unique
  }
end
local function is_record(record)
  return string.find(record, "^%d,%d+,%d+,%d*,%-?%d+,%d+,%d+,[^,\\n]*,[^,\\n]*\\n[^\\n]*\\n") ~= nil
end
local function first_line(record)
  return string.match(record, "^(%d),(%d+,%d+,%d*,%-?%d+,%d+,%d+,[^,\\n]*,[^,\\n]*)\\n[^\\n]*\\n")
end
local function due_at(record, time)
  return (string.gsub(record, "\\n[^{\\n]*", "\\n@" .. exact(time), 1))
end
local function parse_run(id, text)
  if string.find(text, "^%a%d+,0,1,0,0,%d+,,,[^,]*$") then
    local record = redis.call("HGET", KEYS[1], id)
    local _, tail = first_line(record or "")
    if not tail then return nil end
    text = text .. "," .. tail
  end
  return parse_full_run(text)
end
local function new_run(record)
  local flag, tail = first_line(record)
  if not flag then return nil end
  return parse_full_run("w0," .. flag .. ",0,0,0,,,,," .. tail)
end
local function format_run(run)
  return run.holder .. run.token .. "," .. run.flag .. "," .. run.attempt .. "," .. run.rescues .. "," .. run.snoozes
    .. "," .. run.started .. "," .. run.finished .. "," .. run.reason .. "," .. run.worker .. "," .. run.tail
end
local function ended_run(text, now)
  local from, to, retain, held, unique = string.match(
    text, "^a%d+,%d,%d+,%d+,%d+,%d*,()%d*(),%a*,[^,]*,%d+,%d+,%d*,%-?%d+,%d+,(%d+),[^,]*,(%a?):?(.*)$"
  )
  if not from then return nil end
  return tonumber(retain), held, unique, "w" .. string.sub(text, 2, from - 1) .. now .. string.sub(text, to)
end
local function mind(run)
  if run.flag % 2 == 0 then run.flag = exact(run.flag + 1) end
end
local ledger_limit = 20
local function write_failure(id, run, outcome, now, error)
  local started = run.started ~= "" and run.started or now
  local line = run.attempt .. "," .. started .. "," .. now .. "," .. outcome .. "," .. error
  local ledger = redis.call("HGET", KEYS[7], id)
  if ledger then
    local _, lines = string.gsub(ledger, "\\n", "\\n")
    if lines + 1 >= ledger_limit then ledger = string.match(ledger, "^[^\\n]*\\n(.*)$") or "" end
    line = ledger == "" and line or (ledger .. "\\n" .. line)
  end
  redis.call("HSET", KEYS[7], id, line)
  mind(run)
end
local function free_key(id, run)
  if run.unique ~= "" and run.held ~= "w" and run.held ~= "m" and redis.call("HGET", KEYS[13], run.unique) == id then
    redis.call("HDEL", KEYS[13], run.unique)
  end
end
local function remove(index, id)
  redis.call("ZREM", index, id)
  for _, key in ipairs({ KEYS[1], KEYS[2], KEYS[7], KEYS[8], KEYS[10], KEYS[11] }) do
    redis.call("HDEL", key, id)
  end
end
local function store_run(id, run)
  redis.call("HSET", KEYS[2], id, format_run(run))
end
local function tell_ended(id, outcome)
  local watchers = redis.call("HGET", KEYS[12], id)
  if not watchers then return end
  redis.call("HDEL", KEYS[12], id)
  for name, ref in string.gmatch(watchers, "(%S+) (%S+)") do
    redis.call("PUBLISH", ARGV[2] .. name, "ended\\n" .. ref .. "\\n" .. outcome)
  end
end
local ending_held, member_known = 5000, 600000
local hands_over, handed_over = false, {}
local function tell_workflows(ids, places, outcomes, now)
  if #ids == 0 then return end
  local before = redis.call("HINCRBY", KEYS[14], "endings", exact(#ids)) - #ids
  local due = exact(hands_over and now + ending_held or now)
  local endings, outbox, members = {}, {}, {}
  for i, id in ipairs(ids) do
    local text = exact(before + i) .. "," .. places[i] .. "\\n" .. outcomes[i]
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
  spread("HSET", KEYS[16], endings)
  spread("ZADD", KEYS[15], outbox)
  spread("ZADD", KEYS[17], members)
  local old = redis.call("ZRANGEBYSCORE", KEYS[17], "-inf", exact(now - member_known), "LIMIT", 0, #members)
  spread("ZREM", KEYS[17], old)
end
local function tell_workflow(id, run, outcome, now)
  if run.held == "m" then tell_workflows({ id }, { run.unique }, { outcome }, now) end
end
local function cancel_now(from, id, run, how, reason, now)
  write_failure(id, run, how, now, reason)
  free_key(id, run)
  redis.call("HDEL", KEYS[9], id)
  if run.retain <= 0 then
    remove(from, id)
    count(KEYS[14], "removed", 1)
  else
    redis.call("ZREM", from, id)
    redis.call("ZADD", KEYS[5], now + run.retain, id)
    run.holder = "w"
    run.finished = now
    store_run(id, run)
  end
  count(KEYS[14], "cancelled", 1)
  local outcome = (how == "expired" and "e" or "x") .. reason
  tell_ended(id, outcome)
  tell_workflow(id, run, outcome, now)
end
local function bury(id, run, reason, error, failure, now)
  free_key(id, run)
  redis.call("HDEL", KEYS[9], id)
  redis.call("ZREM", KEYS[4], id)
  redis.call("ZADD", KEYS[6], now, id)
  if failure then redis.call("HSET", KEYS[8], id, failure) end
  run.holder = "w"
  run.finished = now
  run.reason = reason
  store_run(id, run)
  count(KEYS[14], "died", 1)
  local outcome = "d" .. reason .. "\\n" .. error .. (failure and ("\\n" .. failure) or "")
  tell_ended(id, outcome)
  tell_workflow(id, run, outcome, now)
end
local function leave_active(index, score, id, run)
  redis.call("ZREM", KEYS[4], id)
  redis.call("ZADD", index, score, id)
  run.holder = "w"
  store_run(id, run)
end
local crash = '"the lease expired"'
local function rescue(limit, now)
  local rescued, buried, taken = {}, {}, 0
  local expired = redis.call("ZRANGEBYSCORE", KEYS[4], "-inf", now, "LIMIT", 0, limit)
  for _, id in ipairs(expired) do
    local text = redis.call("HGET", KEYS[2], id)
    local run = text and parse_run(id, text)
    if run then
      run.token = "0"
      run.rescues = run.rescues + 1
      write_failure(id, run, "crashed", now, crash)
      taken = taken + 1
      local stop = redis.call("HGET", KEYS[9], id)
      if stop then
        cancel_now(KEYS[4], id, run, "cancelled", stop, now)
      elseif run.attempt >= run.max_attempts then
        bury(id, run, "crashed", crash, nil, now)
        buried[#buried + 1] = id
      else
        leave_active(KEYS[3], run.score, id, run)
        rescued[#rescued + 1] = id
      end
    else
      redis.call("ZREM", KEYS[4], id)
      redis.call("HDEL", KEYS[2], id)
      count(KEYS[14], "vanished", 1)
    end
  end
  count(KEYS[14], "rescued", taken)
  return rescued, buried
end
local function signal()
  redis.call("ZADD", KEYS[18], 0, "1")
end
local rescued, buried = rescue(tonumber(ARGV[3]), clock(ARGV[1]))
if #rescued > 0 then signal() end
return { rescued, buried }`
  },
  runnow: {
    keys: ["jobs", "pending", "scheduled", "retry", "wake"] as const,
    args: ["now"] as const,
    rest: "ids" as const,
    sha1: "a3b15b1478b98df752187e6237ac6ec74e0379d4",
    source: `#!lua
local function clock(given)
  if given ~= "" then return tonumber(given) end
  local time = redis.call("TIME")
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function exact(number)
  return string.format("%d", number)
end
local function in_chunks(size, count, act)
  for first = 1, count, size do
    act(first, math.min(first + size - 1, count))
  end
end
local function read_range(key, ids, first, last)
  if last < first then return {} end
  if last - first < 4000 then return redis.call("HMGET", key, unpack(ids, first, last)) end
  local values = {}
  in_chunks(4000, last - first + 1, function(from, to)
    local part = redis.call("HMGET", key, unpack(ids, first + from - 1, first + to - 1))
    for i = 1, #part do values[from + i - 1] = part[i] end
  end)
  return values
end
local function read_fields(key, ids)
  return read_range(key, ids, 1, #ids)
end
local function spread_range(command, key, values, first, last)
  local sum = 0
  for from = first, last, 4000 do
    sum = sum + redis.call(command, key, unpack(values, from, math.min(from + 3999, last)))
  end
  return sum
end
local function spread(command, key, values)
  return spread_range(command, key, values, 1, #values)
end
local function count(meta, name, by)
  if by > 0 then redis.call("HINCRBY", meta, name, exact(by)) end
end
local function parse_full_run(text)
  local holder, token, flag, attempt, rescues, snoozes, started, finished, reason, worker, tail =
    string.match(text, "^(%a)(%d+),(%d),(%d+),(%d+),(%d+),(%d*),(%d*),(%a*),([^,]*),(.*)$")
  if not tail then return nil end
  local sequence, enqueued, expires, priority, max_attempts, retain, kind, held, unique =
    string.match(tail, "^(%d+),(%d+),(%d*),(-?%d+),(%d+),(%d+),([^,]*),(%a?):?(.*)$")
  if not unique then return nil end
  return {
    holder = holder, token = token, flag = flag,
    attempt = tonumber(attempt), rescues = tonumber(rescues), snoozes = tonumber(snoozes),
    started = started, finished = finished, reason = reason, worker = worker, tail = tail,
    score = tonumber(priority) * 1099511627776 + tonumber(sequence),
    expires = tonumber(expires), max_attempts = tonumber(max_attempts), retain = tonumber(retain), kind = kind, held = held, unique = unique
  }
end
local function is_record(record)
  return string.find(record, "^%d,%d+,%d+,%d*,%-?%d+,%d+,%d+,[^,\\n]*,[^,\\n]*\\n[^\\n]*\\n") ~= nil
end
local function first_line(record)
  return string.match(record, "^(%d),(%d+,%d+,%d*,%-?%d+,%d+,%d+,[^,\\n]*,[^,\\n]*)\\n[^\\n]*\\n")
end
local function due_at(record, time)
  return (string.gsub(record, "\\n[^{\\n]*", "\\n@" .. exact(time), 1))
end
local function parse_run(id, text)
  if string.find(text, "^%a%d+,0,1,0,0,%d+,,,[^,]*$") then
    local record = redis.call("HGET", KEYS[1], id)
    local _, tail = first_line(record or "")
    if not tail then return nil end
    text = text .. "," .. tail
  end
  return parse_full_run(text)
end
local function new_run(record)
  local flag, tail = first_line(record)
  if not flag then return nil end
  return parse_full_run("w0," .. flag .. ",0,0,0,,,,," .. tail)
end
local function format_run(run)
  return run.holder .. run.token .. "," .. run.flag .. "," .. run.attempt .. "," .. run.rescues .. "," .. run.snoozes
    .. "," .. run.started .. "," .. run.finished .. "," .. run.reason .. "," .. run.worker .. "," .. run.tail
end
local function ended_run(text, now)
  local from, to, retain, held, unique = string.match(
    text, "^a%d+,%d,%d+,%d+,%d+,%d*,()%d*(),%a*,[^,]*,%d+,%d+,%d*,%-?%d+,%d+,(%d+),[^,]*,(%a?):?(.*)$"
  )
  if not from then return nil end
  return tonumber(retain), held, unique, "w" .. string.sub(text, 2, from - 1) .. now .. string.sub(text, to)
end
local function mind(run)
  if run.flag % 2 == 0 then run.flag = exact(run.flag + 1) end
end
local place_offset = 4503599627370496
local function limited_member(kind, score, id)
  return kind .. "," .. string.format("%016.0f", score + place_offset) .. "," .. id
end
local function of_kind(kind)
  return "[" .. kind .. ",", "(" .. kind .. "-"
end
local function read_limits()
  local limits, flat = {}, redis.call("HGETALL", keys.limits)
  for i = 1, #flat, 2 do
    local limit, per, burst = string.match(flat[i + 1], "^(%d+),(%d+),(%d+)$")
    if burst then limits[flat[i]] = { limit = tonumber(limit), per = tonumber(per), burst = tonumber(burst) } end
  end
  return limits
end
local function tokens_of(kind, rate, now)
  if rate.limit == 0 then return math.huge end
  local tokens, at = string.match(redis.call("HGET", keys.buckets, kind) or "", "^([^,]+),(%d+)$")
  tokens = tonumber(tokens)
  if not tokens then return rate.burst end
  local elapsed = math.max(0, now - tonumber(at))
  return math.min(rate.burst, tokens + elapsed * rate.limit / rate.per)
end
local function give_back_token(limits, kind, now)
  local rate = limits[kind]
  if not rate or rate.limit == 0 then return end
  local tokens = tokens_of(kind, rate, now) + 1
  redis.call("HSET", keys.buckets, kind, string.format("%.17g", tokens) .. "," .. exact(now))
end
local function kind_and_score(record)
  local sequence, priority, kind = string.match(record, "^%d,(%d+),%d+,%d*,(-?%d+),%d+,%d+,([^,]*),")
  if not kind then return nil end
  return kind, tonumber(priority) * 1099511627776 + tonumber(sequence)
end
local function leave_waiting(id, record)
  if redis.call("ZREM", KEYS[2], id) == 1 then return true end
  local kind, score = kind_and_score(record)
  return kind ~= nil and redis.call("ZREM", keys.limited, limited_member(kind, score, id)) == 1
end
local function signal()
  redis.call("ZADD", KEYS[5], 0, "1")
end
local now, moved = clock(ARGV[1]), {}
for i = 2, #ARGV do
  local id = ARGV[i]
  local record = redis.call("HGET", KEYS[1], id) or ""
  local kind, score = kind_and_score(record)
  if kind and redis.call("ZREM", KEYS[3], id) + redis.call("ZREM", KEYS[4], id) > 0 then
    redis.call("HSET", KEYS[1], id, due_at(record, now))
    redis.call("ZADD", KEYS[2], exact(score), id)
    moved[#moved + 1] = id
  end
end
if #moved > 0 then signal() end
return moved`
  },
  schedule: {
    keys: ["meta", "schedules", "ticks"] as const,
    args: ["name", "version", "paused", "next", "definition"] as const,
    rest: undefined,
    sha1: "029b42517b5e829f86df8dcae4addf9b2d9be142",
    source: `#!lua
local function clock(given)
  if given ~= "" then return tonumber(given) end
  local time = redis.call("TIME")
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function exact(number)
  return string.format("%d", number)
end
local function read_schedule(name)
  local text = redis.call("HGET", KEYS[2], name)
  if not text then return nil end
  local version, next_tick, paused, runs, skipped, tick, job, triggered, definition =
    string.match(text, "^(%d+),(%d*),([01]),(%d+),(%d+),(%d*),([^,\\n]*),([^,\\n]*)\\n(.*)$")
  if not definition then return nil end
  return {
    version = version, next = next_tick, paused = paused, runs = tonumber(runs), skipped = tonumber(skipped), tick = tick,
    job = job, triggered = triggered, definition = definition
  }
end
local function write_schedule(name, entry)
  redis.call("HSET", KEYS[2], name, table.concat({
    entry.version, entry.next, entry.paused, exact(entry.runs), exact(entry.skipped), entry.tick, entry.job, entry.triggered
  }, ",") .. "\\n" .. entry.definition)
  if entry.next == "" then
    redis.call("ZREM", KEYS[3], name)
  else
    redis.call("ZADD", KEYS[3], entry.next, name)
  end
end
local name, paused, next_tick = ARGV[1], ARGV[3], ARGV[4]
local entry = read_schedule(name)
if (entry and entry.version or "") ~= ARGV[2] then return 0 end
entry = entry or { next = "", paused = "0", runs = 0, skipped = 0, tick = "", job = "", triggered = "" }
entry.version = exact(redis.call("HINCRBY", KEYS[1], "schedule_version", 1))
entry.definition = ARGV[5]
if paused ~= "" then entry.paused = paused end
if next_tick ~= "keep" then entry.next = next_tick == "none" and "" or next_tick end
write_schedule(name, entry)
return 1`
  },
  stats: {
    keys: ["pending", "scheduled", "retry", "active", "completed", "cancelled", "dead", "limited", "meta"] as const,
    args: [] as const,
    rest: "names" as const,
    sha1: "c03003420492a4ec5464c483719fadcf75ce01c1",
    source: `#!lua flags=no-writes
local reply = {}
for i = 1, 7 do reply[i] = redis.call("ZCARD", KEYS[i]) end
reply[1] = reply[1] + redis.call("ZCARD", KEYS[8])
for _, value in ipairs(redis.call("HMGET", KEYS[9], unpack(ARGV))) do
  reply[#reply + 1] = value or ""
end
return reply`
  },
  tick: {
    keys: ["jobs", "runs", "pending", "limited", "limits", "scheduled", "completed", "cancelled", "dead", "unique", "windows", "meta", "schedules", "ticks", "members", "wake"] as const,
    args: ["now", "name", "version", "expected", "next", "skipped", "overlap", "tick"] as const,
    rest: "job" as const,
    sha1: "a18563104071d8e307bc80753892d6927748e92f",
    source: `#!lua
local function clock(given)
  if given ~= "" then return tonumber(given) end
  local time = redis.call("TIME")
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function exact(number)
  return string.format("%d", number)
end
local function in_chunks(size, count, act)
  for first = 1, count, size do
    act(first, math.min(first + size - 1, count))
  end
end
local function read_range(key, ids, first, last)
  if last < first then return {} end
  if last - first < 4000 then return redis.call("HMGET", key, unpack(ids, first, last)) end
  local values = {}
  in_chunks(4000, last - first + 1, function(from, to)
    local part = redis.call("HMGET", key, unpack(ids, first + from - 1, first + to - 1))
    for i = 1, #part do values[from + i - 1] = part[i] end
  end)
  return values
end
local function read_fields(key, ids)
  return read_range(key, ids, 1, #ids)
end
local function spread_range(command, key, values, first, last)
  local sum = 0
  for from = first, last, 4000 do
    sum = sum + redis.call(command, key, unpack(values, from, math.min(from + 3999, last)))
  end
  return sum
end
local function spread(command, key, values)
  return spread_range(command, key, values, 1, #values)
end
local function count(meta, name, by)
  if by > 0 then redis.call("HINCRBY", meta, name, exact(by)) end
end
local function parse_full_run(text)
  local holder, token, flag, attempt, rescues, snoozes, started, finished, reason, worker, tail =
    string.match(text, "^(%a)(%d+),(%d),(%d+),(%d+),(%d+),(%d*),(%d*),(%a*),([^,]*),(.*)$")
  if not tail then return nil end
  local sequence, enqueued, expires, priority, max_attempts, retain, kind, held, unique =
    string.match(tail, "^(%d+),(%d+),(%d*),(-?%d+),(%d+),(%d+),([^,]*),(%a?):?(.*)$")
  if not unique then return nil end
  return {
    holder = holder, token = token, flag = flag,
    attempt = tonumber(attempt), rescues = tonumber(rescues), snoozes = tonumber(snoozes),
    started = started, finished = finished, reason = reason, worker = worker, tail = tail,
    score = tonumber(priority) * 1099511627776 + tonumber(sequence),
    expires = tonumber(expires), max_attempts = tonumber(max_attempts), retain = tonumber(retain), kind = kind, held = held, unique = unique
  }
end
local function is_record(record)
  return string.find(record, "^%d,%d+,%d+,%d*,%-?%d+,%d+,%d+,[^,\\n]*,[^,\\n]*\\n[^\\n]*\\n") ~= nil
end
local function first_line(record)
  return string.match(record, "^(%d),(%d+,%d+,%d*,%-?%d+,%d+,%d+,[^,\\n]*,[^,\\n]*)\\n[^\\n]*\\n")
end
local function due_at(record, time)
  return (string.gsub(record, "\\n[^{\\n]*", "\\n@" .. exact(time), 1))
end
local function parse_run(id, text)
  if string.find(text, "^%a%d+,0,1,0,0,%d+,,,[^,]*$") then
    local record = redis.call("HGET", KEYS[1], id)
    local _, tail = first_line(record or "")
    if not tail then return nil end
    text = text .. "," .. tail
  end
  return parse_full_run(text)
end
local function new_run(record)
  local flag, tail = first_line(record)
  if not flag then return nil end
  return parse_full_run("w0," .. flag .. ",0,0,0,,,,," .. tail)
end
local function format_run(run)
  return run.holder .. run.token .. "," .. run.flag .. "," .. run.attempt .. "," .. run.rescues .. "," .. run.snoozes
    .. "," .. run.started .. "," .. run.finished .. "," .. run.reason .. "," .. run.worker .. "," .. run.tail
end
local function ended_run(text, now)
  local from, to, retain, held, unique = string.match(
    text, "^a%d+,%d,%d+,%d+,%d+,%d*,()%d*(),%a*,[^,]*,%d+,%d+,%d*,%-?%d+,%d+,(%d+),[^,]*,(%a?):?(.*)$"
  )
  if not from then return nil end
  return tonumber(retain), held, unique, "w" .. string.sub(text, 2, from - 1) .. now .. string.sub(text, to)
end
local function mind(run)
  if run.flag % 2 == 0 then run.flag = exact(run.flag + 1) end
end
local function signal()
  redis.call("ZADD", KEYS[16], 0, "1")
end
local place_offset = 4503599627370496
local function limited_member(kind, score, id)
  return kind .. "," .. string.format("%016.0f", score + place_offset) .. "," .. id
end
local function of_kind(kind)
  return "[" .. kind .. ",", "(" .. kind .. "-"
end
local function read_limits()
  local limits, flat = {}, redis.call("HGETALL", KEYS[5])
  for i = 1, #flat, 2 do
    local limit, per, burst = string.match(flat[i + 1], "^(%d+),(%d+),(%d+)$")
    if burst then limits[flat[i]] = { limit = tonumber(limit), per = tonumber(per), burst = tonumber(burst) } end
  end
  return limits
end
local function tokens_of(kind, rate, now)
  if rate.limit == 0 then return math.huge end
  local tokens, at = string.match(redis.call("HGET", keys.buckets, kind) or "", "^([^,]+),(%d+)$")
  tokens = tonumber(tokens)
  if not tokens then return rate.burst end
  local elapsed = math.max(0, now - tonumber(at))
  return math.min(rate.burst, tokens + elapsed * rate.limit / rate.per)
end
local function give_back_token(limits, kind, now)
  local rate = limits[kind]
  if not rate or rate.limit == 0 then return end
  local tokens = tokens_of(kind, rate, now) + 1
  redis.call("HSET", keys.buckets, kind, string.format("%.17g", tokens) .. "," .. exact(now))
end
local function kind_and_score(record)
  local sequence, priority, kind = string.match(record, "^%d,(%d+),%d+,%d*,(-?%d+),%d+,%d+,([^,]*),")
  if not kind then return nil end
  return kind, tonumber(priority) * 1099511627776 + tonumber(sequence)
end
local function leave_waiting(id, record)
  if redis.call("ZREM", KEYS[3], id) == 1 then return true end
  local kind, score = kind_and_score(record)
  return kind ~= nil and redis.call("ZREM", KEYS[4], limited_member(kind, score, id)) == 1
end
local function read_line(line)
  local priority, retain, kind, held = string.match(line, "^,(%-?%d+),%d+,(%d+),([^,]*),(%a?)")
  local flag = ((held ~= "" or retain ~= "0") and 1 or 0) + (held == "s" and 4 or 0)
  return { flag = flag, base = tonumber(priority) * 1099511627776, kind = kind }
end
local function store_jobs(now, values, first, again, existing)
  local total = (#values - first + 1) / 3
  existing = existing or read_range(KEYS[1], values, first, first + total - 1)
  local sequence = redis.call("HINCRBY", KEYS[12], "sequence", exact(total)) - total
  local head = redis.call("ZRANGE", KEYS[6], 0, 0, "WITHSCORES")[2]
  local limits = redis.call("HLEN", KEYS[5]) > 0 and read_limits() or {}
  local reply, records, ready, limited, scheduled = {}, {}, {}, {}, {}
  local written, waiting = 0, 0
  local seen, taken, lines = {}, {}, {}
  local soonest, stored, wakes = math.huge, 0, false
  local since = "," .. exact(now) .. ","
  local function report(position, what, holder)
    reply[#reply + 1] = position
    reply[#reply + 1] = what
    reply[#reply + 1] = holder
  end
  local function instant(text)
    if text == "" then return nil end
    local millis = tonumber(string.sub(text, 2))
    return string.sub(text, 1, 1) == "+" and now + millis or millis
  end
  local function is_same(stored_record, line, payload)
    local stored_line, stored_payload = string.match(stored_record, "^%d,%d+,%d+,%d*(,[^\\n]*)\\n[^\\n]*\\n(.*)$")
    local new_line = string.match(line, "^[^\\n]*")
    local function plain(text) return (string.gsub(text, "^(,%-?%d+,%d+,%d+,[^,]*,)[esw]:", "%1u:")) end
    return stored_line ~= nil and plain(stored_line) == plain(new_line) and payload == stored_payload
  end
  local function line_of(line)
    local known = lines[line]
    if not known then
      known = read_line(line)
      lines[line] = known
    end
    return known
  end
  local function record_of(place, since, expires, line, payload)
    local expiry = instant(expires)
    return line_of(line).flag + (expiry and 2 or 0) .. "," .. place .. since .. (expiry or "") .. line .. payload
  end
  local function stand_ready(id, place, line)
    local job = line_of(line)
    if limits[job.kind] then
      limited[#limited + 1] = 0
      limited[#limited + 1] = limited_member(job.kind, job.base + place, id)
    else
      ready[waiting + 1] = exact(job.base + place)
      ready[waiting + 2] = id
      waiting = waiting + 2
    end
  end
  local function stand(id, place, visible, line)
    local due = instant(visible) or now
    if due <= now then return stand_ready(id, place, line) end
    scheduled[#scheduled + 1] = due
    scheduled[#scheduled + 1] = id
    if due < soonest then soonest = due end
  end
  local function flush()
    spread("HSET", KEYS[1], records)
    spread("ZADD", KEYS[3], ready)
    spread("ZADD", KEYS[4], limited)
    spread("ZADD", KEYS[6], scheduled)
    wakes = wakes or #ready > 0 or #limited > 0
    records, ready, limited, scheduled = {}, {}, {}, {}
    written, waiting = 0, 0
  end
  local function write(id, record)
    records[written + 1] = id
    records[written + 2] = record
    written = written + 2
    seen[id] = record
    stored = stored + 1
  end
  local function holder_of(unique)
    local holder = taken[unique] or redis.call("HGET", KEYS[10], unique)
    if not holder then return nil end
    local free_at = redis.call("ZSCORE", KEYS[11], unique)
    if free_at and tonumber(free_at) <= now then return nil end
    return holder
  end
  local function hold(unique, id, window)
    taken[unique] = id
    redis.call("HSET", KEYS[10], unique, id)
    if window then
      redis.call("ZADD", KEYS[11], now + tonumber(window), unique)
    else
      redis.call("ZREM", KEYS[11], unique)
    end
  end
  local function replace(id, unique, expires, visible, line, payload)
    flush()
    local old = redis.call("HGET", KEYS[1], id)
    local waiting = old and new_run(old)
    if not waiting or waiting.unique ~= unique then return false end
    if redis.call("ZREM", KEYS[6], id) == 0 and not leave_waiting(id, old) then return false end
    local place, enqueued = string.match(old, "^%d,(%d+),(%d+),")
    local due = math.max(now, instant(visible) or now)
    local record = record_of(place, "," .. enqueued .. ",", expires, due_at(line, due), payload)
    redis.call("HSET", KEYS[1], id, record)
    seen[id] = record
    local text = redis.call("HGET", KEYS[2], id)
    local run = text and parse_run(id, text)
    if run then
      run.flag, run.tail = string.match(record, "^(%d),([^\\n]*)")
      mind(run)
      redis.call("HSET", KEYS[2], id, format_run(run))
    end
    stand(id, tonumber(place), visible, line)
    return true
  end
  local function store_carefully(position, id, line, payload, stored_record)
    local visible, expires, how, unique, line_at = string.match(line, "^%?([^,]*),([^,]*),([^,]*),([^\\n]*)\\n()")
    if line_at then
      line = string.sub(line, line_at)
    else
      visible, expires, how, unique = "", "", "", ""
    end
    local holder = not stored_record and unique ~= "" and holder_of(unique) or nil
    local replaces, window = string.match(how, "^(r?)(%d*)$")
    if window == "" then window = nil end
    local is_member, before = string.match(how, "^(b)(%d*)$")
    if stored_record then
      report(position, is_same(stored_record, line, payload) and "same" or "other", "")
    elseif is_member and redis.call("ZSCORE", KEYS[15], id) then
      report(position, "same", "")
    elseif is_member and before ~= "" and (again or tonumber(before) <= now) then
      report(position, "late", "")
    elseif again and (not holder or holder == id) then
    elseif again then
      local record = redis.call("HGET", KEYS[1], holder)
      report(position, replaces == "r" and record and is_same(record, line, payload) and "replaced" or "key", holder)
    elseif holder and replaces == "r" and replace(holder, unique, expires, visible, line, payload) then
      hold(unique, holder, window)
      report(position, "replaced", holder)
    elseif holder then
      report(position, "key", holder)
    else
      local place = sequence + position
      write(id, record_of(exact(place), since, expires, line, payload))
      if unique ~= "" then hold(unique, id, window) end
      stand(id, place, visible, line)
    end
  end
  local rest = first + total
  for i = 1, total do
    local id = values[first + i - 1]
    local line, payload = values[rest], values[rest + 1]
    rest = rest + 2
    local stored_record = seen[id] or existing[i]
    if string.byte(line, 1) == 44 and not stored_record and not again then
      write(id, line_of(line).flag .. "," .. exact(sequence + i) .. since .. line .. payload)
      stand_ready(id, sequence + i, line)
    else
      store_carefully(i, id, line, payload, stored_record)
    end
  end
  flush()
  if wakes or soonest < (tonumber(head) or math.huge) then signal() end
  count(KEYS[12], "enqueued", stored)
  count(KEYS[12], "duplicates", #reply / 3)
  return reply
end
local function read_schedule(name)
  local text = redis.call("HGET", KEYS[13], name)
  if not text then return nil end
  local version, next_tick, paused, runs, skipped, tick, job, triggered, definition =
    string.match(text, "^(%d+),(%d*),([01]),(%d+),(%d+),(%d*),([^,\\n]*),([^,\\n]*)\\n(.*)$")
  if not definition then return nil end
  return {
    version = version, next = next_tick, paused = paused, runs = tonumber(runs), skipped = tonumber(skipped), tick = tick,
    job = job, triggered = triggered, definition = definition
  }
end
local function write_schedule(name, entry)
  redis.call("HSET", KEYS[13], name, table.concat({
    entry.version, entry.next, entry.paused, exact(entry.runs), exact(entry.skipped), entry.tick, entry.job, entry.triggered
  }, ",") .. "\\n" .. entry.definition)
  if entry.next == "" then
    redis.call("ZREM", KEYS[14], name)
  else
    redis.call("ZADD", KEYS[14], entry.next, name)
  end
end
local now = clock(ARGV[1])
local name = ARGV[2]
local entry = read_schedule(name)
if not entry or entry.version ~= ARGV[3] or entry.next ~= ARGV[4] or tonumber(ARGV[4]) > now then return "moved" end
local function has_not_ended(id)
  if id == "" or redis.call("HEXISTS", KEYS[1], id) == 0 then return false end
  for _, index in ipairs({ KEYS[7], KEYS[8], KEYS[9] }) do
    if redis.call("ZSCORE", index, id) then return false end
  end
  return true
end
local outcome = "skipped"
entry.skipped = entry.skipped + tonumber(ARGV[6])
if ARGV[8] ~= "" then
  if ARGV[7] == "skip" and (has_not_ended(entry.job) or has_not_ended(entry.triggered)) then
    outcome = "overlap"
    entry.skipped = entry.skipped + 1
  else
    outcome = "fired"
    store_jobs(now, ARGV, 9, false)
    entry.runs = entry.runs + 1
    entry.tick = ARGV[8]
    entry.job = ARGV[9]
  end
end
entry.next = ARGV[5]
write_schedule(name, entry)
return outcome`
  },
  trigger: {
    keys: ["jobs", "runs", "pending", "limited", "limits", "scheduled", "unique", "windows", "meta", "schedules", "ticks", "members", "wake"] as const,
    args: ["now", "name", "version"] as const,
    rest: "job" as const,
    sha1: "c277de47aaeb05a90544b7b5417b39467d96b5e2",
    source: `#!lua
local function clock(given)
  if given ~= "" then return tonumber(given) end
  local time = redis.call("TIME")
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function exact(number)
  return string.format("%d", number)
end
local function in_chunks(size, count, act)
  for first = 1, count, size do
    act(first, math.min(first + size - 1, count))
  end
end
local function read_range(key, ids, first, last)
  if last < first then return {} end
  if last - first < 4000 then return redis.call("HMGET", key, unpack(ids, first, last)) end
  local values = {}
  in_chunks(4000, last - first + 1, function(from, to)
    local part = redis.call("HMGET", key, unpack(ids, first + from - 1, first + to - 1))
    for i = 1, #part do values[from + i - 1] = part[i] end
  end)
  return values
end
local function read_fields(key, ids)
  return read_range(key, ids, 1, #ids)
end
local function spread_range(command, key, values, first, last)
  local sum = 0
  for from = first, last, 4000 do
    sum = sum + redis.call(command, key, unpack(values, from, math.min(from + 3999, last)))
  end
  return sum
end
local function spread(command, key, values)
  return spread_range(command, key, values, 1, #values)
end
local function count(meta, name, by)
  if by > 0 then redis.call("HINCRBY", meta, name, exact(by)) end
end
local function parse_full_run(text)
  local holder, token, flag, attempt, rescues, snoozes, started, finished, reason, worker, tail =
    string.match(text, "^(%a)(%d+),(%d),(%d+),(%d+),(%d+),(%d*),(%d*),(%a*),([^,]*),(.*)$")
  if not tail then return nil end
  local sequence, enqueued, expires, priority, max_attempts, retain, kind, held, unique =
    string.match(tail, "^(%d+),(%d+),(%d*),(-?%d+),(%d+),(%d+),([^,]*),(%a?):?(.*)$")
  if not unique then return nil end
  return {
    holder = holder, token = token, flag = flag,
    attempt = tonumber(attempt), rescues = tonumber(rescues), snoozes = tonumber(snoozes),
    started = started, finished = finished, reason = reason, worker = worker, tail = tail,
    score = tonumber(priority) * 1099511627776 + tonumber(sequence),
    expires = tonumber(expires), max_attempts = tonumber(max_attempts), retain = tonumber(retain), kind = kind, held = held, unique = unique
  }
end
local function is_record(record)
  return string.find(record, "^%d,%d+,%d+,%d*,%-?%d+,%d+,%d+,[^,\\n]*,[^,\\n]*\\n[^\\n]*\\n") ~= nil
end
local function first_line(record)
  return string.match(record, "^(%d),(%d+,%d+,%d*,%-?%d+,%d+,%d+,[^,\\n]*,[^,\\n]*)\\n[^\\n]*\\n")
end
local function due_at(record, time)
  return (string.gsub(record, "\\n[^{\\n]*", "\\n@" .. exact(time), 1))
end
local function parse_run(id, text)
  if string.find(text, "^%a%d+,0,1,0,0,%d+,,,[^,]*$") then
    local record = redis.call("HGET", KEYS[1], id)
    local _, tail = first_line(record or "")
    if not tail then return nil end
    text = text .. "," .. tail
  end
  return parse_full_run(text)
end
local function new_run(record)
  local flag, tail = first_line(record)
  if not flag then return nil end
  return parse_full_run("w0," .. flag .. ",0,0,0,,,,," .. tail)
end
local function format_run(run)
  return run.holder .. run.token .. "," .. run.flag .. "," .. run.attempt .. "," .. run.rescues .. "," .. run.snoozes
    .. "," .. run.started .. "," .. run.finished .. "," .. run.reason .. "," .. run.worker .. "," .. run.tail
end
local function ended_run(text, now)
  local from, to, retain, held, unique = string.match(
    text, "^a%d+,%d,%d+,%d+,%d+,%d*,()%d*(),%a*,[^,]*,%d+,%d+,%d*,%-?%d+,%d+,(%d+),[^,]*,(%a?):?(.*)$"
  )
  if not from then return nil end
  return tonumber(retain), held, unique, "w" .. string.sub(text, 2, from - 1) .. now .. string.sub(text, to)
end
local function mind(run)
  if run.flag % 2 == 0 then run.flag = exact(run.flag + 1) end
end
local function signal()
  redis.call("ZADD", KEYS[13], 0, "1")
end
local place_offset = 4503599627370496
local function limited_member(kind, score, id)
  return kind .. "," .. string.format("%016.0f", score + place_offset) .. "," .. id
end
local function of_kind(kind)
  return "[" .. kind .. ",", "(" .. kind .. "-"
end
local function read_limits()
  local limits, flat = {}, redis.call("HGETALL", KEYS[5])
  for i = 1, #flat, 2 do
    local limit, per, burst = string.match(flat[i + 1], "^(%d+),(%d+),(%d+)$")
    if burst then limits[flat[i]] = { limit = tonumber(limit), per = tonumber(per), burst = tonumber(burst) } end
  end
  return limits
end
local function tokens_of(kind, rate, now)
  if rate.limit == 0 then return math.huge end
  local tokens, at = string.match(redis.call("HGET", keys.buckets, kind) or "", "^([^,]+),(%d+)$")
  tokens = tonumber(tokens)
  if not tokens then return rate.burst end
  local elapsed = math.max(0, now - tonumber(at))
  return math.min(rate.burst, tokens + elapsed * rate.limit / rate.per)
end
local function give_back_token(limits, kind, now)
  local rate = limits[kind]
  if not rate or rate.limit == 0 then return end
  local tokens = tokens_of(kind, rate, now) + 1
  redis.call("HSET", keys.buckets, kind, string.format("%.17g", tokens) .. "," .. exact(now))
end
local function kind_and_score(record)
  local sequence, priority, kind = string.match(record, "^%d,(%d+),%d+,%d*,(-?%d+),%d+,%d+,([^,]*),")
  if not kind then return nil end
  return kind, tonumber(priority) * 1099511627776 + tonumber(sequence)
end
local function leave_waiting(id, record)
  if redis.call("ZREM", KEYS[3], id) == 1 then return true end
  local kind, score = kind_and_score(record)
  return kind ~= nil and redis.call("ZREM", KEYS[4], limited_member(kind, score, id)) == 1
end
local function read_line(line)
  local priority, retain, kind, held = string.match(line, "^,(%-?%d+),%d+,(%d+),([^,]*),(%a?)")
  local flag = ((held ~= "" or retain ~= "0") and 1 or 0) + (held == "s" and 4 or 0)
  return { flag = flag, base = tonumber(priority) * 1099511627776, kind = kind }
end
local function store_jobs(now, values, first, again, existing)
  local total = (#values - first + 1) / 3
  existing = existing or read_range(KEYS[1], values, first, first + total - 1)
  local sequence = redis.call("HINCRBY", KEYS[9], "sequence", exact(total)) - total
  local head = redis.call("ZRANGE", KEYS[6], 0, 0, "WITHSCORES")[2]
  local limits = redis.call("HLEN", KEYS[5]) > 0 and read_limits() or {}
  local reply, records, ready, limited, scheduled = {}, {}, {}, {}, {}
  local written, waiting = 0, 0
  local seen, taken, lines = {}, {}, {}
  local soonest, stored, wakes = math.huge, 0, false
  local since = "," .. exact(now) .. ","
  local function report(position, what, holder)
    reply[#reply + 1] = position
    reply[#reply + 1] = what
    reply[#reply + 1] = holder
  end
  local function instant(text)
    if text == "" then return nil end
    local millis = tonumber(string.sub(text, 2))
    return string.sub(text, 1, 1) == "+" and now + millis or millis
  end
  local function is_same(stored_record, line, payload)
    local stored_line, stored_payload = string.match(stored_record, "^%d,%d+,%d+,%d*(,[^\\n]*)\\n[^\\n]*\\n(.*)$")
    local new_line = string.match(line, "^[^\\n]*")
    local function plain(text) return (string.gsub(text, "^(,%-?%d+,%d+,%d+,[^,]*,)[esw]:", "%1u:")) end
    return stored_line ~= nil and plain(stored_line) == plain(new_line) and payload == stored_payload
  end
  local function line_of(line)
    local known = lines[line]
    if not known then
      known = read_line(line)
      lines[line] = known
    end
    return known
  end
  local function record_of(place, since, expires, line, payload)
    local expiry = instant(expires)
    return line_of(line).flag + (expiry and 2 or 0) .. "," .. place .. since .. (expiry or "") .. line .. payload
  end
  local function stand_ready(id, place, line)
    local job = line_of(line)
    if limits[job.kind] then
      limited[#limited + 1] = 0
      limited[#limited + 1] = limited_member(job.kind, job.base + place, id)
    else
      ready[waiting + 1] = exact(job.base + place)
      ready[waiting + 2] = id
      waiting = waiting + 2
    end
  end
  local function stand(id, place, visible, line)
    local due = instant(visible) or now
    if due <= now then return stand_ready(id, place, line) end
    scheduled[#scheduled + 1] = due
    scheduled[#scheduled + 1] = id
    if due < soonest then soonest = due end
  end
  local function flush()
    spread("HSET", KEYS[1], records)
    spread("ZADD", KEYS[3], ready)
    spread("ZADD", KEYS[4], limited)
    spread("ZADD", KEYS[6], scheduled)
    wakes = wakes or #ready > 0 or #limited > 0
    records, ready, limited, scheduled = {}, {}, {}, {}
    written, waiting = 0, 0
  end
  local function write(id, record)
    records[written + 1] = id
    records[written + 2] = record
    written = written + 2
    seen[id] = record
    stored = stored + 1
  end
  local function holder_of(unique)
    local holder = taken[unique] or redis.call("HGET", KEYS[7], unique)
    if not holder then return nil end
    local free_at = redis.call("ZSCORE", KEYS[8], unique)
    if free_at and tonumber(free_at) <= now then return nil end
    return holder
  end
  local function hold(unique, id, window)
    taken[unique] = id
    redis.call("HSET", KEYS[7], unique, id)
    if window then
      redis.call("ZADD", KEYS[8], now + tonumber(window), unique)
    else
      redis.call("ZREM", KEYS[8], unique)
    end
  end
  local function replace(id, unique, expires, visible, line, payload)
    flush()
    local old = redis.call("HGET", KEYS[1], id)
    local waiting = old and new_run(old)
    if not waiting or waiting.unique ~= unique then return false end
    if redis.call("ZREM", KEYS[6], id) == 0 and not leave_waiting(id, old) then return false end
    local place, enqueued = string.match(old, "^%d,(%d+),(%d+),")
    local due = math.max(now, instant(visible) or now)
    local record = record_of(place, "," .. enqueued .. ",", expires, due_at(line, due), payload)
    redis.call("HSET", KEYS[1], id, record)
    seen[id] = record
    local text = redis.call("HGET", KEYS[2], id)
    local run = text and parse_run(id, text)
    if run then
      run.flag, run.tail = string.match(record, "^(%d),([^\\n]*)")
      mind(run)
      redis.call("HSET", KEYS[2], id, format_run(run))
    end
    stand(id, tonumber(place), visible, line)
    return true
  end
  local function store_carefully(position, id, line, payload, stored_record)
    local visible, expires, how, unique, line_at = string.match(line, "^%?([^,]*),([^,]*),([^,]*),([^\\n]*)\\n()")
    if line_at then
      line = string.sub(line, line_at)
    else
      visible, expires, how, unique = "", "", "", ""
    end
    local holder = not stored_record and unique ~= "" and holder_of(unique) or nil
    local replaces, window = string.match(how, "^(r?)(%d*)$")
    if window == "" then window = nil end
    local is_member, before = string.match(how, "^(b)(%d*)$")
    if stored_record then
      report(position, is_same(stored_record, line, payload) and "same" or "other", "")
    elseif is_member and redis.call("ZSCORE", KEYS[12], id) then
      report(position, "same", "")
    elseif is_member and before ~= "" and (again or tonumber(before) <= now) then
      report(position, "late", "")
    elseif again and (not holder or holder == id) then
    elseif again then
      local record = redis.call("HGET", KEYS[1], holder)
      report(position, replaces == "r" and record and is_same(record, line, payload) and "replaced" or "key", holder)
    elseif holder and replaces == "r" and replace(holder, unique, expires, visible, line, payload) then
      hold(unique, holder, window)
      report(position, "replaced", holder)
    elseif holder then
      report(position, "key", holder)
    else
      local place = sequence + position
      write(id, record_of(exact(place), since, expires, line, payload))
      if unique ~= "" then hold(unique, id, window) end
      stand(id, place, visible, line)
    end
  end
  local rest = first + total
  for i = 1, total do
    local id = values[first + i - 1]
    local line, payload = values[rest], values[rest + 1]
    rest = rest + 2
    local stored_record = seen[id] or existing[i]
    if string.byte(line, 1) == 44 and not stored_record and not again then
      write(id, line_of(line).flag .. "," .. exact(sequence + i) .. since .. line .. payload)
      stand_ready(id, sequence + i, line)
    else
      store_carefully(i, id, line, payload, stored_record)
    end
  end
  flush()
  if wakes or soonest < (tonumber(head) or math.huge) then signal() end
  count(KEYS[9], "enqueued", stored)
  count(KEYS[9], "duplicates", #reply / 3)
  return reply
end
local function read_schedule(name)
  local text = redis.call("HGET", KEYS[10], name)
  if not text then return nil end
  local version, next_tick, paused, runs, skipped, tick, job, triggered, definition =
    string.match(text, "^(%d+),(%d*),([01]),(%d+),(%d+),(%d*),([^,\\n]*),([^,\\n]*)\\n(.*)$")
  if not definition then return nil end
  return {
    version = version, next = next_tick, paused = paused, runs = tonumber(runs), skipped = tonumber(skipped), tick = tick,
    job = job, triggered = triggered, definition = definition
  }
end
local function write_schedule(name, entry)
  redis.call("HSET", KEYS[10], name, table.concat({
    entry.version, entry.next, entry.paused, exact(entry.runs), exact(entry.skipped), entry.tick, entry.job, entry.triggered
  }, ",") .. "\\n" .. entry.definition)
  if entry.next == "" then
    redis.call("ZREM", KEYS[11], name)
  else
    redis.call("ZADD", KEYS[11], entry.next, name)
  end
end
local now = clock(ARGV[1])
local entry = read_schedule(ARGV[2])
if not entry or entry.version ~= ARGV[3] then return 0 end
if entry.triggered ~= ARGV[4] then
  store_jobs(now, ARGV, 4, false)
  entry.triggered = ARGV[4]
  write_schedule(ARGV[2], entry)
end
return 1`
  },
  unschedule: {
    keys: ["schedules", "ticks"] as const,
    args: ["name"] as const,
    rest: undefined,
    sha1: "868bf23ae94fe71fcfff6d0d66b073e736015267",
    source: `#!lua flags=allow-oom
redis.call("ZREM", KEYS[2], ARGV[1])
return redis.call("HDEL", KEYS[1], ARGV[1])`
  },
  waiting: {
    keys: ["jobs", "runs", "ledger", "result", "cancels", "progress", "pending", "limited", "limits"] as const,
    args: ["limit", "score"] as const,
    rest: undefined,
    sha1: "9624b431cb48d31c8a92b8eaa9142f56870315de",
    source: `#!lua flags=no-writes
local function clock(given)
  if given ~= "" then return tonumber(given) end
  local time = redis.call("TIME")
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function exact(number)
  return string.format("%d", number)
end
local function read_job(id, state, score, record)
  return {
    id, state, score, record,
    redis.call("HGET", KEYS[2], id) or "",
    redis.call("HGET", KEYS[3], id) or "",
    redis.call("HGET", KEYS[4], id),
    redis.call("HGET", KEYS[5], id),
    redis.call("HGET", KEYS[6], id)
  }
end
local place_offset = 4503599627370496
local function limited_member(kind, score, id)
  return kind .. "," .. string.format("%016.0f", score + place_offset) .. "," .. id
end
local function of_kind(kind)
  return "[" .. kind .. ",", "(" .. kind .. "-"
end
local function read_limits()
  local limits, flat = {}, redis.call("HGETALL", KEYS[9])
  for i = 1, #flat, 2 do
    local limit, per, burst = string.match(flat[i + 1], "^(%d+),(%d+),(%d+)$")
    if burst then limits[flat[i]] = { limit = tonumber(limit), per = tonumber(per), burst = tonumber(burst) } end
  end
  return limits
end
local function tokens_of(kind, rate, now)
  if rate.limit == 0 then return math.huge end
  local tokens, at = string.match(redis.call("HGET", keys.buckets, kind) or "", "^([^,]+),(%d+)$")
  tokens = tonumber(tokens)
  if not tokens then return rate.burst end
  local elapsed = math.max(0, now - tonumber(at))
  return math.min(rate.burst, tokens + elapsed * rate.limit / rate.per)
end
local function give_back_token(limits, kind, now)
  local rate = limits[kind]
  if not rate or rate.limit == 0 then return end
  local tokens = tokens_of(kind, rate, now) + 1
  redis.call("HSET", keys.buckets, kind, string.format("%.17g", tokens) .. "," .. exact(now))
end
local function kind_and_score(record)
  local sequence, priority, kind = string.match(record, "^%d,(%d+),%d+,%d*,(-?%d+),%d+,%d+,([^,]*),")
  if not kind then return nil end
  return kind, tonumber(priority) * 1099511627776 + tonumber(sequence)
end
local function leave_waiting(id, record)
  if redis.call("ZREM", KEYS[7], id) == 1 then return true end
  local kind, score = kind_and_score(record)
  return kind ~= nil and redis.call("ZREM", KEYS[8], limited_member(kind, score, id)) == 1
end
local limit, after = tonumber(ARGV[1]), ARGV[2]
local entries = {}
local front = redis.call("ZRANGEBYSCORE", KEYS[7], after == "" and "-inf" or "(" .. after, "+inf", "WITHSCORES", "LIMIT", 0, limit + 1)
for i = 1, #front, 2 do
  entries[#entries + 1] = { id = front[i], score = tonumber(front[i + 1]) }
end
for kind in pairs(read_limits()) do
  local first, last = of_kind(kind)
  if after ~= "" then first = "(" .. kind .. "," .. string.format("%016.0f", tonumber(after) + place_offset) .. "-" end
  for _, member in ipairs(redis.call("ZRANGEBYLEX", KEYS[8], first, last, "LIMIT", 0, limit + 1)) do
    local place, id = string.match(member, "^[^,]*,(%d+),(.*)$")
    if place then entries[#entries + 1] = { id = id, score = tonumber(place) - place_offset } end
  end
end
table.sort(entries, function(a, b) return a.score < b.score end)
local reply = { #entries > limit and 1 or 0 }
for i = 1, math.min(limit, #entries) do
  local record = redis.call("HGET", KEYS[1], entries[i].id)
  if record then reply[#reply + 1] = read_job(entries[i].id, "pending", exact(entries[i].score), record) end
end
return reply`
  },
  watch: {
    keys: ["jobs", "runs", "completed", "cancelled", "dead", "ledger", "result", "watchers"] as const,
    args: ["id", "watcher", "leave"] as const,
    rest: undefined,
    sha1: "eacbdce8b54ef57bc25631ff5a2a3ee693892390",
    source: `#!lua
local id, watcher = ARGV[1], ARGV[2]
local others = {}
for line in string.gmatch(redis.call("HGET", KEYS[8], id) or "", "[^\\n]+") do
  if line ~= watcher then others[#others + 1] = line end
end
local function keep()
  if #others == 0 then
    redis.call("HDEL", KEYS[8], id)
  else
    redis.call("HSET", KEYS[8], id, table.concat(others, "\\n"))
  end
end
if ARGV[3] == "1" then
  keep()
  return ""
end
if redis.call("HEXISTS", KEYS[1], id) == 0 then return "missing" end
local value = redis.call("HGET", KEYS[7], id)
if redis.call("ZSCORE", KEYS[3], id) then return value and ("C" .. value) or "c" end
local lines = redis.call("HGET", KEYS[6], id) or ""
local last = string.match(lines, ".*\\n(.*)$") or lines
local how, error = string.match(last, "^%d+,%d*,%d+,(%a+),(.*)$")
if not error then error = '"how it ended cannot be read"' end
if redis.call("ZSCORE", KEYS[4], id) then return (how == "expired" and "e" or "x") .. error end
if redis.call("ZSCORE", KEYS[5], id) then
  local reason = string.match(redis.call("HGET", KEYS[2], id) or "", "^%a%d+,%d,%d+,%d+,%d+,%d*,%d*,(%a*),")
  return "d" .. (reason or "undecodable") .. "\\n" .. error .. (value and ("\\n" .. value) or "")
end
others[#others + 1] = watcher
keep()
return ""`
  },
  workers: {
    keys: ["workers", "about"] as const,
    args: ["most"] as const,
    rest: undefined,
    sha1: "69a371d4355ff61e5cf320ac145e6b2be164ec51",
    source: `#!lua flags=no-writes
local seen = redis.call("ZRANGE", KEYS[1], 0, tonumber(ARGV[1]) - 1, "REV", "WITHSCORES")
local reply = {}
for i = 1, #seen, 2 do
  reply[#reply + 1] = seen[i]
  reply[#reply + 1] = seen[i + 1]
  reply[#reply + 1] = redis.call("HGET", KEYS[2], seen[i]) or ""
end
return reply`
  },
  workflow: {
    keys: ["head", "open", "stopped", "failures"] as const,
    args: [] as const,
    rest: undefined,
    sha1: "de1a95b23732be73601b3e3f2807117cdc2079d1",
    source: `#!lua flags=no-writes
local head = redis.call("HGETALL", KEYS[1])
if #head == 0 then return {} end
local first = redis.call("ZRANGE", KEYS[4], 0, 0)[1] or ""
return { redis.call("SCARD", KEYS[2]), redis.call("SCARD", KEYS[3]), redis.call("ZCARD", KEYS[4]), first, unpack(head) }`
  }
}
