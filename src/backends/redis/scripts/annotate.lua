#!lua
-- Sets a job's progress and adds log lines, if the caller still holds it.
-- KEYS jobs      hash: id -> record
-- KEYS runs      hash: id -> run
-- KEYS progress  hash: id -> encoded progress
-- KEYS logs      hash: id -> who added how many lines (token, space, number), then the lines, JSON strings
-- KEYS meta      hash: counters
-- ARGV id        the job
-- ARGV token     of the claim
-- ARGV progress  encoded; "" for none
-- ARGV most      log lines kept
-- ARGV from      lines that this attempt has added before
-- ARGV ...lines  JSON strings
-- REPLY number   1 done, 0 the token is not current
-- include lib/time
-- include lib/values
-- include lib/record
local id, token, most = args.id, args.token, tonumber(args.most)
local text = redis.call("HGET", keys.runs, id)
local held = "a" .. token .. ","
if not text or string.sub(text, 1, #held) ~= held then
  local current = text and string.match(text, "^%a(%d+),")
  if current ~= token and (current or redis.call("HEXISTS", keys.jobs, id) == 1) then count(keys.meta, "stale", 1) end
  return 0
end
local run = parse_run(id, text)
if not run then return 0 end
mind(run)
redis.call("HSET", keys.runs, id, format_run(run))
if args.progress ~= "" then redis.call("HSET", keys.progress, id, args.progress) end
if #ARGV > 5 then
  local lines = {}
  for line in string.gmatch(redis.call("HGET", keys.logs, id) or "", "[^\n]+") do lines[#lines + 1] = line end
  local who, added = string.match(table.remove(lines, 1) or "", "^(%d+) (%d+)$")
  local known = who == token and tonumber(added) or 0
  local first = 6 + math.max(0, known - tonumber(args.from))
  for i = first, #ARGV do lines[#lines + 1] = ARGV[i] end
  known = exact(math.max(known, tonumber(args.from) + #ARGV - 5))
  local kept = table.concat(lines, "\n", math.max(1, #lines - most + 1))
  redis.call("HSET", keys.logs, id, token .. " " .. known .. "\n" .. kept)
end
return 1
