#!lua flags=allow-oom
-- Settles attempts, then claims visible jobs under a lease.
-- KEYS jobs       hash: id -> record
-- KEYS runs       hash: id -> run
-- KEYS pending    zset: id by priority and sequence
-- KEYS limited    zset: rate-limited jobs by kind and place
-- KEYS limits     hash: kind -> rate limit
-- KEYS buckets    hash: kind -> tokens
-- KEYS scheduled  zset: id by due time, epoch ms
-- KEYS retry      zset: id by due time, epoch ms
-- KEYS active     zset: id by lease expiry, epoch ms
-- KEYS completed  zset: id by end of retention, epoch ms
-- KEYS cancelled  zset: id by end of retention, epoch ms
-- KEYS dead       zset: id by time of death, epoch ms
-- KEYS ledger     hash: id -> failures, a line each
-- KEYS result     hash: id -> encoded success
-- KEYS cancels    hash: id -> why its holder is asked to stop, a JSON string
-- KEYS progress   hash: id -> encoded progress
-- KEYS logs       hash: id -> log lines
-- KEYS watchers   hash: id -> who wants to know of its end
-- KEYS unique     hash: unique key -> id of the holder
-- KEYS meta       hash: counters, pause
-- KEYS claims     hash: worker -> its last claim
-- KEYS workers    zset: worker by when it was last seen, epoch ms
-- KEYS outbox     zset: member of a workflow by when its ending is handed out next, epoch ms
-- KEYS endings    hash: id -> sequence, place in its workflow, LF how it ended
-- KEYS members    zset: member of a workflow by when it ended, epoch ms
-- KEYS wake       zset: the wake-up marker
-- ARGV now        epoch ms; "" in production: the server's clock decides
-- ARGV notices    prefix of the channels of notices
-- ARGV worker     who claims
-- ARGV number     of this claim, growing per worker; "" to claim nothing
-- ARGV limit      jobs to claim at most
-- ARGV lease      ms
-- ARGV plain      how many settlements are completions without a result; they come first
-- ARGV ...settlements  the ids of those, then for each how its run begins when they take no more than deleting:
--                      "a<token>,0"; then the others, per attempt: op, id, token, then by op: c - · C result · r delay, error, failure · b reason, error, failure ·
--                      x reason · s delay · l delay; an empty failure is none
-- REPLY text      "outcomes (a letter each: k settled, d died, x cancelled, r repeated, s stale, g gone),next in ms or
--                 -1,more (0, 1),paused (0, 1),first token"; if jobs are claimed, LF "lengths of their ids (bytes, commas
--                 between; one number when all are alike);lengths of their records (0 for one that is not there)" LF,
--                 all ids (commas between), and all records. One text is read several times faster than many.
--       list      if there is more to say: that text; rescued ids; buried ids; endings of members (flat: id, text); of
--                 jobs that are no first attempts (flat): position from 1, "attempt,rescues,snoozes" or, for a claim
--                 that is repeated, "attempt,rescues,snoozes,token"
-- include lib/time
-- include lib/values
-- include lib/signal
-- looked at when it is needed: what only deletes goes without
local now
local worker, number, limit, lease = args.worker, args.number, tonumber(args.limit), tonumber(args.lease)
local find, byte, format = string.find, string.byte, string.format

-- What few calls need. A function costs time whenever it is made, so these are made by the first that needs one: an
-- exchange that completes and claims plain jobs goes without them.
local made
local function rarely()
  if made then return made end
  now = now or clock(args.now)
  local sub = string.sub
  -- include lib/record
  -- include lib/moves
  -- include lib/rescue
  -- include lib/promote
  -- include lib/limits
  -- include lib/take
  hands_over = true
  local arguments = { c = 0, C = 1, r = 3, b = 3, x = 1, s = 1, l = 1 }

  -- Settles one after the other what `delete_all` has left: all, or those after the `plain` ones when it has `deleted`
  -- these. Answers their outcomes, and whether a job became visible.
  local function settle(plain, deleted)
    local ops, ids, tokens, freed = {}, {}, {}, false
    if not deleted then
      for i = 1, plain do
        ids[i] = ARGV[7 + i]
        tokens[i] = sub(ARGV[7 + plain + i], 2, -3)
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

  -- The reply to this worker's last claim was lost: the same jobs again, as far as it still holds them.
  local function repeat_claim(first, ids, hand_out, later_attempts)
    local claimed, handed, seen = {}, {}, {}
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
    hand_out(claimed, handed)
  end

  -- Frees keys that are held until the start. Ends jobs that no attempt has started in time; answers the others.
  local function drop_expired(ids, records, texts, limits)
    local expired = {}
    for i = 1, #ids do
      if records[i] and (byte(records[i], 1) or 0) >= 50 then
        local run = texts[i] and parse_run(ids[i], texts[i]) or new_run(records[i])
        if run and run.held == "s" then free_key(ids[i], run) end
        if run and run.expires and run.expires <= now then
          cancel_now(keys.pending, ids[i], run, "expired", '"no attempt had started in time"', now)
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
    if not is_record(record) then return nil end
    local old = text and parse_run(id, text) or new_run(record)
    local progress = (old.attempt + 1) .. "," .. old.rescues .. "," .. old.snoozes
    return "a" .. exact(token) .. "," .. old.flag .. "," .. progress .. rest .. "," .. old.tail, progress
  end

  made = {
    settle = settle, repeat_claim = repeat_claim, drop_expired = drop_expired, run_of = run_of, tell_ended = tell_ended,
    rescue = rescue, promote = promote, read_limits = read_limits, take_limited = take_limited, look_ahead = look_ahead,
    endings = handed_over
  }
  return made
