-- What few claims need. Looks at `worker`, `now` and `claim_bytes` of exchange.lua.

-- The reply to this worker's last claim was lost: the same jobs again, as far as it still holds them. Answers ids,
-- records, and what is to be said of each.
local function repeat_claim(first, ids)
  local claimed, handed, seen, later_attempts = {}, {}, {}, {}
  -- an id of somebody else's making may fall to pieces here, which name other jobs, or none
  for id in string.gmatch(ids, "[^,]+") do
    local text = not seen[id] and redis.call("HGET", keys.runs, id)
    local token = text and string.match(text, "^a(%d+),")
    local run = token and tonumber(token) >= first and parse_run(id, text)
    if run and run.worker == worker then
      local n = #claimed + 1
      seen[id] = true
      claimed[n], handed[n] = id, redis.call("HGET", keys.jobs, id) or ""
      later_attempts[2 * n - 1] = n
      later_attempts[2 * n] = run.attempt .. "," .. run.rescues .. "," .. run.snoozes .. "," .. token
    end
  end
  return claimed, handed, later_attempts
end

-- Frees keys that are held until the start. Ends jobs that no attempt has started in time; answers the others.
local function drop_expired(ids, records, texts, limits)
  local expired = {}
  for i = 1, #ids do
    if records[i] and (byte(records[i], 1) or 0) >= 50 then
      local run = texts[i] and parse_run(ids[i], texts[i]) or new_run(records[i])
      if run and run.held == "s" then free_key(ids[i], run) end
      if run and run.expires and run.expires <= now then
        cancel_now(keys.pending, ids[i], run, "expired", '"its time to start was over"', now)
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
  count(keys.meta, "expired", #ids - #kept)
  return kept, kept_records, kept_texts
end

-- The run of an attempt that is no first one, or of a job that has something to mind, and how far the job is; nothing
-- when its record is not of this make.
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

-- Leaves out the jobs that would be too much at once; answers how many stay.
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

-- How many more jobs may be active.
local function room(max_active)
  return math.max(0, max_active - redis.call("ZCARD", keys.active))
end

local function head(index)
  return tonumber(redis.call("ZRANGE", index, 0, 0, "WITHSCORES")[2] or math.huge)
end

local function lengths_of(texts)
  local lengths = {}
  for i = 1, #texts do lengths[i] = exact(#texts[i]) end
  return table.concat(lengths, ",")
end
