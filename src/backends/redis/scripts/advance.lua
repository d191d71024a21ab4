#!lua flags=allow-oom
-- Tells a workflow how members ended, and works out what is to start or to stop.
-- KEYS head       hash: the workflow
-- KEYS nodes      hash: node -> children LF parents LF queue,kind LF what to enqueue
-- KEYS status     hash: node -> letter, generation from 0, and two more (status_of); absent while it waits for its parents
-- KEYS left       hash: node -> parents that have not ended; -1 when it failed and set its children free
-- KEYS results    hash: node -> how it ended
-- KEYS open       set: nodes whose jobs have not ended
-- KEYS starts     zset: of those, the ones to be enqueued, by number
-- KEYS stopped    set: nodes that the workflow cancelled or did not start
-- KEYS failures   zset: nodes that failed, in the order in which they did
-- KEYS listeners  set: "name ref" of who waits for its end
-- ARGV now        epoch ms; "" in production: the server's clock decides
-- ARGV notices    prefix of the channels of notices
-- ARGV limit      nodes to be started at most
-- ARGV drive      1 to answer all that are to start
-- ARGV stop       cancelled or deadline to stop it, else ""
-- ARGV reason     why
-- ARGV ...endings  node, generation (from when the workflow was created, epoch ms), sequence, outcome
-- REPLY list  nothing when it is not stored; else state, flags (sum of 1 stop its open jobs, 2 more to start, 4 its state
--             may have changed), now, created, ended, deadline and end of its retention in epoch ms or "", how often its state
--             has changed, then per node to be started: node, generation, text
-- include lib/time
-- include lib/values
-- include lib/record
local now, limit = clock(args.now), tonumber(args.limit)
local head = redis.call("HMGET", keys.head, "state", "stop", "policy", "created", "ended", "deadline", "retain", "retain_failed",
  "stops")
local state, stop, policy = head[1], head[2], head[3]
if not state then return {} end
local created, ended, deadline = head[4], head[5] or "", head[6]
local stops_before = tonumber(head[9] or "0")
local had_state, had_stop = state, stop
local fresh, repeated = {}, args.drive == "1"

-- Whether it ends, or has ended, by somebody's will.
local function is_over()
  return stop == "cancelled" or stop == "deadline"
end

-- Whether nothing revives it.
local function is_final()
  return is_over() or state == "completed"
end

-- What this call changes, by node, is gathered and written at its end: a command for many nodes costs each little.
-- `statuses` holds what was read as well, `is_open` and `is_starting` whether a node is to be in the set or not, and
-- `outcomes` how it ended, or false.
local statuses, changed, is_open, is_starting, outcomes, completed = {}, {}, {}, {}, {}, 0

local function set_status(node, letter, generation, sequence, stops)
  statuses[node] = letter .. generation .. "," .. exact(sequence) .. "," .. stops
  changed[node] = true
end

-- Letter, generation, number of the latest ending that was told, and how often the workflow had been stopped when the
-- job started, or was redriven.
local function status_of(node)
  if statuses[node] == nil then statuses[node] = redis.call("HGET", keys.status, node) end
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
  redis.call("SADD", keys.stopped, node)
end

-- Nodes that have ended, and whose children are to be told.
local parents = {}

