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
-- REPLY list      outcomes (a letter each: k settled, d died, x cancelled, r repeated, s stale, g gone), next in ms or -1, more (0, 1), paused (0, 1),
--                 rescued ids, buried ids, first token, endings of members (flat: id, text); of claimed jobs the
--                 lengths of their ids and records in turn (bytes, with commas between; 0 for a record that is not there),
--                 all ids, and all records, since a reply of few values is read several times faster; and of those that
--                 are no first attempts: position from 1, "attempt,rescues,snoozes" or, for a claim that is repeated,
--                 "attempt,rescues,snoozes,token"
-- include lib/time
-- include lib/record
-- include lib/moves
-- include lib/rescue
-- include lib/promote
-- include lib/signal
-- include lib/limits
-- include lib/take
local keys = {
  jobs = KEYS[1], runs = KEYS[2], pending = KEYS[3], limited = KEYS[4], limits = KEYS[5], buckets = KEYS[6],
  scheduled = KEYS[7], retry = KEYS[8], active = KEYS[9], completed = KEYS[10], cancelled = KEYS[11],
  dead = KEYS[12], ledger = KEYS[13], result = KEYS[14], cancels = KEYS[15], progress = KEYS[16], logs = KEYS[17],
  watchers = KEYS[18], unique = KEYS[19], meta = KEYS[20], claims = KEYS[21], workers = KEYS[22],
  outbox = KEYS[23], endings = KEYS[24], members = KEYS[25], wake = KEYS[26], notices = ARGV[2]
}
hands_over = true
local now = clock(ARGV[1])
local worker, number, limit, lease = ARGV[3], ARGV[4], tonumber(ARGV[5]), tonumber(ARGV[6])

local sub, find, byte, format = string.sub, string.find, string.byte, string.format
local arguments = { c = 0, C = 1, r = 3, b = 3, x = 1, s = 1, l = 1 }
local freed = false

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
    for i = from, to do tell_ended(keys, ARGV[i], "c") end
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

