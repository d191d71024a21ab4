#!lua flags=no-writes
-- Reads a page of workflows, newest first.
-- KEYS index    zset: workflow by when it was created, epoch ms
-- ARGV created  of the last one shown, "" for the first page
-- ARGV id       of the last one shown
-- ARGV limit    workflows at most
-- REPLY list    1 when there may be more, else 0; then per workflow: id, created
local limit = tonumber(ARGV[3])
local from = 0
if ARGV[1] ~= "" then
  -- ids of one millisecond stand in the order of their bytes, as the server compares them
  local rank = redis.call("ZREVRANK", KEYS[1], ARGV[2])
  from = rank and rank + 1 or redis.call("ZCOUNT", KEYS[1], "(" .. ARGV[1], "+inf")
end
local page = redis.call("ZRANGE", KEYS[1], from, from + limit, "REV", "WITHSCORES")
local reply = { #page > 2 * limit and 1 or 0 }
for i = 1, math.min(#page, 2 * limit) do reply[i + 1] = page[i] end
return reply
