#!lua
-- Answers how a job ended, or keeps who wants to know.
-- KEYS jobs       hash: id -> record
-- KEYS runs       hash: id -> run
-- KEYS completed  zset: id by end of retention, epoch ms
-- KEYS cancelled  zset: id by end of retention, epoch ms
-- KEYS dead       zset: id by time of death, epoch ms
-- KEYS ledger     hash: id -> failures, a line each
-- KEYS result     hash: id -> encoded success or failure
-- KEYS watchers   hash: id -> who wants to know of its end
-- ARGV id         the job
-- ARGV watcher    a name, and a number of its own, separated by a space
-- ARGV leave      1 to take a watch back, else 0
-- REPLY text      "" watching, "missing", or an outcome as notices carry it (lib/moves.lua)
local id, watcher = args.id, args.watcher

local others = {}
for line in string.gmatch(redis.call("HGET", keys.watchers, id) or "", "[^\n]+") do
  if line ~= watcher then others[#others + 1] = line end
end
local function keep()
  if #others == 0 then
    redis.call("HDEL", keys.watchers, id)
  else
    redis.call("HSET", keys.watchers, id, table.concat(others, "\n"))
  end
end

if args.leave == "1" then
  keep()
  return ""
end
if redis.call("HEXISTS", keys.jobs, id) == 0 then return "missing" end
local value = redis.call("HGET", keys.result, id)
if redis.call("ZSCORE", keys.completed, id) then return value and ("C" .. value) or "c" end

local lines = redis.call("HGET", keys.ledger, id) or ""
-- greedy, so that it goes back from the end: a search for the last line from the start takes seconds in a full ledger
local last = string.match(lines, ".*\n(.*)$") or lines
local how, error = string.match(last, "^%d+,%d*,%d+,(%a+),(.*)$")
if not error then error = '"how it ended cannot be read"' end
if redis.call("ZSCORE", keys.cancelled, id) then return (how == "expired" and "e" or "x") .. error end
if redis.call("ZSCORE", keys.dead, id) then
  local reason = string.match(redis.call("HGET", keys.runs, id) or "", "^%a%d+,%d,%d+,%d+,%d+,%d*,%d*,(%a*),")
  return "d" .. (reason or "undecodable") .. "\n" .. error .. (value and ("\n" .. value) or "")
end
others[#others + 1] = watcher
keep()
return ""
