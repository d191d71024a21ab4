#!lua
-- Carries out a schedule's tick: stores its job, counts it and moves on to the next tick, all or nothing. One that was
-- carried out before changes nothing, since the schedule expects another tick then.
-- KEYS jobs       hash: id -> record
-- KEYS runs       hash: id -> run
-- KEYS pending    zset: id by priority and sequence
-- KEYS limited    zset: rate-limited jobs by kind and place
-- KEYS limits     hash: kind -> rate limit
-- KEYS scheduled  zset: id by due time, epoch ms
-- KEYS completed  zset: id by end of retention, epoch ms
-- KEYS cancelled  zset: id by end of retention, epoch ms
-- KEYS dead       zset: id by time of death, epoch ms
-- KEYS unique     hash: unique key -> id of the holder
-- KEYS windows    zset: unique key by when it is free again, epoch ms
-- KEYS meta       hash: counters
-- KEYS schedules  hash: name -> schedule
-- KEYS ticks      zset: schedule by its next tick, epoch ms
-- KEYS members    zset: member of a workflow by when it ended, epoch ms
-- KEYS wake       zset: the wake-up marker
-- ARGV now        epoch ms; "" in production: the server's clock decides
-- ARGV name       the schedule
-- ARGV version    it must have
-- ARGV expected   the tick it must be waiting for, epoch ms
-- ARGV next       the tick that comes after, epoch ms; "" for none
-- ARGV skipped    ticks passed over
-- ARGV overlap    "skip" when an earlier job that has not ended keeps this one from being stored
-- ARGV tick       the tick that stores a job, epoch ms; "" when all are skipped
-- ARGV ...job     its id and the two values of enqueue.lua; nothing when all are skipped
-- REPLY word      fired · skipped · overlap · moved
-- include lib/time
-- include lib/values
-- include lib/record
-- include lib/signal
-- include lib/limits
-- include lib/store
-- include lib/schedule
local now = clock(args.now)
local name = args.name
local entry = read_schedule(name)
if not entry or entry.version ~= args.version or entry.next ~= args.expected or tonumber(args.expected) > now then return "moved" end

local function has_not_ended(id)
  if id == "" or redis.call("HEXISTS", keys.jobs, id) == 0 then return false end
  for _, index in ipairs({ keys.completed, keys.cancelled, keys.dead }) do
    if redis.call("ZSCORE", index, id) then return false end
  end
  return true
end

local outcome = "skipped"
entry.skipped = entry.skipped + tonumber(args.skipped)
if args.tick ~= "" then
  if args.overlap == "skip" and (has_not_ended(entry.job) or has_not_ended(entry.triggered)) then
    outcome = "overlap"
    entry.skipped = entry.skipped + 1
  else
    outcome = "fired"
    store_jobs(now, ARGV, 9, false)
    entry.runs = entry.runs + 1
    entry.tick = args.tick
    entry.job = ARGV[9]
  end
end
entry.next = args.next
write_schedule(name, entry)
return outcome
