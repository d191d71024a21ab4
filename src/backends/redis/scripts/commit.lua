#!lua
-- Makes a workflow of the nodes that were stored for it.
-- KEYS head     hash: the workflow
-- KEYS draft    string: the fingerprint of the workflow whose nodes are stored, @, since when in epoch ms
-- KEYS nodes    hash: node -> children LF parents LF queue,kind LF what to enqueue
-- ARGV now          epoch ms; "" in production: the server's clock decides
-- ARGV fingerprint  of the workflow
-- ARGV nodes        how many there must be
-- ARGV deadline     ms from now, or ""
-- ARGV ...fields    of its head, in pairs
-- REPLY list  "created", "existing", "conflict", or "torn" when the nodes are not there; when it was created, epoch ms
-- include lib/time
local now, fingerprint = clock(args.now), args.fingerprint
local stored = redis.call("HMGET", keys.head, "fingerprint", "created")
if stored[1] then return { stored[1] == fingerprint and "existing" or "conflict", stored[2] } end
local draft = string.match(redis.call("GET", keys.draft) or "", "^(.*)@")
if draft ~= fingerprint or redis.call("HLEN", keys.nodes) ~= tonumber(args.nodes) then
  return { "torn", "" }
end
local deadline = args.deadline ~= "" and exact(now + tonumber(args.deadline)) or ""
redis.call("HSET", keys.head, "fingerprint", fingerprint, "state", "running", "stop", "", "created", exact(now),
  "deadline", deadline, "completed", 0, "changes", 1, unpack(ARGV, 5))
redis.call("DEL", keys.draft)
return { "created", exact(now) }
