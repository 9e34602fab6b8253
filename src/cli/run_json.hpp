#pragma once
// Records as JSON, for scripts. Times are RFC 3339, UTC.

#include "doc/value.hpp"
#include "store/run_records.hpp"

namespace aphex::cli {

doc::Value to_value(const store::RunRecord& run);
doc::Value to_value(const store::StageRecord& stage);
doc::Value to_value(const store::StepRecord& step);

std::string time_text(store::Millis time);

}  // namespace aphex::cli