end

-- Ends jobs whose completion takes no more than deleting them; answers nil, and does nothing, unless all are such.
local function delete_all(plain)
  local from, to = 8, 7 + plain
  local texts = read_range(keys.runs, ARGV, from, to)
  for i = 1, plain do
    local text = texts[i]
    if not text or find(text, ARGV[to + i], 1, true) ~= 1 then return nil end
  end
  local deleted = spread_range("ZREM", keys.active, ARGV, from, to)
  spread_range("HDEL", keys.runs, ARGV, from, to)
  spread_range("HDEL", keys.jobs, ARGV, from, to)
  if redis.call("HLEN", keys.watchers) > 0 then
    for i = from, to do rarely().tell_ended(ARGV[i], "c") end
  end
  count(keys.meta, "completed", deleted)
  count(keys.meta, "removed", deleted)
  if deleted == plain then return string.rep("k", plain) end
  -- a job that is named twice was there for the first only
  local outcomes, seen = {}, {}
  for i = 1, plain do
    outcomes[i] = seen[ARGV[7 + i]] and "g" or "k"
    seen[ARGV[7 + i]] = true
  end
  return table.concat(outcomes)
end

local plain = tonumber(args.plain)
local deleted = plain > 0 and delete_all(plain)
local outcomes, freed = deleted or "", false
if (plain > 0 and not deleted) or #ARGV > 7 + 2 * plain then
  local others
  others, freed = rarely().settle(plain, deleted)
  outcomes = outcomes .. others
end

local later_attempts = {}
local ids_text, sizes, handed_out = "", "", nil

local function answer(next_millis, more, paused, first_token, rescued, buried)
  local text = format("%s,%d,%d,%d,%d", outcomes, next_millis, more and 1 or 0, paused and 1 or 0, first_token)
  if handed_out then
    handed_out[0] = text .. "\n" .. sizes .. "\n" .. ids_text
    text = table.concat(handed_out, "", 0)
  end
  local endings = made and made.endings or {}
  if rescued or #later_attempts > 0 or #endings > 0 then
    return { text, rescued or {}, buried or {}, endings, later_attempts }
  end
  return text
end

local meta = redis.call("HMGET", keys.meta, "max_active", "paused", "token", "claimed")
local max_active = tonumber(meta[1] or nil)

-- How many more jobs may be active.
local function room()
  return max_active and math.max(0, max_active - redis.call("ZCARD", keys.active)) or math.huge
end

if number == "" then
  local waits = max_active and redis.call("ZCARD", keys.pending) + redis.call("ZCARD", keys.limited) > 0
  local made_room = waits and outcomes ~= "" and room() > 0
  if freed or made_room then signal() end
  return answer(-1, false, false, 0)
end
now = now or clock(args.now)

local function head(index)
  local first = redis.call("ZRANGE", index, 0, 0, "WITHSCORES")
  return first[2] and tonumber(first[2]) or math.huge
end

local rescued, buried
local expires = head(keys.active)
if expires <= now then
  rescued, buried = rarely().rescue(100, now)
  expires = head(keys.active)
end
local due = math.min(head(keys.scheduled), head(keys.retry))
if due <= now then
  rarely().promote(1000, now)
  due = math.min(head(keys.scheduled), head(keys.retry))
end

local paused = meta[2] == "1"
local limits = redis.call("HLEN", keys.limits) > 0 and rarely().read_limits() or nil

-- Lengths with commas between; those of ids, which are mostly alike, are one number then.
local function lengths_of(texts, may_be_one)
  -- many have the same length, and writing out a number takes longer than looking it up
  local lengths, written = {}, {}
  local first = #texts[1]
  for i = 1, #texts do
    local length = #texts[i]
    may_be_one = may_be_one and length == first
    local text = written[length]
    if not text then
      text = exact(length)
      written[length] = text
    end
    lengths[i] = text
  end
  return may_be_one and lengths[1] or table.concat(lengths, ",")
