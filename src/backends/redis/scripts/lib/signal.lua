-- One marker wakes one waiting worker; it stays until somebody takes it.
local function signal()
  redis.call("ZADD", keys.wake, 0, "1")
end
