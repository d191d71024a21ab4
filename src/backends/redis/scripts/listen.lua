#!lua flags=allow-oom
-- Arranges for a notice when a workflow ends, or takes that back.
-- KEYS head       hash: the workflow
-- KEYS listeners  set: "name ref" of who waits for its end
-- ARGV listener   "name ref"
-- ARGV leave      1 to take it back
-- REPLY number    1 when it has ended or is not stored, else 0
if args.leave == "1" then
  redis.call("SREM", keys.listeners, args.listener)
  return 0
end
if redis.call("HGET", keys.head, "state") ~= "running" then return 1 end
redis.call("SADD", keys.listeners, args.listener)
return 0
