#!lua flags=allow-oom
-- Takes note that jobs of nodes were enqueued.
-- KEYS head    hash: the workflow
-- KEYS status  hash: node -> letter and generation
-- KEYS starts  zset: nodes to be enqueued
-- ARGV ...nodes  node, generation (from when the workflow was created, epoch ms)
-- REPLY number  1
local created = tonumber(redis.call("HGET", keys.head, "created") or "0")
for i = 1, #ARGV, 2 do
  local generation = string.match(redis.call("HGET", keys.status, ARGV[i]) or "", "^%a(%d+)")
  if generation and created + generation == tonumber(ARGV[i + 1]) then redis.call("ZREM", keys.starts, ARGV[i]) end
end
return 1
