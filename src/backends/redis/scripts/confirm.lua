#!lua flags=allow-oom
-- Takes note that jobs of nodes were enqueued.
-- KEYS head    hash: the workflow
-- KEYS status  hash: node -> letter and generation
-- KEYS starts  zset: nodes to be enqueued
-- ARGV ...nodes  node, generation (from when the workflow was created, epoch ms)
-- REPLY number  1
-- include lib/time
-- include lib/values
local created = tonumber(redis.call("HGET", keys.head, "created") or "0")
local nodes, confirmed = {}, {}
for i = 1, #ARGV, 2 do nodes[#nodes + 1] = ARGV[i] end
for i, text in ipairs(read_fields(keys.status, nodes)) do
  local generation = string.match(text or "", "^%a(%d+)")
  if generation and created + generation == tonumber(ARGV[2 * i]) then confirmed[#confirmed + 1] = nodes[i] end
end
spread("ZREM", keys.starts, confirmed)
return 1
