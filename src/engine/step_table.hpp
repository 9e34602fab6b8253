#pragma once
// Step kind → the code that does it. A new kind is one file in steps/ and one line in the table.

#include <array>
#include <chrono>
#include <variant>

#include "engine/step.hpp"

namespace aphex::engine {

struct StepEntry {
  std::string_view kind;  // as plan::kind_name() says it
  StepFunction function;
  // Attempts in all, when the error is retryable. User commands never run twice by themselves.
  int max_attempts = 1;
};

const std::array<StepEntry, std::variant_size_v<plan::StepBody>>& step_table();
const StepEntry& step_entry(const plan::StepBody& body);

}  // namespace aphex::engine
