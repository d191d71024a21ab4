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
--
-- Functions are made anew by every call, which takes longer than most of them run. What every call goes through stands
-- here without any therefore, and what few calls need is made by the first that needs it.
local worker, number, limit, lease = args.worker, args.number, tonumber(args.limit), tonumber(args.lease)
local find, byte, format = string.find, string.byte, string.format
-- looked at when it is needed: what only deletes goes without
local now = tonumber(args.now)

-- Redis passes at most 8000 values to a command; more of them than these are split up.
local most_at_once = 3000

-- include lib/claiming

local made
local function rarely()
  if made then return made end
  -- include lib/time
  -- include lib/values
  now = now or clock(args.now)
  -- include lib/record
  -- include lib/moves
  -- include lib/rescue
  -- include lib/promote
  -- include lib/limits
  -- include lib/take
  -- include lib/settle
  -- include lib/claim
  hands_over = true

  made = {
    settle = settle, repeat_claim = repeat_claim, drop_expired = drop_expired, run_of = run_of, tell_ended = tell_ended,
    rescue = rescue, promote = promote, read_limits = read_limits, take_limited = take_limited, look_ahead = look_ahead,
    bound = bound, room = room, waits = waits, head = head, outcomes_of = outcomes_of, lengths_of = lengths_of,
    read_fields = read_fields, spread = spread, count = count, endings = handed_over
  }
  return made
end

-- Settles. Jobs whose completion takes no more than deleting them are ended all together, when all of those that come
-- first are such.
local outcomes, freed, deleted = "", false, false
local max_active
local plain = tonumber(args.plain)
if plain > 0 and plain <= most_at_once then
  local from, to = 8, 7 + plain
  local texts = redis.call("HMGET", keys.runs, unpack(ARGV, from, to))
  deleted = true
  for i = 1, plain do
    local text = texts[i]
    if not text or find(text, ARGV[to + i], 1, true) ~= 1 then
      deleted = false
      break
    end
  end
  if deleted then
    local ended = redis.call("ZREM", keys.active, unpack(ARGV, from, to))
    redis.call("HDEL", keys.runs, unpack(ARGV, from, to))
    redis.call("HDEL", keys.jobs, unpack(ARGV, from, to))
    if redis.call("HLEN", keys.watchers) > 0 then
      for i = from, to do rarely().tell_ended(ARGV[i], "c") end
    end
    local counted = redis.call("HMGET", keys.meta, "completed", "removed", "max_active")
    max_active = counted[3]
    local completed, removed = (tonumber(counted[1]) or 0) + ended, (tonumber(counted[2]) or 0) + ended
    redis.call("HSET", keys.meta, "completed", format("%d", completed), "removed", format("%d", removed))
    outcomes = ended == plain and string.rep("k", plain) or rarely().outcomes_of(from, to)
  end
end
if (plain > 0 and not deleted) or #ARGV > 7 + 2 * plain then
  local others
  others, freed = rarely().settle(plain, deleted)
  outcomes = outcomes .. others
end

if number == "" then
  if not deleted then max_active = redis.call("HGET", keys.meta, "max_active") end
  local makes_room = max_active and outcomes ~= "" and rarely().waits() and rarely().room(tonumber(max_active)) > 0
  if freed or makes_room then redis.call("ZADD", keys.wake, 0, "1") end
  local text = outcomes .. ",-1,0,0,0"
  local endings = made and made.endings or {}
  return #endings > 0 and { text, {}, {}, endings, {} } or text
end

-- Claims. First, what time has brought.
local huge, min = math.huge, math.min
if not now then
  local time = redis.call("TIME")
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
local meta = redis.call("HMGET", keys.meta, "max_active", "paused", "token", "claimed")
local paused = meta[2] == "1"
max_active = tonumber(meta[1] or nil)
local expires = tonumber(redis.call("ZRANGE", keys.active, 0, 0, "WITHSCORES")[2] or huge)
local rescued, buried
if expires <= now then
  rescued, buried = rarely().rescue(100, now)
  expires = rarely().head(keys.active)
end
local due = min(
  tonumber(redis.call("ZRANGE", keys.scheduled, 0, 0, "WITHSCORES")[2] or huge),
  tonumber(redis.call("ZRANGE", keys.retry, 0, 0, "WITHSCORES")[2] or huge)
)
if due <= now then
  rarely().promote(1000, now)
  due = min(rarely().head(keys.scheduled), rarely().head(keys.retry))
