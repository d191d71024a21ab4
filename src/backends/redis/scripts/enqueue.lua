#!lua
-- Stores jobs in order. One that exists, or whose unique key is held, is left out and reported, or takes the place of
-- the holder.
-- KEYS jobs       hash: id -> record
-- KEYS runs       hash: id -> run
-- KEYS pending    zset: id by priority and sequence
-- KEYS limited    zset: rate-limited jobs by kind and place
-- KEYS limits     hash: kind -> rate limit
-- KEYS scheduled  zset: id by due time, epoch ms
-- KEYS unique     hash: unique key -> id of the holder
-- KEYS windows    zset: unique key by when it is free again, epoch ms
-- KEYS meta       hash: counters
-- KEYS requests   hash: producer -> "<oldest>:<number>,<number>,": requests carried out, as far as they may be sent again
-- KEYS producers  zset: producer by when it was last seen, epoch ms
-- KEYS members    zset: member of a workflow by when it ended, epoch ms
-- KEYS wake       zset: the wake-up marker
-- ARGV now        epoch ms; "" in production: the server's clock decides
-- ARGV producer   who enqueues
-- ARGV number     of this request, growing per producer: one that was sent again is known
-- ARGV oldest     number of the oldest request of this producer that is not answered yet; older ones are not stored
-- ARGV ...jobs    the ids of all; then two values per job: the record after its expiry up to its payload, and the payload.
--                 Conditions come before the record: "?<visible>,<expires>,<how>,<unique>" LF; visible "" at once, "+ms"
--                 later, "@ms" at; expires "" never, or alike; how "" reject, "r" replace, then the window in ms if the
--                 key has one, or of a member of a workflow "b" and until when it is accepted, epoch ms; unique the key
-- REPLY list      flat, only of jobs not stored as new: position from 1, then "same", "other", "late", or "key" or
--                 "replaced" and the holder's id ("" for the others)
-- include lib/time
-- include lib/values
-- include lib/record
-- include lib/signal
-- include lib/limits
-- include lib/store
local keys = {
  jobs = KEYS[1], runs = KEYS[2], pending = KEYS[3], limited = KEYS[4], limits = KEYS[5], scheduled = KEYS[6],
  unique = KEYS[7], windows = KEYS[8], meta = KEYS[9], requests = KEYS[10],
  producers = KEYS[11], members = KEYS[12], wake = KEYS[13]
}
local now = clock(ARGV[1])
local producer, number, oldest = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])

-- Requests may overtake each other on their way, so the last number would not do: one below it may be new.
local function is_known()
  local floor, numbers = string.match(redis.call("HGET", keys.requests, producer) or "", "^(%d+):(.*)$")
  floor, numbers = tonumber(floor or "0"), numbers or ""
  if number < floor or string.find("," .. numbers, "," .. ARGV[3] .. ",", 1, true) then return true end
  local from = 1
  for known, after in string.gmatch(numbers, "(%d+),()") do
    if tonumber(known) >= oldest then break end
    from = after
  end
  redis.call("HSET", keys.requests, producer,
    exact(math.max(floor, oldest)) .. ":" .. string.sub(numbers, from) .. ARGV[3] .. ",")
  return false
end
-- This request was carried out before, and its reply was lost; or nobody waits for it any more.
local again = is_known()
redis.call("ZADD", keys.producers, exact(now), producer)

return store_jobs(keys, now, ARGV, 5, again)
