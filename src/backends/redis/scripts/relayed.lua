#!lua flags=allow-oom
-- Forgets endings that their workflows know; a later ending of the same job stays.
-- KEYS outbox       zset: member of a workflow by when its ending is handed out next, epoch ms
-- KEYS endings      hash: id -> sequence, place in its workflow, LF how it ended
-- ARGV ...endings   id, sequence
-- REPLY number      of endings forgotten
local forgotten = 0
for i = 1, #ARGV, 2 do
  local text = redis.call("HGET", keys.endings, ARGV[i])
  if text and string.match(text, "^(%d+),") == ARGV[i + 1] then
    redis.call("HDEL", keys.endings, ARGV[i])
    redis.call("ZREM", keys.outbox, ARGV[i])
    forgotten = forgotten + 1
  end
end
return forgotten
