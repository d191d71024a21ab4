#!lua
-- Puts a workflow where it is found.
-- KEYS all        zset: workflow by when it was created, epoch ms
-- KEYS running    zset: the same of those in this state
-- KEYS completed  zset: the same of those in this state
-- KEYS failed     zset: the same of those in this state
-- KEYS cancelled  zset: the same of those in this state
-- KEYS looks      zset: workflow by when somebody should look at it, epoch ms
-- KEYS expiry     zset: workflow by the end of its retention, epoch ms
-- KEYS entered    hash: workflow -> how often its state had changed when it was put here
-- ARGV now        epoch ms; "" in production: the server's clock decides
-- ARGV id         the workflow
-- ARGV state      its state; "" to take it out everywhere, "-" to leave that as it is
-- ARGV created    epoch ms; "" for now
-- ARGV look       epoch ms, "+ms" from now or sooner, and never when it was before, "" for never, "-" to leave that as it is
-- ARGV known      leave that as well unless it is this, epoch ms or "" for never; "-" for whatever it is
-- ARGV over       end of its retention, epoch ms; "" for never, "-" to leave that as it is
-- ARGV changes    how often its state had changed when this was known; "" when it says nothing of its state
-- REPLY text      when somebody looks at it, epoch ms or "" for never; "" when something later is known: nothing was done
-- include lib/time
local now, id, state = clock(args.now), args.id, args.state
if args.changes ~= "" then
  -- a call that was held up must not undo a later one
  if tonumber(redis.call("HGET", keys.entered, id) or "0") > tonumber(args.changes) then return "" end
  redis.call("HSET", keys.entered, id, args.changes)
end
local was_listed = redis.call("ZSCORE", keys.all, id)
if state ~= "-" then
  local created = args.created == "" and exact(now) or args.created
  local states = { running = keys.running, completed = keys.completed, failed = keys.failed, cancelled = keys.cancelled }
  for name, key in pairs(states) do
    if name == state then redis.call("ZADD", key, created, id) else redis.call("ZREM", key, id) end
  end
  if state == "" then
    redis.call("ZREM", keys.all, id)
    redis.call("HDEL", keys.entered, id)
  else
    redis.call("ZADD", keys.all, created, id)
  end
end
local function set(key, at, old)
  if at == "-" then return end
  if at == "" then
    redis.call("ZREM", key, id)
  elseif string.sub(at, 1, 1) == "+" then
    local soon = now + tonumber(string.sub(at, 2))
    -- whoever knows when it was before sees that somebody has asked since
    redis.call("ZADD", key, old and math.min(soon, old - 1) or soon, id)
  else
    redis.call("ZADD", key, at, id)
  end
end
local look = redis.call("ZSCORE", keys.looks, id)
if look == false and not was_listed and args.known ~= "-" and args.known ~= "" then
  -- somebody has removed one that had this id before: nobody has this one in hand
  set(keys.looks, args.known)
elseif args.known == "-" or args.known == (look or "") or not look then
  set(keys.looks, args.look, tonumber(look or nil))
end
set(keys.expiry, args.over)
return redis.call("ZSCORE", keys.looks, id) or ""
