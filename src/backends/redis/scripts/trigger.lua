#!lua
-- Stores a job of a schedule besides its ticks. Its next tick stays.
-- KEYS jobs       hash: id -> record
-- KEYS runs       hash: id -> run
-- KEYS pending    zset: id by priority and sequence
-- KEYS limited    zset: rate-limited jobs by kind and place
-- KEYS limits     hash: kind -> rate limit
-- KEYS scheduled  zset: id by due time, epoch ms
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
-- ARGV ...job     its id and the two values of enqueue.lua
-- REPLY 1         stored, now or by an earlier call with the same id
-- REPLY 0         the schedule is not there, or has changed
-- include lib/time
-- include lib/values
-- include lib/record
-- include lib/signal
-- include lib/limits
-- include lib/store
-- include lib/schedule
local now = clock(args.now)
local entry = read_schedule(args.name)
if not entry or entry.version ~= args.version then return 0 end
if entry.triggered ~= ARGV[4] then
  store_jobs(now, ARGV, 4, false)
  entry.triggered = ARGV[4]
  write_schedule(args.name, entry)
end
return 1
