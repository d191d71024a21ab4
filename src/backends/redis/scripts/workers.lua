#!lua flags=no-writes
-- Reads the workers seen last.
-- KEYS workers    zset: worker by when it was last seen, epoch ms
-- KEYS about      hash: worker -> what it says of itself
-- ARGV most       workers
-- REPLY list      flat: worker, when it was last seen, what it says of itself
local seen = redis.call("ZRANGE", keys.workers, 0, tonumber(args.most) - 1, "REV", "WITHSCORES")
local reply = {}
for i = 1, #seen, 2 do
  reply[#reply + 1] = seen[i]
  reply[#reply + 1] = seen[i + 1]
  reply[#reply + 1] = redis.call("HGET", keys.about, seen[i]) or ""
end
return reply
