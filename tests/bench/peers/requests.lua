-- wrk's part: requests as they are written down in a file, and what came of them as JSON.
--   wrk ... -s requests.lua URL -- BODY_FILE EVENT SIGNATURE distinct|same PREFIX
--   wrk ... -s requests.lua URL           GET
-- Each delivery has an id of its own, but for "same".

local threads = 0

function setup(thread)
  threads = threads + 1
  thread:set("thread_number", threads)
end

function init(args)
  if #args == 0 then
    return
  end
  local file = assert(io.open(args[1], "rb"))
  local body = file:read("*a")
  file:close()
  local headers = {
    ["Content-Type"] = "application/json",
    ["X-GitHub-Event"] = args[2],
    ["X-Hub-Signature-256"] = args[3],
  }
  local same = args[4] == "same"
  local prefix = args[5]
  local count = 0
  request = function()
    count = count + 1
    headers["X-GitHub-Delivery"] = string.format("%s-%d-%d", prefix, thread_number,
                                                 same and 0 or count)
    return wrk.format("POST", nil, headers, body)
  end
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    '{"requests":%d,"seconds":%.6f,"failed":%d,"refused":%d,"p50":%.6f,"p99":%.6f,"max":%.6f}\n',
    summary.requests, summary.duration / 1e6,
    errors.connect + errors.read + errors.write + errors.timeout, errors.status,
    latency:percentile(50) / 1e6, latency:percentile(99) / 1e6, latency.max / 1e6))
end
