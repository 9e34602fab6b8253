#pragma once
// Answers that are JSON.

#include "doc/value.hpp"
#include "server/http_server.hpp"

namespace aphex::server {

// Not to be kept by anything on the way: it is true now.
HttpResponse json_answer(unsigned status, const doc::Value& value);
// {"error": message}
HttpResponse problem(unsigned status, const std::string& message);

}  // namespace aphex::server
