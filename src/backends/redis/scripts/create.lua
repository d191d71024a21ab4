#!lua
-- Stores the last nodes of a workflow, most often all of them, and makes it one.
-- KEYS head     hash: the workflow
-- KEYS draft    string: the fingerprint of the workflow whose nodes are stored, @, since when in epoch ms
-- KEYS nodes    hash: node -> children LF parents LF queue,kind LF what to enqueue
-- KEYS status   hash: node -> letter and generation
-- KEYS left     hash: node -> parents that have not ended
-- KEYS open     set: nodes whose jobs have not ended
-- KEYS starts   zset: nodes to be enqueued
-- ARGV now          epoch ms; "" in production: the server's clock decides
-- ARGV fingerprint  of the workflow
-- ARGV drafted      how many nodes were stored before
-- ARGV deadline     ms from now, or ""
-- ARGV fields       of its head, how many follow, in pairs
-- ARGV ...nodes     those fields; then node, number of its parents, text
-- REPLY list  "created", "existing", "conflict", or "torn" when the nodes before are not there; when it was created, epoch ms;
--             its deadline, epoch ms or ""
-- include lib/time
-- include lib/values
-- include lib/nodes
local now, fingerprint = clock(args.now), args.fingerprint
local stored = redis.call("HMGET", keys.head, "fingerprint", "created", "deadline")
if stored[1] then return { stored[1] == fingerprint and "existing" or "conflict", stored[2], stored[3] } end
local draft = string.match(redis.call("GET", keys.draft) or "", "^(.*)@")
if args.drafted == "0" then
  if draft then drop_draft() end
elseif draft ~= fingerprint or redis.call("HLEN", keys.nodes) ~= tonumber(args.drafted) then
  return { "torn", "", "" }
end
local nodes_at = 6 + tonumber(args.fields)
store_nodes(nodes_at)
local deadline = args.deadline ~= "" and exact(now + tonumber(args.deadline)) or ""
redis.call("HSET", keys.head, "fingerprint", fingerprint, "state", "running", "stop", "", "created", exact(now),
  "deadline", deadline, "completed", 0, "changes", 1, unpack(ARGV, 6, nodes_at - 1))
if draft then redis.call("DEL", keys.draft) end
return { "created", exact(now), deadline }
