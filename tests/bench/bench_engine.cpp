// A run of one stage of N commands, with everything that a run records: the database, a log file a
// step, the queue's lock. For bench_engine.py, which compares it with make, ninja and bash.
//   bench_engine STATE_DIRECTORY STEPS COMMAND

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "engine/run_engine.hpp"
#include "engine/service_set.hpp"
#include "os/files.hpp"

namespace {

using namespace aphex;

plan::Plan plan_of(int steps, const std::string& command) {
  plan::Plan plan;
  plan.pipeline = "bench";
  plan.stack_settings = doc::Value::object();
  plan::Stage stage;
  stage.id = "build";
  stage.kind = plan::StageKind::build;
  stage.timeout = std::chrono::hours(1);
  for (int i = 1; i <= steps; ++i) {
    stage.steps.push_back({fmt::format("build-{}", i), command,
                           plan::RunCommand{plan::CommandRole::build, command, std::nullopt}});
  }
  plan.stages.push_back(std::move(stage));
  return plan;
}

Result<engine::RunOutcome> run(const std::filesystem::path& state, int steps,
                               const std::string& command) {
  engine::StatePaths paths{state};
  APHEX_TRY(auto database, store::RunDatabase::open(paths.database(), os::make_system_clock()));
  engine::ServiceRequest request;
  request.paths = paths;
  request.environment = os::current_environment();
  request.region = "us-east-1";
  APHEX_TRY(auto services, engine::ServiceSet::open(*database, request));
  // Commands run in the working copy; the clone that makes it is not what is measured.
  APHEX_CHECK(os::make_directories(engine::RunPaths{paths.run(1)}.work()));
  engine::QuietObserver observer;
  engine::RunEngine engine({paths, *database, services->services(), observer});
  const os::CancelToken never;
  return engine.start({plan_of(steps, command), {}, {}, std::nullopt}, never);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fputs("usage: bench_engine STATE_DIRECTORY STEPS COMMAND\n", stderr);
    return 2;
  }
  const auto outcome = run(std::filesystem::absolute(argv[1]), std::atoi(argv[2]), argv[3]);
  if (outcome && outcome->state == store::RunState::succeeded) return 0;
  std::fprintf(stderr, "%s\n",
               describe(outcome ? outcome->error.value_or(Error{}) : outcome.error()).c_str());
  return 1;
}
