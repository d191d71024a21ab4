#!lua flags=allow-oom
-- Removes a workflow whose time is over, or the nodes of one that was never committed.
-- KEYS head       hash: the workflow
-- KEYS draft      string: the fingerprint of the workflow whose nodes are stored, @, since when in epoch ms
-- KEYS nodes      hash: node -> children LF parents LF queue,kind LF what to enqueue
-- KEYS status     hash: node -> letter and generation
-- KEYS left       hash: node -> parents that have not ended
-- KEYS results    hash: node -> how it ended
-- KEYS open       set: nodes whose jobs have not ended
-- KEYS starts     zset: nodes to be enqueued
-- KEYS stopped    set: nodes that the workflow cancelled or did not start
-- KEYS failures   zset: nodes that failed, in the order in which they did
-- KEYS listeners  set: "name ref" of who waits for its end
-- ARGV now        epoch ms; "" in production: the server's clock decides
-- REPLY text      "dropped", "" while it is being stored, or when its time is over in epoch ms ("" while it runs), a comma, and
--                 how often its state has changed
-- include lib/time
local now = clock(args.now)
local head = redis.call("HMGET", keys.head, "state", "ended", "retain", "retain_failed", "changes")
if head[1] == "running" then return "," .. (head[5] or "0") end
if head[1] then
  local over = tonumber(head[2]) + tonumber(head[1] == "failed" and head[4] or head[3])
  if over > now then return exact(over) .. "," .. (head[5] or "0") end
end
local since = string.match(redis.call("GET", keys.draft) or "", "@(%d+)$")
if since and now - tonumber(since) < 3600000 then return "" end
redis.call("UNLINK", keys.head, keys.draft, keys.nodes, keys.status, keys.left, keys.results, keys.open, keys.starts,
  keys.stopped, keys.failures, keys.listeners)
return "dropped"
