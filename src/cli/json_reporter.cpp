#include "cli/reporter.hpp"
#include "engine/json_observer.hpp"

namespace aphex::cli {

std::unique_ptr<engine::RunObserver> make_json_reporter(const Terminal& terminal) {
  return engine::make_json_observer(
      os::make_system_clock(), {},
      [&terminal](std::string_view line) { terminal.progress(std::string(line) + "\n"); });
}

}  // namespace aphex::cli
