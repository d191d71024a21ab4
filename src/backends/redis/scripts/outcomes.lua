#!lua flags=no-writes
-- Reads how nodes of a workflow ended.
-- KEYS results   hash: node -> how it ended
-- ARGV ...nodes  the nodes
-- REPLY list     an outcome each, "" for one that has not ended
local reply = {}
for i, node in ipairs(ARGV) do reply[i] = redis.call("HGET", keys.results, node) or "" end
return reply