local function settle()
  local plain = tonumber(ARGV[7])
  local deleted = plain > 0 and delete_all(plain)
  local ops, ids, tokens = {}, {}, {}
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
  if #ops == 0 then return deleted or "" end

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
      run = parse_run(keys, id, text)
      -- not of this make: nothing can be settled, and the lease goes as others do
      if not run then is_held, text = false, false end
    end
    if is_held then
      if op == "c" and byte(text, #held + 1) == 48 then
        done[#done + 1] = id
        touched[id] = false
        if watched then tell_ended(keys, id, "c") end
      else
        local stop = (op == "r" or op == "s" or op == "l") and redis.call("HGET", keys.cancels, id)
        if stop then
          cancel_now(keys, keys.active, id, run, "cancelled", stop, now)
          outcome = "x"
        elseif op == "c" then
          finish(keys, keys.active, "completed", id, run, now, "c")
        elseif op == "C" then
          finish(keys, keys.active, "completed", id, run, now, "C" .. first, first)
        elseif op == "r" then
          if run.attempt >= run.max_attempts then
            write_failure(keys, id, run, "dead", now, second)
            bury(keys, id, run, "exhausted", second, third ~= "" and third or nil, now)
            outcome = "d"
          else
            write_failure(keys, id, run, "retry", now, second)
            leave_active(keys, keys.retry, now + tonumber(first), id, run)
            count(keys.meta, "retried", 1)
          end
        elseif op == "b" then
          write_failure(keys, id, run, "dead", now, second)
          bury(keys, id, run, first, second, third ~= "" and third or nil, now)
        elseif op == "x" then
          cancel_now(keys, keys.active, id, run, "cancelled", first, now)
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
  return (deleted or "") .. table.concat(outcomes)
end

local outcomes = settle()
local max_active = redis.call("HGET", keys.meta, "max_active")

-- How many more jobs may be active.
local function room()
  return max_active and math.max(0, tonumber(max_active) - redis.call("ZCARD", keys.active)) or math.huge
end

if number == "" then
  local waits = max_active and redis.call("ZCARD", keys.pending) + redis.call("ZCARD", keys.limited) > 0
  local made_room = waits and outcomes ~= "" and room() > 0
  if freed or made_room then signal(keys) end
  return { outcomes, -1, 0, 0, {}, {}, 0, handed_over, "", "", "", {} }
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
local later_attempts = {}
local reply = { outcomes, -1, 0, paused and 1 or 0, rescued, buried, 0, handed_over, "", "", "", later_attempts }

local function hand_out(ids, records)
  if #ids == 0 then return end
  -- many have the same length, and writing out a number takes longer than looking it up
  local lengths, written = {}, {}
  local function write(at, length)
    local text = written[length]
    if not text then
      text = exact(length)
      written[length] = text
    end
    lengths[at] = text
  end
  for i = 1, #ids do
    write(2 * i - 1, #ids[i])
    write(2 * i, #records[i])
  end
  reply[9], reply[10], reply[11] = table.concat(lengths, ","), table.concat(ids), table.concat(records)
end

-- The reply to this worker's last claim was lost: the same jobs again, as far as it still holds them.
local function repeat_claim(first, ids)
  local position, claimed, handed = 0, {}, {}
  for id in string.gmatch(ids, "[^,]+") do
    local text = redis.call("HGET", keys.runs, id)
    local token = exact(first + position)
    if text and string.sub(text, 1, #token + 2) == "a" .. token .. "," then
      local run = parse_run(keys, id, text)
      if run then
        local n = #claimed + 1
        claimed[n], handed[n] = id, redis.call("HGET", keys.jobs, id) or ""
        later_attempts[2 * n - 1] = n
        later_attempts[2 * n] = run.attempt .. "," .. run.rescues .. "," .. run.snoozes .. "," .. token
      end
    end
    position = position + 1
  end
  hand_out(claimed, handed)
end

local limits = redis.call("HLEN", keys.limits) > 0 and read_limits(keys) or nil

-- Frees keys that are held until the start. Ends jobs that no attempt has started in time; answers the others.
local function drop_expired(ids, records, texts)
  local expired = {}
  for i = 1, #ids do
    if records[i] and (byte(records[i], 1) or 0) >= 50 then
      local run = texts[i] and parse_run(keys, ids[i], texts[i]) or new_run(records[i])
      if run and run.held == "s" then free_key(keys, ids[i], run) end
      if run and run.expires and run.expires <= now then
        cancel_now(keys, keys.pending, ids[i], run, "expired", '"no attempt had started in time"', now)
        expired[i] = true
        if limits then give_back_token(keys, limits, run.kind, now) end
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

-- What one claim hands out at most, in bytes of records: a reply that takes longer than its caller waits would be asked
-- for again and again, until the jobs had died of leases that nobody knew of. The first job is always handed out.
local claim_bytes = 4194304

-- Takes jobs in their order, and leaves what would be too much at once.
local function take(most)
  local ids = redis.call("ZRANGE", keys.pending, 0, most - 1)
  if #ids == 0 then return ids end
  local records = read_fields(keys.jobs, ids)
  local bytes, last = 0, #ids
  for i = 1, #ids do
    bytes = bytes + (records[i] and #records[i] or 0)
    if bytes > claim_bytes and i > 1 then
      last = i - 1
      break
    end
  end
  for i = #ids, last + 1, -1 do ids[i], records[i] = nil, nil end
  redis.call("ZREMRANGEBYRANK", keys.pending, 0, last - 1)
  return ids, records
end

-- Faster than any server hands out jobs, and far from the 53 bits that a number holds.
local tokens_per_milli = 1024

local function claim()
  local most = math.min(limit, room())
  local ids, records = {}, nil
  if not paused and most >= 1 then
    if limits then
      ids = take_limited(keys, limits, most, now)
    else
      ids, records = take(most)
    end
  end
  if #ids == 0 then return ids, 0 end

  records = records or read_fields(keys.jobs, ids)
  -- every run is of an active job: none of these was ever attempted
  local are_new = redis.call("HLEN", keys.runs) == redis.call("ZCARD", keys.active)
  local texts = are_new and {} or read_fields(keys.runs, ids)
  ids, records, texts = drop_expired(ids, records, texts)
  -- Never below the clock: a server that lost its last second must not hand out the tokens of that second again.
  local token = math.max(tonumber(redis.call("HGET", keys.meta, "token") or "0"), now * tokens_per_milli)
  redis.call("HSET", keys.meta, "token", exact(token + #ids))
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
    local run
    if not record then
      run = nil
    elseif not text and byte(record, 1) == 48 and byte(record, 2) == 44 then
      run = format(first_attempt, token)
    elseif is_record(record) then
      local old = text and parse_run(keys, id, text) or new_run(record)
      local progress = (old.attempt + 1) .. "," .. old.rescues .. "," .. old.snoozes
      run = "a" .. exact(token) .. "," .. old.flag .. "," .. progress .. rest .. "," .. old.tail
      if progress ~= "1,0,0" then
        later_attempts[#later_attempts + 1] = i
        later_attempts[#later_attempts + 1] = progress
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
  spread("HSET", keys.runs, runs)
  spread("ZADD", keys.active, leases)
  count(keys.meta, "claimed", held / 2)
  if held > 0 then expires = math.min(expires, now + lease) end
  hand_out(ids, records)
  return ids, first
end

local last, first_token, ids_at
local remembered = redis.call("HGET", keys.claims, worker)
if remembered then
  last, first_token, ids_at = string.match(remembered, "^(%d+),(%d+),()")
end
if last and tonumber(number) < tonumber(last) then
  -- an old request that arrives late: its answer goes nowhere
elseif last == number then
  reply[7] = tonumber(first_token)
  repeat_claim(tonumber(first_token), sub(remembered, ids_at))
else
  local ids, first = claim()
  reply[7] = first
  redis.call("HSET", keys.claims, worker, number .. "," .. exact(first) .. "," .. table.concat(ids, ","))
  redis.call("ZADD", keys.workers, exact(now), worker)
end

local limited_more, next_token = false, math.huge
if limits then limited_more, next_token = look_ahead(keys, limits, now) end
local more = not paused and (limited_more or redis.call("ZCARD", keys.pending) > 0) and room() > 0
if more then signal(keys) end
local next_change = math.min(expires, due, next_token)
if next_change < math.huge then reply[2] = math.max(0, next_change - now) end
reply[3] = more and 1 or 0
return reply
