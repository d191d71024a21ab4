-- A schedule is a record in the hash `schedules`, and its next tick, unless it is paused, in the zset `ticks`:
--
--   schedules[name]  <version>,<next>,<paused>,<runs>,<skipped>,<lastTick>,<lastJob>,<triggeredJob> LF definition
--
-- What is absent is empty. The definition is the clients' own and is never looked into.

local function read_schedule(name)
  local text = redis.call("HGET", keys.schedules, name)
  if not text then return nil end
  local version, next_tick, paused, runs, skipped, tick, job, triggered, definition =
    string.match(text, "^(%d+),(%d*),([01]),(%d+),(%d+),(%d*),([^,\n]*),([^,\n]*)\n(.*)$")
  -- not of this make: as if there was none
  if not definition then return nil end
  return {
    version = version, next = next_tick, paused = paused, runs = tonumber(runs), skipped = tonumber(skipped), tick = tick,
    job = job, triggered = triggered, definition = definition
  }
end

local function write_schedule(name, entry)
  redis.call("HSET", keys.schedules, name, table.concat({
    entry.version, entry.next, entry.paused, exact(entry.runs), exact(entry.skipped), entry.tick, entry.job, entry.triggered
  }, ",") .. "\n" .. entry.definition)
  if entry.next == "" then
    redis.call("ZREM", keys.ticks, name)
  else
    redis.call("ZADD", keys.ticks, entry.next, name)
  end
end