end
local limits = redis.call("HLEN", keys.limits) > 0 and rarely().read_limits() or nil

-- Below this many jobs, asking whether any was attempted before costs more than reading their runs.
local few = 4

-- `more`: whether visible jobs are left; absent when that is not known.
local ids, records, first_token, more, later_attempts
local remembered = redis.call("HGET", keys.claims, worker)
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
    -- one more than may be taken tells whether there are more
    ids = redis.call("ZRANGE", keys.pending, 0, most)
    local found = #ids
    more = found > most
    if more then
      ids[found] = nil
      found = most
    end
    if found > 0 then
      records = found <= most_at_once and redis.call("HMGET", keys.jobs, unpack(ids)) or rarely().read_fields(keys.jobs, ids)
      local bytes = 0
      for i = 1, found do bytes = bytes + (records[i] and #records[i] or 0) end
      if bytes > claim_bytes then
        local fitting = rarely().bound(ids, records)
        more = more or fitting < found
        found = fitting
      end
      redis.call("ZREMRANGEBYRANK", keys.pending, 0, found - 1)
    end
  end
  if #ids > 0 then
    -- every run is of an active job: none of these was ever attempted
    local are_new = #ids > few and redis.call("HLEN", keys.runs) == redis.call("ZCARD", keys.active)
    local texts
    if not are_new then
      texts = #ids <= most_at_once and redis.call("HMGET", keys.runs, unpack(ids)) or rarely().read_fields(keys.runs, ids)
    end
    for i = 1, #ids do
      if records[i] and (byte(records[i], 1) or 0) >= 50 then
        ids, records, texts = rarely().drop_expired(ids, records, texts or {}, limits)
        break
      end
    end
    -- Never below the clock: a server that lost its last second must not hand out the tokens of that second again.
    local token = math.max(tonumber(meta[3]) or 0, now * tokens_per_milli)
    first_token = token + 1
    local runs, leases = {}, {}
    local rest = "," .. format("%d", now) .. ",,," .. worker
    -- one call for each job, instead of three that each make a text
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
        -- an index entry without a record of this make: nothing to run, and nobody else shall meet it
        rarely().count(keys.meta, "vanished", 1)
        records[i] = ""
      end
    end
    local claimed = (tonumber(meta[4]) or 0) + held / 2
    redis.call("HSET", keys.meta, "token", format("%d", token), "claimed", format("%d", claimed))
    if held > 2 * most_at_once then
      rarely().spread("HSET", keys.runs, runs)
      rarely().spread("ZADD", keys.active, leases)
    elseif held > 0 then
      redis.call("HSET", keys.runs, unpack(runs))
      redis.call("ZADD", keys.active, unpack(leases))
    end
  end
elseif last == number then
  first_token = tonumber(last_first)
  ids, records, later_attempts = rarely().repeat_claim(first_token, string.sub(remembered, ids_at))
else
  -- an old request that arrives late: its answer goes nowhere
  ids = {}
end
first_token = first_token or 0

local ids_text, sizes = "", ""
if #ids > 0 then
  ids_text = table.concat(ids, ",")
  -- many records have the same length, and writing out a number takes longer than looking it up
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
    redis.call("ZADD", keys.workers, listed, worker)
  end
  redis.call("HSET", keys.claims, worker, format("%s,%d,%s,", number, first_token, listed) .. ids_text)
end

local next_token = huge
if limits then
  more, next_token = rarely().look_ahead(limits, now)
elseif more == nil then
  more = redis.call("ZCARD", keys.pending) > 0
end
more = more and not paused and (not max_active or rarely().room(max_active) > 0)
if more then redis.call("ZADD", keys.wake, 0, "1") end

local next_change = min(expires, due, next_token)
local next_millis = next_change < huge and math.max(0, next_change - now) or -1
local text = format("%s,%d,%d,%d,%d", outcomes, next_millis, more and 1 or 0, paused and 1 or 0, first_token)
if #ids > 0 then
  records[0] = text .. "\n" .. sizes .. "\n" .. ids_text
  text = table.concat(records, "", 0)
end
local endings = made and made.endings or {}
later_attempts = later_attempts or {}
if rescued or #later_attempts > 0 or #endings > 0 then
  return { text, rescued or {}, buried or {}, endings, later_attempts }
end
return text
