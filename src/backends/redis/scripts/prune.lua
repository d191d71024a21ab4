#!lua flags=allow-oom
-- Removes records whose time is over, and what claims of vanished workers left behind.
-- KEYS jobs          hash: id -> record
-- KEYS runs          hash: id -> run
-- KEYS completed     zset: id by end of retention, epoch ms
-- KEYS cancelled     zset: id by end of retention, epoch ms
-- KEYS dead          zset: id by time of death, epoch ms
-- KEYS ledger        hash: id -> failures, a line each
-- KEYS result        hash: id -> encoded success or failure
-- KEYS progress      hash: id -> encoded progress
-- KEYS logs          hash: id -> log lines
-- KEYS unique        hash: unique key -> id of the holder
-- KEYS windows       zset: unique key by when it is free again, epoch ms
-- KEYS meta          hash: counters
-- KEYS claims        hash: worker -> its last claim
-- KEYS workers       zset: worker by when it was last seen, epoch ms
-- KEYS about         hash: worker -> what it says of itself
-- KEYS requests      hash: producer -> requests that may be sent again
-- KEYS producers     zset: producer by when it was last seen, epoch ms
-- KEYS members       zset: member of a workflow by when it ended, epoch ms
-- ARGV now           epoch ms; "" in production: the server's clock decides
-- ARGV limit         records to remove at most
-- ARGV dead_retain   ms a dead letter is kept
-- ARGV max_dead      dead letters kept at most
-- ARGV max_finished  completed, and cancelled, records kept at most
-- REPLY number    of records removed
-- include lib/time
-- include lib/values
-- include lib/record
-- include lib/moves
local now = clock(args.now)
local left = tonumber(args.limit)
local dead_retain, max_dead, max_finished = tonumber(args.dead_retain), tonumber(args.max_dead), tonumber(args.max_finished)

local removed = 0
local function drop(index, ids)
  for _, id in ipairs(ids) do
    remove(index, id)
  end
  removed = removed + #ids
  left = left - #ids
end
local function drop_until(index, score)
  if left > 0 then drop(index, redis.call("ZRANGEBYSCORE", index, "-inf", score, "LIMIT", 0, left)) end
end
local function drop_beyond(index, kept)
  local surplus = math.min(left, redis.call("ZCARD", index) - kept)
  if surplus > 0 then drop(index, redis.call("ZRANGE", index, 0, surplus - 1)) end
end

drop_until(keys.completed, now)
drop_until(keys.cancelled, now)
drop_until(keys.dead, now - dead_retain)
drop_beyond(keys.completed, max_finished)
drop_beyond(keys.cancelled, max_finished)
drop_beyond(keys.dead, max_dead)
count(keys.meta, "removed", removed)

local over = redis.call("ZRANGEBYSCORE", keys.windows, "-inf", now, "LIMIT", 0, 500)
if #over > 0 then
  redis.call("ZREM", keys.windows, unpack(over))
  redis.call("HDEL", keys.unique, unpack(over))
end

local ended = redis.call("ZRANGEBYSCORE", keys.members, "-inf", now - member_known, "LIMIT", 0, 1000)
if #ended > 0 then redis.call("ZREM", keys.members, unpack(ended)) end

-- A worker unseen for two days cannot come back with a claim, since leases last a day at most; nor can a producer with
-- a request that was sent before.
local function forget(seen, ...)
  local silent = redis.call("ZRANGEBYSCORE", seen, "-inf", now - 172800000, "LIMIT", 0, 100)
  if #silent == 0 then return end
  redis.call("ZREM", seen, unpack(silent))
  for _, key in ipairs({ ... }) do redis.call("HDEL", key, unpack(silent)) end
end
forget(keys.workers, keys.claims, keys.about)
forget(keys.producers, keys.requests)
return removed
