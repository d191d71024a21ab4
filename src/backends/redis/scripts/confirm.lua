#!lua flags=allow-oom
-- Takes note that jobs of nodes were enqueued.
-- KEYS status  hash: node -> letter and generation
-- KEYS starts  zset: nodes to be enqueued
-- ARGV ...nodes  node, generation
-- REPLY number  1
for i = 1, #ARGV, 2 do
  local generation = string.match(redis.call("HGET", KEYS[1], ARGV[i]) or "", "^%a(%d+)")
  if generation == ARGV[i + 1] then redis.call("ZREM", KEYS[2], ARGV[i]) end
end
return 1
