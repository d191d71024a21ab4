-- Epoch milliseconds: the caller's virtual time, or this server's clock when it gives none.
local function clock(given)
  if given ~= "" then return tonumber(given) end
  local time = redis.call("TIME")
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- A whole number written out in full: `..` would round it to 14 digits. Redis writes numbers that are passed to it with
-- "%.17g", which takes five times as long, so what is passed for every job is written out here.
local function exact(number)
  return string.format("%d", number)
end
