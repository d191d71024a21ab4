#!lua flags=no-writes
-- Reads a page of workflows, newest first.
-- KEYS index    zset: workflow by when it was created, epoch ms
-- ARGV created  of the last one shown, "" for the first page
-- ARGV id       of the last one shown
-- ARGV limit    workflows at most
-- REPLY list    1 when there may be more, else 0; then per workflow: id, created
local limit = tonumber(args.limit)
local from = 0
if args.created ~= "" then
  -- ids of one millisecond stand in the order of their bytes, as the server compares them
  local rank = redis.call("ZREVRANK", keys.index, args.id)
  from = rank and rank + 1 or redis.call("ZCOUNT", keys.index, "(" .. args.created, "+inf")
end
local page = redis.call("ZRANGE", keys.index, from, from + limit, "REV", "WITHSCORES")
local reply = { #page > 2 * limit and 1 or 0 }
for i = 1, math.min(#page, 2 * limit) do reply[i + 1] = page[i] end
return reply
