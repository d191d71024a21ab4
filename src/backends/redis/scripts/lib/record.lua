-- Two records per job, both text. docs/decisions/0002-record-layout.md tells why.
--
--   jobs[id]  <flag>,<sequence>,<enqueuedAt>,<expiresAt>,<priority>,<maxAttempts>,<retainMillis>,<kind>,<uniqueKey> LF due extras LF payload
--             written at enqueue; only a redrive (sequence, due) and an order to run it now (due) change it
--   runs[id]  <holder><token>,<flag>,<attempt>,<rescues>,<snoozes>,<startedAt>,<finishedAt>,<reason>,<worker>,<sequence>,...,<uniqueKey>
--             from the first claim on; ends with the first line of jobs[id] without its flag, unless that would only
--             repeat it: the run of a first attempt that minds nothing ends with its worker
--
-- due: empty when it waits to be run from its enqueue on; else "+<ms>" after that, or "@<epoch ms>".
--
-- holder: "a" while an attempt holds the lease, "w" otherwise. flag: "0" when nothing is to be minded but the two
-- records; else the sum of 1 (ending takes more than deleting them: retention, a unique key, a ledger, a request to
-- stop, progress, a log), 2 (it expires) and 4 (its start frees its key).
--
-- uniqueKey: empty, or how long it is held (e until the end, s until the start, w for a window), a colon and the key.
-- A member of a workflow has none, and there instead m, a colon, and "<node>.<generation>.<workflow>".

--
-- Whoever can write here can write anything. A record that is not of this make costs its own job and no other: whatever
-- reads one answers nil, and callers leave it out.
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

-- Whether a record is of this make.
local function is_record(record)
  return string.find(record, "^%d,%d+,%d+,%d*,%-?%d+,%d+,%d+,[^,\n]*,[^,\n]*\n[^\n]*\n") ~= nil
end

-- The flag of a record, and its first line without it.
local function first_line(record)
  return string.match(record, "^(%d),(%d+,%d+,%d*,%-?%d+,%d+,%d+,[^,\n]*,[^,\n]*)\n[^\n]*\n")
end

-- A record, or a part of one from within its first line on, as of a job that is due at another time.
local function due_at(record, time)
  return (string.gsub(record, "\n[^{\n]*", "\n@" .. exact(time), 1))
end

-- The run of a job, whose text was read.
local function parse_run(id, text)
  if string.find(text, "^%a%d+,0,1,0,0,%d+,,,[^,]*$") then
    local record = redis.call("HGET", keys.jobs, id)
    local _, tail = first_line(record or "")
    if not tail then return nil end
    text = text .. "," .. tail
  end
  return parse_full_run(text)
end

-- The run of a job that no attempt has started yet.
local function new_run(record)
  local flag, tail = first_line(record)
  if not flag then return nil end
  return parse_full_run("w0," .. flag .. ",0,0,0,,,,," .. tail)
end

local function format_run(run)
  return run.holder .. run.token .. "," .. run.flag .. "," .. run.attempt .. "," .. run.rescues .. "," .. run.snoozes
    .. "," .. run.started .. "," .. run.finished .. "," .. run.reason .. "," .. run.worker .. "," .. run.tail
end

-- Of the run of an attempt that is under way and has something to mind: how long its job is kept, how its unique key is
-- held, the key, and its run once it has ended; nothing when it is not of this make.
local function ended_run(text, now)
  local from, to, retain, held, unique = string.match(
    text, "^a%d+,%d,%d+,%d+,%d+,%d*,()%d*(),%a*,[^,]*,%d+,%d+,%d*,%-?%d+,%d+,(%d+),[^,]*,(%a?):?(.*)$"
  )
  if not from then return nil end
  return tonumber(retain), held, unique, "w" .. string.sub(text, 2, from - 1) .. now .. string.sub(text, to)
end

-- Marks that ending this job takes more than deleting its records.
local function mind(run)
  if run.flag % 2 == 0 then run.flag = exact(run.flag + 1) end
end
