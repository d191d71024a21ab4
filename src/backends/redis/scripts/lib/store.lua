-- How jobs come into a queue. Scripts declare the keys of what they call.

-- What the line of a new record says, once for each of the many jobs that share it: its flag as far as the line decides
-- it, its priority, its kind, and how long it holds its key.
local function read_line(line)
  local priority, retain, kind, held = string.match(line, "^,(%-?%d+),%d+,(%d+),([^,]*),(%a?)")
  local flag = ((held ~= "" or retain ~= "0") and 1 or 0) + (held == "s" and 4 or 0)
  return { flag = flag, base = tonumber(priority) * 1099511627776, kind = kind }
end

-- Stores jobs in order, as enqueue.lua has them, in `values` from position `first` on. `again`: the same jobs were stored
-- before, so that those which are not there any more have ended. `existing`: records with these ids, if they were read.
-- Answers what enqueue.lua answers.
local function store_jobs(now, values, first, again, existing)
  local total = (#values - first + 1) / 3
  existing = existing or read_range(keys.jobs, values, first, first + total - 1)

  local sequence = redis.call("HINCRBY", keys.meta, "sequence", exact(total)) - total
  local head = redis.call("ZRANGE", keys.scheduled, 0, 0, "WITHSCORES")[2]

  local limits = redis.call("HLEN", keys.limits) > 0 and read_limits() or {}

  local reply, records, ready, limited, scheduled = {}, {}, {}, {}, {}
  -- how full those are
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

  -- Headers tell of the call, a trace for one, and do not make it another job; nor does how long a key is held.
  local function is_same(stored_record, line, payload)
    local stored_line, stored_payload = string.match(stored_record, "^%d,%d+,%d+,%d*(,[^\n]*)\n[^\n]*\n(.*)$")
    local new_line = string.match(line, "^[^\n]*")
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

  -- `since`: when it was enqueued, between commas
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
    spread("HSET", keys.jobs, records)
    spread("ZADD", keys.pending, ready)
    spread("ZADD", keys.limited, limited)
    spread("ZADD", keys.scheduled, scheduled)
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
  local function replace(id, unique, expires, visible, line, payload)
    flush()
    local old = redis.call("HGET", keys.jobs, id)
    local waiting = old and new_run(old)
    if not waiting or waiting.unique ~= unique then return false end
    if redis.call("ZREM", keys.scheduled, id) == 0 and not leave_waiting(id, old) then return false end
    local place, enqueued = string.match(old, "^%d,(%d+),(%d+),")
    -- it waits from now on, not from the enqueue of what it replaces
    local due = math.max(now, instant(visible) or now)
    local record = record_of(place, "," .. enqueued .. ",", expires, due_at(line, due), payload)
    redis.call("HSET", keys.jobs, id, record)
    seen[id] = record
    local text = redis.call("HGET", keys.runs, id)
    local run = text and parse_run(id, text)
    if run then
      run.flag, run.tail = string.match(record, "^(%d),([^\n]*)")
      mind(run)
      redis.call("HSET", keys.runs, id, format_run(run))
    end
    stand(id, tonumber(place), visible, line)
    return true
  end

  -- One that comes under conditions, or whose id is known.
  local function store_carefully(position, id, line, payload, stored_record)
    local visible, expires, how, unique, line_at = string.match(line, "^%?([^,]*),([^,]*),([^,]*),([^\n]*)\n()")
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
    elseif is_member and redis.call("ZSCORE", keys.members, id) then
      report(position, "same", "")
    elseif is_member and before ~= "" and (again or tonumber(before) <= now) then
      -- one that was accepted has left a trace
      report(position, "late", "")
    elseif again and (not holder or holder == id) then
      -- accepted then
    elseif again then
      -- left out then, most likely: had it held the key, it would have ended and the key been taken again meanwhile
      local record = redis.call("HGET", keys.jobs, holder)
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
    -- a comma: no conditions
    if string.byte(line, 1) == 44 and not stored_record and not again then
      write(id, line_of(line).flag .. "," .. exact(sequence + i) .. since .. line .. payload)
      stand_ready(id, sequence + i, line)
    else
      store_carefully(i, id, line, payload, stored_record)
    end
  end

  flush()
  -- whoever waits must learn of a job that is due before all others
  if wakes or soonest < (tonumber(head) or math.huge) then signal() end
  count(keys.meta, "enqueued", stored)
  count(keys.meta, "duplicates", #reply / 3)
  return reply
end
