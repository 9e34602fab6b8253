-- wrk's part: requests as they are written down in a file, and what came of them as JSON.
--   wrk ... -s requests.lua URL -- BODY_FILE EVENT SIGNATURES_FILE distinct|same PREFIX
--   wrk ... -s requests.lua URL           GET
-- Each delivery has an id and a number of its own, but for "same"; the signatures are those of the
-- bodies with the numbers 0, 1, 2 ... (server_load.py).

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
  local signatures = {}
  for line in io.lines(args[3]) do
    signatures[#signatures + 1] = line
  end
  local headers = {
    ["Content-Type"] = "application/json",
    ["X-GitHub-Event"] = args[2],
  }
  local same = args[4] == "same"
  local prefix = args[5]
  local count = -1
  request = function()
    count = same and 0 or count + 1
    headers["X-GitHub-Delivery"] = string.format("%s-%d-%d", prefix, thread_number, count)
    headers["X-Hub-Signature-256"] = assert(signatures[count + 1], "there are too few signatures")
    return wrk.format("POST", nil, headers,
                      body:sub(1, -2) .. string.format(',"of_the_bench":"%s-%d"}', prefix, count))
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
