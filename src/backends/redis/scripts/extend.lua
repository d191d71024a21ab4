#!lua flags=allow-oom
-- Makes leases end later, as far as the caller still holds them.
-- KEYS jobs       hash: id -> record
-- KEYS runs       hash: id -> run
-- KEYS active     zset: id by lease expiry, epoch ms
-- KEYS meta       hash: counters
-- KEYS cancels    hash: id -> why its holder is asked to stop, a JSON string
-- KEYS workers    zset: worker by when it was last seen, epoch ms
-- KEYS about      hash: worker -> what it says of itself
-- ARGV now        epoch ms; "" in production: the server's clock decides
-- ARGV worker     who holds them
-- ARGV lease      ms from now
-- ARGV about      what the worker says of itself; "" to say nothing new
-- ARGV ...leases  per lease: id, token
-- REPLY text    a digit each: 1 extended, 2 extended and asked to stop, 0 lost
-- include lib/time
-- include lib/values
-- include lib/record
local now = clock(args.now)
local expires = now + tonumber(args.lease)

local ids = {}
for i = 5, #ARGV, 2 do ids[#ids + 1] = ARGV[i] end
local texts = read_fields(keys.runs, ids)
local leases, answers, stale = {}, {}, 0
for i, id in ipairs(ids) do
  local token, text = ARGV[4 + 2 * i], texts[i]
  local held = "a" .. token .. ","
  if text and string.sub(text, 1, #held) == held then
    leases[#leases + 1] = expires
    leases[#leases + 1] = id
    answers[i] = redis.call("HEXISTS", keys.cancels, id) == 1 and "2" or "1"
  else
    answers[i] = "0"
    -- a job that was stored again under its id, and never claimed since, has no run
    local current = text and string.match(text, "^%a(%d+),")
    if current ~= token and (current or redis.call("HEXISTS", keys.jobs, id) == 1) then stale = stale + 1 end
  end
end
spread("ZADD", keys.active, leases)
count(keys.meta, "stale", stale)
redis.call("ZADD", keys.workers, now, args.worker)
if args.about ~= "" then redis.call("HSET", keys.about, args.worker, args.about) end
return table.concat(answers)
