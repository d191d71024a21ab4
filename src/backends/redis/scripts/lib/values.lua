-- Reading and writing many values at once.

-- Redis passes at most 8000 values from a table to a command.
local function in_chunks(size, count, act)
  for first = 1, count, size do
    act(first, math.min(first + size - 1, count))
  end
end

-- Fields of a hash, named by `ids` from one position to another; false for each that is not there.
local function read_range(key, ids, first, last)
  if last < first then return {} end
  -- the reply is the answer, without a copy
  if last - first < 4000 then return redis.call("HMGET", key, unpack(ids, first, last)) end
  local values = {}
  in_chunks(4000, last - first + 1, function(from, to)
    local part = redis.call("HMGET", key, unpack(ids, first + from - 1, first + to - 1))
    for i = 1, #part do values[from + i - 1] = part[i] end
  end)
  return values
end

local function read_fields(key, ids)
  return read_range(key, ids, 1, #ids)
end

-- Calls a variadic command with the values from one position to another; answers the sum of its replies. What is called
-- with several values for one thing has an even number of them.
local function spread_range(command, key, values, first, last)
  local sum = 0
  for from = first, last, 4000 do
    sum = sum + redis.call(command, key, unpack(values, from, math.min(from + 3999, last)))
  end
  return sum
end

local function spread(command, key, values)
  return spread_range(command, key, values, 1, #values)
end

local function count(meta, name, by)
  if by > 0 then redis.call("HINCRBY", meta, name, exact(by)) end
end
