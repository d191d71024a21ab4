#!lua flags=no-writes
-- Reads a workflow as a whole.
-- KEYS head     hash: the workflow
-- KEYS open     set: nodes whose jobs have not ended
-- KEYS stopped  set: nodes that the workflow cancelled or did not start
-- REPLY list    open, stopped, then its fields in pairs; empty when it is not stored
local head = redis.call("HGETALL", KEYS[1])
if #head == 0 then return {} end
return { redis.call("SCARD", KEYS[2]), redis.call("SCARD", KEYS[3]), unpack(head) }
