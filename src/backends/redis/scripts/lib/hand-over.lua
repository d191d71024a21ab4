-- Jobs that go to a worker as they are stored, when the rules of any other claim would give it these and no others: they
-- are alike, no job waits before them, nothing is due, and the claim is new. It falls through otherwise. Looks at what
-- enqueue.lua has found out so far.
-- include lib/claiming
local number, limit, lease, worker = match(args.claim, "^(%d+),(%d+),(%d+),(.*)$")
local first_payload = jobs_at + total + 2
local line = ARGV[first_payload - 1]
local retain = match(line, "^,%-?%d+,%d+,(%d+),[^,]*,\n")
if number and total <= tonumber(limit) and retain then
  local huge = math.huge
  local meta = redis.call("HMGET", keys.meta, "max_active", "paused", "token", "claimed", "sequence", "enqueued")
  local expires, due = huge, huge
  if not is_calm then
    expires = tonumber(redis.call("ZRANGE", keys.active, 0, 0, "WITHSCORES")[2] or huge)
    due = math.min(
      tonumber(redis.call("ZRANGE", keys.scheduled, 0, 0, "WITHSCORES")[2] or huge),
      tonumber(redis.call("ZRANGE", keys.retry, 0, 0, "WITHSCORES")[2] or huge)
    )
  end
  -- a worker that is not known may have left
  local last, listed = match(redis.call("HGET", keys.claims, worker) or "", "^(%d+),%d+,(%d+),")
  local is_new = last and tonumber(number) > tonumber(last)
  local is_free = not meta[1] and meta[2] ~= "1" and expires > now and due > now
  if is_new and is_free and (is_calm or redis.call("ZCARD", keys.pending) == 0) then
    local sequence, token = tonumber(meta[5] or 0), math.max(tonumber(meta[3]) or 0, now * tokens_per_milli)
    local since = "," .. format("%d", now) .. ","
    local flag = retain == "0" and "0" or "1"
    local taken = "," .. flag .. ",1,0,0" .. since .. ",," .. worker
    local until_when = format("%d", now + lease)
    local first_line = match(line, "^[^\n]*")
    local ids, records, runs, leases, bytes = {}, {}, {}, {}, 0
    for i = 1, total do
      local id, place = ARGV[jobs_at + i - 1], format("%d", sequence + i) .. since
      local record = flag .. "," .. place .. line .. ARGV[first_payload + i - 1]
      ids[i] = id
      bytes = bytes + #record
      records[2 * i - 1], records[2 * i] = id, record
      -- the run of one that minds nothing ends with its worker
      local run = "a" .. format("%d", token + i) .. taken
      runs[2 * i - 1], runs[2 * i] = id, flag == "0" and run or run .. "," .. place .. first_line
      leases[2 * i - 1], leases[2 * i] = until_when, id
    end
    if total == 1 or bytes <= claim_bytes then
      local last_place, last_token = format("%d", sequence + total), format("%d", token + total)
      local claims, enqueued = format("%d", tonumber(meta[4] or 0) + total), format("%d", tonumber(meta[6] or 0) + total)
      redis.call("HSET", keys.meta, "sequence", last_place, "token", last_token, "claimed", claims, "enqueued", enqueued)
      redis.call("HSET", keys.jobs, unpack(records))
      redis.call("HSET", keys.runs, unpack(runs))
      redis.call("ZADD", keys.active, unpack(leases))
      if math.abs(now - tonumber(listed)) >= worker_listed_millis then
        listed = format("%d", now)
        redis.call("ZADD", keys.workers, listed, worker)
      end
      local claimed = format("%s,%d,%s,", number, token + 1, listed) .. table.concat(ids, ",")
      redis.call("HSET", keys.claims, worker, claimed)
      local next_change = math.min(expires, due)
      local next_millis = next_change < huge and next_change - now or -1
      return format("%d,%d,%d", next_millis, token + 1, now)
    end
  end
end
