#!lua flags=no-writes
-- Reads a page of the pending jobs in the order of claiming, rate-limited ones among the others.
-- KEYS jobs      hash: id -> record
-- KEYS runs      hash: id -> run
-- KEYS ledger    hash: id -> failures, a line each
-- KEYS result    hash: id -> encoded success or failure
-- KEYS cancels   hash: id -> why its holder is asked to stop, a JSON string
-- KEYS progress  hash: id -> encoded progress
-- KEYS pending   zset: id by priority and sequence
-- KEYS limited   zset: rate-limited jobs by kind and place
-- KEYS limits    hash: kind -> rate limit
-- ARGV limit     jobs at most
-- ARGV score     of the last place shown, "" for the first page; no two jobs share a place
-- REPLY list     1 when there may be more, else 0; then the jobs
-- include lib/time
-- include lib/read
-- include lib/limits
local limit, after = tonumber(args.limit), args.score
local entries = {}
local front = redis.call("ZRANGEBYSCORE", keys.pending, after == "" and "-inf" or "(" .. after, "+inf", "WITHSCORES", "LIMIT", 0, limit + 1)
for i = 1, #front, 2 do
  entries[#entries + 1] = { id = front[i], score = tonumber(front[i + 1]) }
end
for kind in pairs(read_limits()) do
  local first, last = of_kind(kind)
  -- "-" follows the comma after a place, so this bound is behind all members at it
  if after ~= "" then first = "(" .. kind .. "," .. string.format("%016.0f", tonumber(after) + place_offset) .. "-" end
  for _, member in ipairs(redis.call("ZRANGEBYLEX", keys.limited, first, last, "LIMIT", 0, limit + 1)) do
    local place, id = string.match(member, "^[^,]*,(%d+),(.*)$")
    if place then entries[#entries + 1] = { id = id, score = tonumber(place) - place_offset } end
  end
end
table.sort(entries, function(a, b) return a.score < b.score end)

local reply = { #entries > limit and 1 or 0 }
for i = 1, math.min(limit, #entries) do
  local record = redis.call("HGET", keys.jobs, entries[i].id)
  if record then reply[#reply + 1] = read_job(entries[i].id, "pending", exact(entries[i].score), record) end
end
return reply
