#pragma once
// Answers that are JSON.

#include "doc/value.hpp"
#include "server/http_server.hpp"
#include "store/run_records.hpp"

namespace aphex::server {

// Not to be kept by anything on the way: it is true now.
HttpResponse json_answer(unsigned status, const doc::Value& value);
// {"error": message}
HttpResponse problem(unsigned status, const std::string& message);

// "limit=20" of the query: how many a list shall have; 100 where nothing is said, 1000 at most.
int limit_of(const HttpRequest& request);
// RFC 3339, or null.
doc::Value time_or_null(const std::optional<store::Millis>& time);

}  // namespace aphex::server
