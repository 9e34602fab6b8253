#pragma once
// Shows a run as it goes: for people on standard error, or as JSON, one object a line.

#include <memory>

#include "cli/terminal.hpp"
#include "engine/run_observer.hpp"

namespace aphex::cli {

enum class Verbosity { normal, quiet };  // quiet: no output of commands unless a step fails

// Plain lines; on a terminal also a progress line below them.
std::unique_ptr<engine::RunObserver> make_text_reporter(const Terminal& terminal,
                                                        Verbosity verbosity);
// {"time", "event", "run", "stage"?, "step"?, …}; events: run_started, stage_started, stage_reused,
// step_started, output, note, step_finished, stage_finished, run_finished, message.
std::unique_ptr<engine::RunObserver> make_json_reporter(const Terminal& terminal);

}  // namespace aphex::cli
