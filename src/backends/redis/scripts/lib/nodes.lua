-- Stores nodes of a workflow, given in ARGV from a position on: node, number of its parents, text. Those without parents
-- are open, and to be started.
local function store_nodes(first)
  local nodes, left, roots, starts, status = {}, {}, {}, {}, {}
  for i = first, #ARGV, 3 do
    local node, parents = ARGV[i], ARGV[i + 1]
    nodes[#nodes + 1] = node
    nodes[#nodes + 1] = ARGV[i + 2]
    if parents == "0" then
      roots[#roots + 1] = node
      starts[#starts + 1] = node
      starts[#starts + 1] = node
      status[#status + 1] = node
      status[#status + 1] = "o0"
    else
      left[#left + 1] = node
      left[#left + 1] = parents
    end
  end
  spread("HSET", keys.nodes, nodes)
  spread("HSET", keys.left, left)
  spread("HSET", keys.status, status)
  spread("SADD", keys.open, roots)
  spread("ZADD", keys.starts, starts)
end

-- What another start left behind, which has not stored its workflow.
local function drop_draft()
  redis.call("DEL", keys.nodes, keys.status, keys.left, keys.open, keys.starts)
end
