#!lua
-- Reads the schedules whose next tick has come, soonest first.
-- KEYS schedules  hash: name -> schedule
-- KEYS ticks      zset: schedule by its next tick, epoch ms
-- ARGV now        epoch ms; "" in production: the server's clock decides
-- ARGV limit      schedules to read at most
-- REPLY list      now, the first tick of all ("" when there is none), then per schedule: name, record
-- include lib/time
-- include lib/values
-- include lib/record
local now = clock(args.now)
local first = redis.call("ZRANGE", keys.ticks, 0, 0, "WITHSCORES")[2]
local reply = { exact(now), first or "" }
local due = redis.call("ZRANGEBYSCORE", keys.ticks, "-inf", exact(now), "LIMIT", 0, tonumber(args.limit))
for i, record in ipairs(#due > 0 and read_fields(keys.schedules, due) or {}) do
  if record then
    reply[#reply + 1] = due[i]
    reply[#reply + 1] = record
  else
    -- deleted by something else than these scripts
    redis.call("ZREM", keys.ticks, due[i])
  end
end
return reply
