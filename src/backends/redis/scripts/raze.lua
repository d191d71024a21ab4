#!lua flags=allow-oom
-- Removes all that is stored of a queue that holds nothing.
-- KEYS jobs       hash: id -> record
-- KEYS runs       hash: id -> run
-- KEYS pending    zset: id by priority and sequence
-- KEYS limited    zset: rate-limited jobs by kind and place
-- KEYS limits     hash: kind -> rate limit
-- KEYS buckets    hash: kind -> tokens
-- KEYS scheduled  zset: id by due time, epoch ms
-- KEYS retry      zset: id by due time, epoch ms
-- KEYS active     zset: id by lease expiry, epoch ms
-- KEYS completed  zset: id by end of retention, epoch ms
-- KEYS cancelled  zset: id by end of retention, epoch ms
-- KEYS dead       zset: id by time of death, epoch ms
-- KEYS ledger     hash: id -> failures, a line each
-- KEYS result     hash: id -> encoded success or failure
-- KEYS cancels    hash: id -> why its holder is asked to stop, a JSON string
-- KEYS progress   hash: id -> encoded progress
-- KEYS logs       hash: id -> log lines
-- KEYS watchers   hash: id -> who wants to know of its end
-- KEYS unique     hash: unique key -> id of the holder
-- KEYS windows    zset: unique key by when it is free again, epoch ms
-- KEYS meta       hash: counters
-- KEYS claims     hash: worker -> its last claim
-- KEYS workers    zset: worker by when it was last seen, epoch ms
-- KEYS about      hash: worker -> what it says of itself
-- KEYS requests   hash: producer -> requests that may be sent again
-- KEYS producers  zset: producer by when it was last seen, epoch ms
-- KEYS outbox     zset: member of a workflow by when its ending is handed out next, epoch ms
-- KEYS endings    hash: id -> sequence, place in its workflow, LF how it ended
-- KEYS members    zset: member of a workflow by when it ended, epoch ms
-- KEYS schedules  hash: name -> schedule
-- KEYS ticks      zset: schedule by its next tick, epoch ms
-- KEYS wake       zset: the wake-up marker
-- ARGV now        epoch ms; "" in production: the server's clock decides
-- REPLY number    1 when it is gone; 0 when it may not go yet, and nothing was done
-- include lib/time
-- include lib/values
-- include lib/record
-- include lib/moves
-- include lib/claiming
local now = clock(args.now)
local holds = redis.call("EXISTS", keys.pending, keys.limited, keys.scheduled, keys.retry, keys.active, keys.completed)
  + redis.call("EXISTS", keys.cancelled, keys.dead, keys.schedules, keys.outbox, keys.endings)
-- for as long as a workflow may enqueue a member again, its queue has to know that it has ended
local remembered = redis.call("ZCOUNT", keys.members, "(" .. exact(now - member_known), "+inf")
-- tokens begin with the clock, so those of the queue that follows are larger once the clock has passed the last one
local is_behind = tonumber(redis.call("HGET", keys.meta, "token") or 0) >= now * tokens_per_milli
if holds + remembered > 0 or is_behind then return 0 end
redis.call("DEL", keys.jobs, keys.runs, keys.pending, keys.limited, keys.limits, keys.buckets, keys.scheduled, keys.retry)
redis.call("DEL", keys.active, keys.completed, keys.cancelled, keys.dead, keys.ledger, keys.result, keys.cancels, keys.progress)
redis.call("DEL", keys.logs, keys.watchers, keys.unique, keys.windows, keys.meta, keys.claims, keys.workers, keys.about)
redis.call("DEL", keys.requests, keys.producers, keys.outbox, keys.endings, keys.members, keys.schedules, keys.ticks, keys.wake)
return 1
