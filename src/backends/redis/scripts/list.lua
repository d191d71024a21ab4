#!lua flags=no-writes
-- Reads a page of the jobs of one state. A cursor is the last place shown, so jobs that come or go do not shift pages.
-- KEYS jobs      hash: id -> record
-- KEYS runs      hash: id -> run
-- KEYS ledger    hash: id -> failures, a line each
-- KEYS result    hash: id -> encoded success or failure
-- KEYS cancels   hash: id -> why its holder is asked to stop, a JSON string
-- KEYS progress  hash: id -> encoded progress
-- KEYS index     zset: the state's index
-- ARGV state     what the index means
-- ARGV reverse   1 for highest score first
-- ARGV limit     jobs at most
-- ARGV score     of the last place shown, "" for the first page
-- ARGV id        of the last place shown
-- REPLY list    1 when there may be more, else 0; then the jobs
-- include lib/read
local index, state, reverse, limit = keys.index, args.state, args.reverse == "1", tonumber(args.limit)

-- Bytes, as the server orders members; `<` on strings would ask the locale.
local function precedes(a, b)
  for i = 1, math.min(#a, #b) do
    local x, y = string.byte(a, i), string.byte(b, i)
    if x ~= y then return x < y end
  end
  return #a < #b
end

-- How many entries stand before the place, or at it when `inclusive`.
local function count_before(score, id, inclusive)
  local low, high = 0, redis.call("ZCARD", index)
  while low < high do
    local middle = math.floor((low + high) / 2)
    local entry = redis.call("ZRANGE", index, middle, middle, "WITHSCORES")
    local at = tonumber(entry[2])
    local before = at < score or (at == score and (precedes(entry[1], id) or (inclusive and entry[1] == id)))
    if before then low = middle + 1 else high = middle end
  end
  return low
end

local size = redis.call("ZCARD", index)
local entries, more
if reverse then
  local stop = args.score == "" and size or count_before(tonumber(args.score), args.id, false)
  local start = math.max(0, stop - limit)
  more = start > 0
  entries = stop == 0 and {} or redis.call("ZRANGE", index, size - stop, size - start - 1, "REV", "WITHSCORES")
else
  local start = args.score == "" and 0 or count_before(tonumber(args.score), args.id, true)
  more = start + limit < size
  entries = redis.call("ZRANGE", index, start, start + limit - 1, "WITHSCORES")
end

local reply = { more and 1 or 0 }
for i = 1, #entries, 2 do
  local record = redis.call("HGET", keys.jobs, entries[i])
  if record then reply[#reply + 1] = read_job(entries[i], state, entries[i + 1], record) end
end
return reply