end

local function hand_out(ids, records)
  if #ids == 0 then return end
  ids_text, handed_out = table.concat(ids, ","), records
  sizes = lengths_of(ids, true) .. ";" .. lengths_of(records, false)
end

-- What one claim hands out at most, in bytes of records: a reply that takes longer than its caller waits would be asked
-- for again and again, until the jobs had died of leases that nobody knew of. The first job is always handed out.
local claim_bytes = 4194304

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

-- Takes jobs in their order, and leaves what would be too much at once. Answers ids, records, and whether more are left.
local function take(most)
  -- one more than may be taken tells whether there are more
  local ids = redis.call("ZRANGE", keys.pending, 0, most)
  if #ids == 0 then return ids, ids, false end
  local more = #ids > most
  if more then ids[#ids] = nil end
  local found, records = #ids, read_fields(keys.jobs, ids)
  local last = bound(ids, records)
  redis.call("ZREMRANGEBYRANK", keys.pending, 0, last - 1)
  return ids, records, more or last < found
end

-- Faster than any server hands out jobs, and far from the 53 bits that a number holds.
local tokens_per_milli = 1024

-- Below this many jobs, asking whether any was attempted before costs more than reading their runs.
local few = 4

-- Answers the first token, and whether visible jobs are left; absent when that is not known.
local function claim()
  local most = math.min(limit, room())
  if paused or most < 1 then return 0 end
  local ids, records, more
  if limits then
    ids, records = rarely().take_limited(limits, most, now, bound)
  else
    ids, records, more = take(most)
  end
  if #ids == 0 then return 0, more end

  -- every run is of an active job: none of these was ever attempted
  local are_new = #ids > few and redis.call("HLEN", keys.runs) == redis.call("ZCARD", keys.active)
  local texts = are_new and {} or read_fields(keys.runs, ids)
  for i = 1, #ids do
    if records[i] and (byte(records[i], 1) or 0) >= 50 then
      ids, records, texts = rarely().drop_expired(ids, records, texts, limits)
      break
    end
  end
  -- Never below the clock: a server that lost its last second must not hand out the tokens of that second again.
  local token = math.max(tonumber(meta[3]) or 0, now * tokens_per_milli)
  local first = token + 1
  local runs, leases = {}, {}
  local rest = "," .. exact(now) .. ",,," .. worker
  -- one call for each job, instead of three that each make a text
  local first_attempt = "a%d,0,1,0,0" .. string.gsub(rest, "%%", "%%%%")
  local until_when = exact(now + lease)
  local held = 0
  for i = 1, #ids do
    local id, record, text = ids[i], records[i], texts[i]
    token = token + 1
    local run, progress
    if record then
      if not text and byte(record, 1) == 48 and byte(record, 2) == 44 then
        run = format(first_attempt, token)
      else
        run, progress = rarely().run_of(id, record, text, token, rest)
        if progress and progress ~= "1,0,0" then
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
      -- an index entry without a record of this make: nothing to run, and nobody else shall meet it
      count(keys.meta, "vanished", 1)
      records[i] = ""
    end
  end
  redis.call("HSET", keys.meta, "token", exact(token), "claimed", exact((tonumber(meta[4]) or 0) + held / 2))
  spread("HSET", keys.runs, runs)
  spread("ZADD", keys.active, leases)
  hand_out(ids, records)
  return first, more
end

-- A worker is listed when it claims, but not more than once in this time.
local listed_millis = 1000

local first_token, more = 0, nil
local remembered = redis.call("HGET", keys.claims, worker)
local last, last_first, listed, ids_at
if remembered then
  last, last_first, listed, ids_at = string.match(remembered, "^(%d+),(%d+),(%d+),()")
end
if last and tonumber(number) < tonumber(last) then
  -- an old request that arrives late: its answer goes nowhere
elseif last == number then
  first_token = tonumber(last_first)
  rarely().repeat_claim(first_token, string.sub(remembered, ids_at), hand_out, later_attempts)
else
  first_token, more = claim()
  if not listed or math.abs(now - tonumber(listed)) >= listed_millis then
    listed = exact(now)
    redis.call("ZADD", keys.workers, listed, worker)
  end
  redis.call("HSET", keys.claims, worker, number .. "," .. exact(first_token) .. "," .. listed .. "," .. ids_text)
end

local next_token = math.huge
if limits then
  local limited_more
  limited_more, next_token = rarely().look_ahead(limits, now)
  more = limited_more or redis.call("ZCARD", keys.pending) > 0
elseif more == nil then
  more = redis.call("ZCARD", keys.pending) > 0
end
more = more and not paused and room() > 0
if more then signal() end
local next_change = math.min(expires, due, next_token)
return answer(
  next_change < math.huge and math.max(0, next_change - now) or -1, more, paused, first_token, rescued, buried
)
