-- Takes back jobs whose lease is over; answers the ids put back and the ids buried.
local function rescue(keys, limit, now)
  local rescued, buried = {}, {}
  local expired = redis.call("ZRANGEBYSCORE", keys.active, "-inf", now, "LIMIT", 0, limit)
  for _, id in ipairs(expired) do
    local text = redis.call("HGET", keys.runs, id)
    if text then
      local run = parse_run(text)
      run.token = "0"
      run.rescues = run.rescues + 1
      write_failure(keys, id, run, "crashed", now, '"the lease expired"')
      if run.attempt >= run.max_attempts then
        bury(keys, id, run, "crashed", now)
        buried[#buried + 1] = id
      else
        leave_active(keys, keys.pending, run.score, id, run)
        rescued[#rescued + 1] = id
      end
    else
      -- an index entry without a record was made by something else than these scripts
      redis.call("ZREM", keys.active, id)
      count(keys.meta, "vanished", 1)
    end
  end
  count(keys.meta, "rescued", #rescued + #buried)
  return rescued, buried
end
