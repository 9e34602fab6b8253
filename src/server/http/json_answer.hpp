#pragma once
// Answers that are JSON.

#include "base/result.hpp"
#include "doc/value.hpp"
#include "server/http/http_server.hpp"

namespace aphex::server {

// Asked for again before it is shown again: it is true now.
HttpResponse json_answer(unsigned status, const doc::Value& value);
// A problem of RFC 9457: application/problem+json with title, status, detail and, where there is
// one, hint.
HttpResponse problem(unsigned status, const std::string& detail, const std::string& hint = {});
// Of an error: 400 (usage), 404, 409 (already_exists), 403 (permission), else 503.
HttpResponse problem_of(const Error& error);
unsigned status_of(ErrorCode code);

}  // namespace aphex::server
