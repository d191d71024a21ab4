#!lua
-- Stores some of the nodes of a workflow that is not there yet; nobody sees them before the last ones come.
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
-- include lib/nodes
local now, fingerprint = clock(args.now), args.fingerprint
local stored = redis.call("HGET", keys.head, "fingerprint")
if stored then return stored end
local draft = string.match(redis.call("GET", keys.draft) or "", "^(.*)@")
if draft and draft ~= fingerprint then drop_draft() end
redis.call("SET", keys.draft, fingerprint .. "@" .. exact(now))
store_nodes(3)
return ""
