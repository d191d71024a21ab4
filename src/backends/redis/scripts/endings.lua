#!lua flags=allow-oom
-- Hands out endings of members that their workflows may not know, those that wait longest first, and to nobody else for
-- a while.
-- KEYS outbox   zset: member of a workflow by when its ending is handed out next, epoch ms
-- KEYS endings  hash: id -> sequence, place in its workflow, LF how it ended
-- ARGV now      epoch ms; "" in production: the server's clock decides
-- ARGV limit    endings at most
-- REPLY list    flat: id, text
-- include lib/time
-- include lib/values
-- include lib/record
-- include lib/moves
local now = clock(args.now)
local ids = redis.call("ZRANGEBYSCORE", keys.outbox, "-inf", now, "LIMIT", 0, tonumber(args.limit))
local reply = {}
for _, id in ipairs(ids) do
  local text = redis.call("HGET", keys.endings, id)
  if text then
    redis.call("ZADD", keys.outbox, now + ending_held, id)
    reply[#reply + 1] = id
    reply[#reply + 1] = text
  else
    redis.call("ZREM", keys.outbox, id)
  end
end
return reply
