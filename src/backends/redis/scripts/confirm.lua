#!lua flags=allow-oom
-- Takes note that jobs of nodes were enqueued.
-- KEYS status  hash: node -> letter and generation
-- KEYS starts  zset: nodes to be enqueued
-- ARGV ...nodes  node, generation
-- REPLY list   nodes whose jobs the workflow does not want any more
local withdrawn = {}
for i = 1, #ARGV, 2 do
  local letter, generation = string.match(redis.call("HGET", KEYS[1], ARGV[i]) or "z0", "^(%a)(%d+)$")
  if generation ~= ARGV[i + 1] then
    withdrawn[#withdrawn + 1] = ARGV[i]
  else
    redis.call("ZREM", KEYS[2], ARGV[i])
    if letter == "z" then withdrawn[#withdrawn + 1] = ARGV[i] end
  end
end
return withdrawn
