#pragma once
// The sandbox's own API under /_aphex/: what AWS has no call for. sandbox/README.md lists it.

#include <chrono>
#include <string>

#include "base/result.hpp"
#include "doc/value.hpp"
#include "engine/sandbox.hpp"

namespace aphex::engine {

struct ControlCall {
  std::string method;
  std::string path;  // "/_aphex/accounts"
  std::string body;  // JSON; empty: none
  std::chrono::milliseconds answer_timeout{60'000};
};

// The decoded answer. Errors: usage (400) and not_found (404) in the sandbox's own words;
// unavailable (any other answer, or none), timeout, cancelled.
Result<doc::Value> control(const std::string& endpoint, const ControlCall& call,
                           const SandboxOptions& options);

}  // namespace aphex::engine
