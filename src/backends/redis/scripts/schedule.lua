#!lua
-- Adds a schedule or replaces its definition; what it has counted stays.
-- KEYS meta        hash: counters
-- KEYS schedules   hash: name -> schedule
-- KEYS ticks       zset: schedule by its next tick, epoch ms
-- ARGV name        of the schedule
-- ARGV version     that is replaced; "" when there must be none
-- ARGV paused      1, 0, or "" to leave it as it is
-- ARGV next        the next tick, epoch ms; "none", or "keep" to leave it as it is
-- ARGV definition  text
-- REPLY 1          done
-- REPLY 0          there is another version, and nothing was done
-- include lib/time
-- include lib/schedule
local name, paused, next_tick = args.name, args.paused, args.next
local entry = read_schedule(name)
if (entry and entry.version or "") ~= args.version then return 0 end
entry = entry or { next = "", paused = "0", runs = 0, skipped = 0, tick = "", job = "", triggered = "" }
entry.version = exact(redis.call("HINCRBY", keys.meta, "schedule_version", 1))
entry.definition = args.definition
if paused ~= "" then entry.paused = paused end
if next_tick ~= "keep" then entry.next = next_tick == "none" and "" or next_tick end
write_schedule(name, entry)
return 1
