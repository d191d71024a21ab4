#!lua flags=no-writes
-- Reads nodes of a workflow, from one on.
-- KEYS head    hash: the workflow
-- KEYS nodes   hash: node -> children LF parents LF queue,kind LF what to enqueue
-- KEYS status  hash: node -> letter and generation
-- ARGV from    the first node
-- ARGV limit   how many at most
-- REPLY list   state of the workflow, then per node: parents, "queue,kind" or "" of a join, letter and generation
-- include lib/time
local head = redis.call("HMGET", keys.head, "state", "created")
if not head[1] then return {} end
local reply, from = { head[1] }, tonumber(args.from)
for node = from, from + tonumber(args.limit) - 1 do
  local text = redis.call("HGET", keys.nodes, node)
  if not text then break end
  local parents, what = string.match(text, "^[^\n]*\n([^\n]*)\n([^\n]*)")
  reply[#reply + 1] = parents or ""
  reply[#reply + 1] = what or ""
  local letter, generation = string.match(redis.call("HGET", keys.status, node) or "w0", "^(%a)(%d+)")
  reply[#reply + 1] = (letter or "w") .. exact(head[2] + (generation or 0))
end
return reply
