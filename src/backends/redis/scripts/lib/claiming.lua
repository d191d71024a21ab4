-- Faster than any server hands out jobs, and far from the 53 bits that a number holds.
local tokens_per_milli = 1024

-- A worker is listed when it claims, but not more than once in this time.
local worker_listed_millis = 1000

-- What one claim hands out at most, in bytes of records: a reply that takes longer than its caller waits would be asked
-- for again and again, until the jobs had died of leases that nobody knew of. The first job is always handed out.
local claim_bytes = 4194304
