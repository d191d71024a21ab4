-- Makes due jobs visible, soonest first; answers how many.
local function promote(limit, now)
  local promoted = 0
  for _, index in ipairs({ keys.scheduled, keys.retry }) do
    local due = promoted < limit and redis.call("ZRANGEBYSCORE", index, "-inf", now, "LIMIT", 0, limit - promoted) or {}
    if #due > 0 then
      local entries = {}
      for i, record in ipairs(read_fields(keys.jobs, due)) do
        local sequence, priority = string.match(record or "", "^%d,(%d+),%d+,%d*,(-?%d+),")
        if priority then
          entries[#entries + 1] = tonumber(priority) * 1099511627776 + tonumber(sequence)
          entries[#entries + 1] = due[i]
        else
          count(keys.meta, "vanished", 1)
        end
      end
      spread("ZREM", index, due)
      spread("ZADD", keys.pending, entries)
      promoted = promoted + #due
    end
  end
  return promoted
end
