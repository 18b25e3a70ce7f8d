-- POST /agents with reports of 20 versions; each connection walks through agents of its own.
local thread_number = 0
function setup(thread) thread:set("id", thread_number); thread_number = thread_number + 1 end

local function body(agent, round)
  local rows, unique = {}, {}
  for i = 1, 20 do
    local version = "1." .. i .. "." .. round % 10
    rows[i] = '{"runningVersion":"' .. version .. '","resourceCount":3,"resourceKind":"Pods","extractedFrom":"registry.test/app:' .. version .. '"}'
    unique[i] = '"' .. version .. '"'
  end
  return '{"agentId":"' .. agent .. '","agentTags":{"env":"bench"},"version":{"id":"tracker","namespace":"bench","count":60,"uniqVersions":[' ..
    table.concat(unique, ",") .. '],"versions":[' .. table.concat(rows, ",") .. ']}}'
end

local requests, at = {}, 0
function init(args)
  local token = args[1]
  wrk.headers["Authorization"] = "Bearer " .. token
  wrk.headers["Content-Type"] = "application/json"
  for n = 1, 500 do
    requests[n] = wrk.format("POST", "/api/v1alpha1/agents", nil, body("bench-" .. id .. "-" .. n % 50, n))
  end
end

function request()
  at = at % #requests + 1
  return requests[at]
end

local refused = 0
function response(status)
  if status ~= 202 then refused = refused + 1; wrk.thread:set("refused", refused) end
end
