#!lua
-- Stores some of the nodes of a workflow that is not there yet; nobody sees them before it is committed.
-- KEYS head     hash: the workflow
-- KEYS draft    string: the fingerprint of the workflow whose nodes are stored, @, since when in epoch ms
-- KEYS nodes    hash: node -> children LF parents LF queue,kind LF what to enqueue
-- KEYS status   hash: node -> letter and generation
-- KEYS left     hash: node -> parents that have not ended
-- KEYS open     set: nodes whose jobs have not ended
-- KEYS starts   zset: nodes to be enqueued
-- ARGV now          epoch ms; "" in production: the server's clock decides
-- ARGV fingerprint  of the workflow
-- ARGV ...nodes     node, number of its parents, text
-- REPLY text  the fingerprint of a workflow that has this id, or empty
-- include lib/time
-- include lib/values
-- include lib/record
local now, fingerprint = clock(args.now), args.fingerprint
local stored = redis.call("HGET", keys.head, "fingerprint")
if stored then return stored end
local draft = string.match(redis.call("GET", keys.draft) or "", "^(.*)@")
if draft and draft ~= fingerprint then
  -- what another start left behind, which has not committed
  redis.call("DEL", keys.nodes, keys.status, keys.left, keys.open, keys.starts)
end
redis.call("SET", keys.draft, fingerprint .. "@" .. exact(now))

local nodes, left, roots, starts, status = {}, {}, {}, {}, {}
for i = 3, #ARGV, 3 do
  local node, parents = ARGV[i], ARGV[i + 1]
  nodes[#nodes + 1] = node
  nodes[#nodes + 1] = ARGV[i + 2]
  if parents == "0" then
    roots[#roots + 1] = node
    starts[#starts + 1] = node
    starts[#starts + 1] = node
    status[#status + 1] = node
    status[#status + 1] = "o0"
  else
    left[#left + 1] = node
    left[#left + 1] = parents
  end
end
spread("HSET", keys.nodes, nodes)
spread("HSET", keys.left, left)
spread("HSET", keys.status, status)
spread("SADD", keys.open, roots)
spread("ZADD", keys.starts, starts)
return ""