local function release(node)
  parents[#parents + 1] = node
end

-- Sets free the children of those. Children that are joins are marked j, and end at once.
local function release_children()
  while #parents > 0 do
    local less, joins, children = {}, {}, {}
    -- few at a time: what is to be enqueued for them, which may be large, comes along
    in_chunks(20, #parents, function(first, last)
      for _, text in ipairs(read_range(keys.nodes, parents, first, last)) do
        for join, child in string.gmatch(string.match(text or "", "^[^\n]*"), "(j?)(%d+)") do
          if not less[child] then children[#children + 1] = child end
          less[child] = (less[child] or 0) + 1
          joins[child] = join == "j"
        end
      end
    end)
    parents = {}
    for _, child in ipairs(children) do
      if redis.call("HINCRBY", keys.left, child, -less[child]) == 0 then
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
  spread("HSET", keys.status, fields)
  local added, removed = split(is_open)
  spread("SADD", keys.open, added)
  spread("SREM", keys.open, removed)
  added, removed = split(is_starting)
  for _, node in ipairs(added) do
    scores[#scores + 1] = node
    scores[#scores + 1] = node
  end
  spread("ZADD", keys.starts, scores)
  spread("ZREM", keys.starts, removed)
  local _, forgotten = split(outcomes)
  for node, outcome in pairs(outcomes) do
    if outcome then
      kept[#kept + 1] = node
      kept[#kept + 1] = outcome
    end
  end
  spread("HSET", keys.results, kept)
  spread("HDEL", keys.results, forgotten)
  count(keys.head, "completed", completed)
end

-- Nodes that were handed out to be started stay so: whether their jobs are stored is for them who stop it to settle.
local function begin_stop(cause, reason)
  stop = cause
  stops_before = redis.call("HINCRBY", keys.head, "stops", 1)
  redis.call("HSET", keys.head, "stop", cause, "reason", reason)
  for _, node in ipairs(fresh) do
    local letter, generation = status_of(node)
    if letter == "o" then withhold(node, generation) end
  end
  fresh = {}
end

-- Goes on after a redrive: what was stopped on account of the failure is run anew.
local function revive()
  state, stop, ended = "running", "", ""
  redis.call("HSET", keys.head, "state", state, "stop", "", "reason", "")
  redis.call("HDEL", keys.head, "ended")
  for _, node in ipairs(redis.call("SMEMBERS", keys.stopped)) do
    local _, generation = status_of(node)
    start(node, generation + 1)
  end
  redis.call("DEL", keys.stopped)
end

-- Answers false when it was known, or is of no concern any more.
local function take(node, generation, sequence, outcome)
  local letter, current, latest, stops = status_of(node)
  if letter == "w" or generation ~= current or sequence < latest then return false end
  local is_news = sequence > latest
  -- it took another one's place: what that one led to may not have been carried out
  if latest > 0 then repeated = true end
  local kind = string.sub(outcome, 1, 1)
  local had_failed = letter == "d" or letter == "x"
  if kind == "R" then
    if letter ~= "d" or not is_news or is_final() then
      if is_news then set_status(node, letter, generation, sequence, stops) end
      return false
    end
    redis.call("ZREM", keys.failures, node)
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
      redis.call("ZREM", keys.failures, node)
      if not is_final() then revive() end
    end
    if policy ~= "continue" or redis.call("HGET", keys.left, node) ~= "-1" then release(node) end
    return true
  end
  local failed = kind == "d" and "d" or "x"
  if had_failed and is_news then
    -- it was redriven in between, and failed again
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
    -- by a stop that a redrive has taken back since
    start(node, generation + 1)
    return true
  end
  set_status(node, failed, generation, sequence, stops)
  outcomes[node] = outcome
  redis.call("ZADD", keys.failures, redis.call("HINCRBY", keys.head, "failings", 1), node)
  if policy == "continue" then
    if redis.call("HGET", keys.left, node) ~= "-1" then
      redis.call("HSET", keys.left, node, -1)
      release(node)
    end
  elseif policy == "stop" and stop == "" then
    begin_stop("failure", "")
  end
  return true
end

local told = {}
for i = 7, #ARGV, 4 do told[#told + 1] = ARGV[i] end
for i, text in ipairs(read_fields(keys.status, told)) do statuses[told[i]] = text end

for i = 7, #ARGV, 4 do
  if not take(ARGV[i], tonumber(ARGV[i + 1]) - tonumber(created), tonumber(ARGV[i + 2]), ARGV[i + 3]) then repeated = true end
end
release_children()

if state == "running" and not is_over() then
  if args.stop ~= "" then
    begin_stop(args.stop, args.reason)
  elseif deadline ~= "" and tonumber(deadline) <= now then
    begin_stop("deadline", "")
  end
end

write_changes()
local open = redis.call("SCARD", keys.open)
local stops = stop ~= "" and (repeated or stop ~= had_stop) and open > 0
if state == "running" and open == 0 then
  local has_failed = stop ~= "" or (redis.call("ZCARD", keys.failures) > 0 and policy ~= "continue")
  state = stop == "cancelled" and "cancelled" or has_failed and "failed" or "completed"
  ended = exact(now)
  redis.call("HSET", keys.head, "state", state, "ended", ended)
  for _, listener in ipairs(redis.call("SMEMBERS", keys.listeners)) do
    local name, ref = string.match(listener, "^(%S+) (%S+)$")
    redis.call("PUBLISH", args.notices .. name, "workflow\n" .. ref)
  end
  redis.call("DEL", keys.listeners)
end

local more = 0
if repeated or stops then
  fresh = redis.call("ZRANGE", keys.starts, 0, limit - 1)
  more = redis.call("ZCARD", keys.starts) - #fresh
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
local changes = redis.call("HINCRBY", keys.head, "changes", changed_now and 1 or 0)
local reply = { state, flags, exact(now), created, ended, deadline, over, changes }
local texts = read_range(keys.nodes, fresh, 1, math.min(limit, #fresh))
for i = 1, #texts do
  local _, generation = status_of(fresh[i])
  reply[#reply + 1] = fresh[i]
  reply[#reply + 1] = exact(created + generation)
  reply[#reply + 1] = texts[i] or ""
end
return reply
