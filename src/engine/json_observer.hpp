#pragma once
// A run as JSON, one object an event: {"time", "event", "run"?, <common>, "stage"?, "step"?, …}.
// Events: run_started, stage_started, stage_reused, step_started, output, note, step_finished,
// stage_finished, run_finished, message. A run's number 0 is left out.

#include <functional>
#include <memory>
#include <string_view>

#include "doc/value.hpp"
#include "engine/run_observer.hpp"
#include "os/clock.hpp"

namespace aphex::engine {

// Gets each object as one line, without a line break.
using JsonLine = std::function<void(std::string_view line)>;

// `common` stands in every object.
std::unique_ptr<RunObserver> make_json_observer(std::shared_ptr<os::Clock> clock,
                                                doc::Value::Object common, JsonLine write);

}  // namespace aphex::engine
