#!lua flags=allow-oom
-- Forgets endings that their workflows know; a later ending of the same job stays.
-- KEYS outbox       zset: member of a workflow by when its ending is handed out next, epoch ms
-- KEYS endings      hash: id -> sequence, place in its workflow, LF how it ended
-- ARGV ...endings   id, sequence
-- REPLY number      of endings forgotten
-- include lib/time
-- include lib/values
local ids = {}
for i = 1, #ARGV, 2 do ids[#ids + 1] = ARGV[i] end
local known = {}
for i, text in ipairs(read_fields(keys.endings, ids)) do
  if text and string.match(text, "^(%d+),") == ARGV[2 * i] then known[#known + 1] = ids[i] end
end
spread("ZREM", keys.outbox, known)
return spread("HDEL", keys.endings, known)
