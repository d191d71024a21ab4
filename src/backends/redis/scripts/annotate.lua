#!lua
-- Sets a job's progress and adds log lines, if the caller still holds it.
-- KEYS jobs      hash: id -> record
-- KEYS runs      hash: id -> run
-- KEYS progress  hash: id -> encoded progress
-- KEYS logs      hash: id -> log lines, JSON strings
-- KEYS meta      hash: counters
-- ARGV id        the job
-- ARGV token     of the claim
-- ARGV progress  encoded; "" for none
-- ARGV most      log lines kept
-- ARGV ...lines  JSON strings
-- REPLY number   1 done, 0 the token is not current
-- include lib/time
-- include lib/record
local jobs, runs, progress, logs, meta = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local id, token, most = ARGV[1], ARGV[2], tonumber(ARGV[4])
local text = redis.call("HGET", runs, id)
local held = "a" .. token .. ","
if not text or string.sub(text, 1, #held) ~= held then
  local current = text and string.match(text, "^%a(%d+),")
  if current ~= token and (current or redis.call("HEXISTS", jobs, id) == 1) then count(meta, "stale", 1) end
  return 0
end
local run = parse_run(text)
mind(run)
redis.call("HSET", runs, id, format_run(run))
if ARGV[3] ~= "" then redis.call("HSET", progress, id, ARGV[3]) end
if #ARGV > 4 then
  local lines = {}
  for line in string.gmatch(redis.call("HGET", logs, id) or "", "[^\n]+") do lines[#lines + 1] = line end
  for i = 5, #ARGV do lines[#lines + 1] = ARGV[i] end
  redis.call("HSET", logs, id, table.concat(lines, "\n", math.max(1, #lines - most + 1)))
end
return 1
