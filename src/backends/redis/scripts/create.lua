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
-- ARGV nodes        how many there must be, with those that were stored before
-- ARGV deadline     ms from now, or ""
-- ARGV fields       of its head, how many follow, in pairs
-- ARGV ...nodes     those fields; then node, number of its parents, text
-- REPLY list  "created", "existing", "conflict", or "torn" when some are not there; when it was created, epoch ms;
--             its deadline, epoch ms or ""
-- include lib/time
-- include lib/values
-- include lib/nodes
local now, fingerprint = clock(args.now), args.fingerprint
local stored = redis.call("HMGET", keys.head, "fingerprint", "created", "deadline")
if stored[1] then return { stored[1] == fingerprint and "existing" or "conflict", stored[2], stored[3] } end
local draft = string.match(redis.call("GET", keys.draft) or "", "^(.*)@")
local total, nodes_at = tonumber(args.nodes), 6 + tonumber(args.fields)
if draft ~= fingerprint then
  if #ARGV + 1 - nodes_at < 3 * total then return { "torn", "", "" } end
  if draft then drop_draft() end
end
store_nodes(nodes_at)
if redis.call("HLEN", keys.nodes) ~= total then return { "torn", "", "" } end
local deadline = args.deadline ~= "" and exact(now + tonumber(args.deadline)) or ""
redis.call("HSET", keys.head, "fingerprint", fingerprint, "state", "running", "stop", "", "created", exact(now),
  "deadline", deadline, "completed", 0, "changes", 1, unpack(ARGV, 6, nodes_at - 1))
if draft then redis.call("DEL", keys.draft) end
return { "created", exact(now), deadline }
