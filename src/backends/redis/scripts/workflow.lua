#!lua flags=no-writes
-- Reads a workflow as a whole.
-- KEYS head      hash: the workflow
-- KEYS open      set: nodes whose jobs have not ended
-- KEYS stopped   set: nodes that the workflow cancelled or did not start
-- KEYS failures  zset: nodes that failed, in the order in which they did
-- REPLY list     open, stopped, failed, the node that failed first or "", then its fields in pairs; empty when it is not stored
local head = redis.call("HGETALL", keys.head)
if #head == 0 then return {} end
local first = redis.call("ZRANGE", keys.failures, 0, 0)[1] or ""
return { redis.call("SCARD", keys.open), redis.call("SCARD", keys.stopped), redis.call("ZCARD", keys.failures), first, unpack(head) }
