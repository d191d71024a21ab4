-- Faster than any server hands out jobs, and far from the 53 bits that a number holds.
local tokens_per_milli = 1024

-- A worker is listed when it claims, but not more than once in this time.
local worker_listed_millis = 1000
