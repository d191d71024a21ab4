#!lua
-- Makes jobs that wait for their time visible at once, each in its old place.
-- KEYS jobs       hash: id -> record
-- KEYS pending    zset: id by priority and sequence
-- KEYS scheduled  zset: id by due time, epoch ms
-- KEYS retry      zset: id by due time, epoch ms
-- KEYS wake       zset: the wake-up marker
-- ARGV now        epoch ms; "" in production: the server's clock decides
-- ARGV ...ids     the jobs
-- REPLY list      of the ids that were moved
-- include lib/time
-- include lib/values
-- include lib/record
-- include lib/limits
-- include lib/signal
local now, moved = clock(args.now), {}
for i = 2, #ARGV do
  local id = ARGV[i]
  -- a record that is not of this make stays where it is
  local record = redis.call("HGET", keys.jobs, id) or ""
  local kind, score = kind_and_score(record)
  if kind and redis.call("ZREM", keys.scheduled, id) + redis.call("ZREM", keys.retry, id) > 0 then
    redis.call("HSET", keys.jobs, id, due_at(record, now))
    redis.call("ZADD", keys.pending, exact(score), id)
    moved[#moved + 1] = id
  end
end
if #moved > 0 then signal() end
return moved
