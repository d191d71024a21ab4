-- How jobs come into a queue. `keys` names the queue's keys; callers declare those it reaches.

-- Stores jobs in order: seven values each, as enqueue.lua has them, in `values` from position `first` on. `again`: the
-- same jobs were stored before, so that those which are not there any more have ended. Answers what enqueue.lua answers.
local function store_jobs(keys, now, values, first, again)
  local total = (#values - first + 1) / 7
  local ids = {}
  for i = 1, total do ids[i] = values[first + 7 * (i - 1)] end
  local existing = read_fields(keys.jobs, ids)

  local sequence = redis.call("HINCRBY", keys.meta, "sequence", total) - total
  local head = redis.call("ZRANGE", keys.scheduled, 0, 0, "WITHSCORES")[2]

  local limits = redis.call("HLEN", keys.limits) > 0 and read_limits(keys) or {}

  local reply, records, ready, limited, scheduled = {}, {}, {}, {}, {}
  local seen, taken = {}, {}
  local soonest, stored, wakes = math.huge, 0, false

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

  -- Headers tell of the call, a trace for one, and do not make it another job.
  local function is_same(stored_record, rest)
    local line, payload = string.match(stored_record, "^%d,%d+,%d+,%d*(,[^\n]*)\n[^\n]*\n(.*)$")
    local new_line, new_payload = string.match(rest, "^([^\n]*)\n[^\n]*\n(.*)$")
    local function plain(text) return (string.gsub(text, "^(,%-?%d+,%d+,%d+,[^,]*,)%a:", "%1")) end
    return line ~= nil and plain(line) == plain(new_line) and payload == new_payload
  end

  local function record_of(place, enqueued, expires, rest)
    local expiry = instant(expires)
    local held = string.match(rest, "^,%-?%d+,%d+,%d+,[^,]*,(%a?)")
    local minds = held ~= "" or string.match(rest, "^,%-?%d+,%d+,0,") == nil
    local flag = (minds and 1 or 0) + (expiry and 2 or 0) + (held == "s" and 4 or 0)
    return flag .. "," .. place .. "," .. enqueued .. "," .. (expiry or "") .. rest
  end

  local function stand(id, place, priority, visible, rest)
    local due = instant(visible) or now
    if due > now then
      scheduled[#scheduled + 1] = due
      scheduled[#scheduled + 1] = id
      if due < soonest then soonest = due end
      return
    end
    local score = tonumber(priority) * 1099511627776 + place
    local kind = string.match(rest, "^,%-?%d+,%d+,%d+,([^,]*),")
    if limits[kind] then
      limited[#limited + 1] = 0
      limited[#limited + 1] = limited_member(kind, score, id)
    else
      ready[#ready + 1] = score
      ready[#ready + 1] = id
    end
  end

  local function flush()
    spread("HSET", keys.jobs, records)
    spread("ZADD", keys.pending, ready)
    spread("ZADD", keys.limited, limited)
    spread("ZADD", keys.scheduled, scheduled)
    wakes = wakes or #ready > 0 or #limited > 0
    records, ready, limited, scheduled = {}, {}, {}, {}
  end

  local function holder_of(unique)
    local holder = taken[unique] or redis.call("HGET", keys.unique, unique)
    if not holder then return nil end
    local free_at = redis.call("ZSCORE", keys.windows, unique)
    if free_at and tonumber(free_at) <= now then return nil end
    return holder
  end

  local function hold(unique, id, window)
    taken[unique] = id
    redis.call("HSET", keys.unique, unique, id)
    if window then
      redis.call("ZADD", keys.windows, now + tonumber(window), unique)
    else
      redis.call("ZREM", keys.windows, unique)
    end
  end

  -- Makes a waiting job another one, under the same id and in the same place; answers whether it waits.
  local function replace(id, unique, expires, priority, visible, rest)
    flush()
    local old = redis.call("HGET", keys.jobs, id)
    local waiting = old and new_run(old)
    if not waiting or waiting.unique ~= unique then return false end
    if redis.call("ZREM", keys.scheduled, id) == 0 and not leave_waiting(keys, id, old) then return false end
    local place, enqueued = string.match(old, "^%d,(%d+),(%d+),")
    local record = record_of(place, enqueued, expires, rest)
    redis.call("HSET", keys.jobs, id, record)
    seen[id] = record
    local text = redis.call("HGET", keys.runs, id)
    local run = text and parse_run(text)
    if run then
      run.flag, run.tail = string.match(record, "^(%d),([^\n]*)")
      mind(run)
      redis.call("HSET", keys.runs, id, format_run(run))
    end
    stand(id, tonumber(place), priority, visible, rest)
    return true
  end

  for i = 1, total do
    local at = first + 7 * (i - 1)
    local id, visible, expires = values[at], values[at + 1], values[at + 2]
    local priority, unique, how, rest = values[at + 3], values[at + 4], values[at + 5], values[at + 6]
    local stored_record = seen[id] or existing[i]
    local holder = not stored_record and unique ~= "" and holder_of(unique) or nil
    local replaces, window = string.match(how, "^(r?)(%d*)$")
    if window == "" then window = nil end
    local before = string.match(how, "^b(%d+)$")
    if stored_record then
      report(i, is_same(stored_record, rest) and "same" or "other", "")
    elseif before and redis.call("ZSCORE", keys.members, id) then
      report(i, "same", "")
    elseif before and (again or tonumber(before) <= now) then
      -- one that was accepted has left a trace
      report(i, "late", "")
    elseif again and (not holder or holder == id) then
      -- accepted then
    elseif again then
      -- left out then, most likely: had it held the key, it would have ended and the key been taken again meanwhile
      local record = redis.call("HGET", keys.jobs, holder)
      report(i, replaces == "r" and record and is_same(record, rest) and "replaced" or "key", holder)
    elseif holder and replaces == "r" and replace(holder, unique, expires, priority, visible, rest) then
      hold(unique, holder, window)
      report(i, "replaced", holder)
    elseif holder then
      report(i, "key", holder)
    else
      local place = sequence + i
      local record = record_of(place, now, expires, rest)
      records[#records + 1] = id
      records[#records + 1] = record
      seen[id] = record
      stored = stored + 1
      if unique ~= "" then hold(unique, id, window) end
      stand(id, place, priority, visible, rest)
    end
  end

  flush()
  -- whoever waits must learn of a job that is due before all others
  if wakes or soonest < (tonumber(head) or math.huge) then signal(keys) end
  count(keys.meta, "enqueued", stored)
  count(keys.meta, "duplicates", #reply / 3)
  return reply
end
