#pragma once
// The function's life: one invocation after the other, each answered before its deadline.

#include <string>

#include "aws/http.hpp"
#include "os/clock.hpp"
#include "provider/event_log.hpp"
#include "provider/runtime_api.hpp"
#include "provider/world.hpp"

namespace aphex::provider {

struct Service {
  RuntimeApi& runtime;
  aws::HttpClient& http;  // for answers
  os::Clock& clock;
  EventLog& log;
  World& world;
  std::string log_stream;  // AWS_LAMBDA_LOG_STREAM_NAME
};

// What Lambda is told about one invocation: that it is done, or why it should be tried again.
Status serve_invocation(const Service& service, const Invocation& invocation);

// Until `cancel`, or until the runtime API is gone; nothing that an invocation holds ends it.
Status serve(const Service& service, const os::CancelToken& cancel);

}  // namespace aphex::provider
