#!lua flags=no-writes
-- Reads some of the nodes whose jobs have not ended, when the workflow stops; none otherwise.
-- KEYS head    hash: the workflow
-- KEYS nodes   hash: node -> children LF parents LF queue,kind LF what to enqueue
-- KEYS status  hash: node -> letter and generation
-- KEYS open    set: nodes whose jobs have not ended
-- ARGV cursor  "0" for the first page
-- ARGV count   about how many
-- REPLY list   next cursor, "0" after the last page; then per node: node, generation, queue
-- include lib/time
local head = redis.call("HMGET", keys.head, "stop", "created")
if (head[1] or "") == "" then return { "0" } end
local page = redis.call("SSCAN", keys.open, args.cursor, "COUNT", args.count)
local reply = { page[1] }
for _, node in ipairs(page[2]) do
  reply[#reply + 1] = node
  reply[#reply + 1] = exact(head[2] + (string.match(redis.call("HGET", keys.status, node) or "", "^%a(%d+)") or 0))
  reply[#reply + 1] = string.match(redis.call("HGET", keys.nodes, node) or "", "^[^\n]*\n[^\n]*\n([^,]*),") or ""
end
return reply
