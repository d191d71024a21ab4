#!lua flags=no-writes
-- Reads some of the nodes whose jobs have not ended.
-- KEYS nodes   hash: node -> children LF parents LF queue,kind LF what to enqueue
-- KEYS status  hash: node -> letter and generation
-- KEYS open    set: nodes whose jobs have not ended
-- ARGV cursor  "0" for the first page
-- ARGV count   about how many
-- REPLY list   next cursor, "0" after the last page; then per node: node, generation, queue
local page = redis.call("SSCAN", KEYS[3], ARGV[1], "COUNT", ARGV[2])
local reply = { page[1] }
for _, node in ipairs(page[2]) do
  reply[#reply + 1] = node
  reply[#reply + 1] = string.sub(redis.call("HGET", KEYS[2], node), 2)
  reply[#reply + 1] = string.match(redis.call("HGET", KEYS[1], node), "^[^\n]*\n[^\n]*\n([^,]*),")
end
return reply
