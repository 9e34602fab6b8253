#pragma once
// How a probe answers the test that runs it: one line of JSON on standard output.

#include <cstdio>

#include "base/result.hpp"
#include "doc/value.hpp"

namespace aphex {

// Gives the exit code: 0, or 1 with {"error":{"code":…,"message":…,"hint":…}}.
inline int print_answer(const Result<doc::Value>& result) {
  using doc::Value;
  const Value answer =
      result ? *result
             : Value::object({{"error", Value::object({{"code", to_string(result.error().code)},
                                                       {"message", describe(result.error())},
                                                       {"hint", result.error().hint}})}});
  std::puts(doc::to_json(answer).c_str());
  return result ? 0 : 1;
}

}  // namespace aphex
