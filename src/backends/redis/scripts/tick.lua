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
local keys = {
  jobs = KEYS[1], runs = KEYS[2], pending = KEYS[3], limited = KEYS[4], limits = KEYS[5], scheduled = KEYS[6],
  completed = KEYS[7], cancelled = KEYS[8], dead = KEYS[9], unique = KEYS[10], windows = KEYS[11],
  meta = KEYS[12], schedules = KEYS[13], ticks = KEYS[14], members = KEYS[15], wake = KEYS[16]
}
local now = clock(ARGV[1])
local name = ARGV[2]
local entry = read_schedule(keys, name)
if not entry or entry.version ~= ARGV[3] or entry.next ~= ARGV[4] or tonumber(ARGV[4]) > now then return "moved" end

local function has_not_ended(id)
  if id == "" or redis.call("HEXISTS", keys.jobs, id) == 0 then return false end
  for _, index in ipairs({ keys.completed, keys.cancelled, keys.dead }) do
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
    store_jobs(keys, now, ARGV, 9, false)
    entry.runs = entry.runs + 1
    entry.tick = ARGV[8]
    entry.job = ARGV[9]
  end
end
entry.next = ARGV[5]
write_schedule(keys, name, entry)
return outcome
