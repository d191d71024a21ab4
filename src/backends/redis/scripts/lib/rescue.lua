-- Takes back jobs whose lease is over; answers the ids put back and the ids buried.
local function rescue(limit, now)
  local rescued, buried, taken = {}, {}, 0
  local expired = redis.call("ZRANGEBYSCORE", keys.active, "-inf", now, "LIMIT", 0, limit)
  for _, id in ipairs(expired) do
    local text = redis.call("HGET", keys.runs, id)
    local run = text and parse_run(id, text)
    if run then
      run.token = "0"
      run.rescues = run.rescues + 1
      write_failure(id, run, "crashed", now, crash)
      taken = taken + 1
      local stop = redis.call("HGET", keys.cancels, id)
      if stop then
        cancel_now(keys.active, id, run, "cancelled", stop, now)
      elseif run.attempt >= run.max_attempts then
        bury(id, run, "crashed", crash, nil, now)
        buried[#buried + 1] = id
      else
        leave_active(keys.pending, run.score, id, run)
        rescued[#rescued + 1] = id
      end
    else
      -- an index entry without a record was made by something else than these scripts
      redis.call("ZREM", keys.active, id)
      redis.call("HDEL", keys.runs, id)
      count(keys.meta, "vanished", 1)
    end
  end
  count(keys.meta, "rescued", taken)
  return rescued, buried
end
