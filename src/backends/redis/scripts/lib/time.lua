-- Epoch milliseconds: the caller's virtual time, or this server's clock when it gives none.
local function clock(given)
  if given ~= "" then return tonumber(given) end
  local time = redis.call("TIME")
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- A score written out in full: `..` would round it to 14 digits.
local function exact(number)
  return string.format("%.0f", number)
end
