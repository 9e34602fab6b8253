#include "engine/fake_run.hpp"

#include <cassert>

#include <fmt/format.h>

#include "engine/working_copy.hpp"

namespace aphex::engine {
namespace {

os::TemporaryDirectory temporary_directory() {
  auto directory =
      os::TemporaryDirectory::create(std::filesystem::temp_directory_path(), "aphex-run-");
  assert(directory);
  return std::move(*directory);
}

}  // namespace

void RecordingObserver::add(std::string line) {
  const std::lock_guard lock(mutex_);
  lines_.push_back(std::move(line));
}
void RecordingObserver::run_started(const RunStarted& run) {
  add(fmt::format("run {} started", run.id));
}
void RecordingObserver::stage_started(const plan::Stage& stage, int attempt) {
  add(fmt::format("{} started, attempt {}", stage.id, attempt));
}
void RecordingObserver::stage_reused(const plan::Stage& stage) {
  add(stage.id + " reused");
}
void RecordingObserver::step_started(const plan::Stage&, const plan::Step& step) {
  add("$ " + step.title);
}
void RecordingObserver::output(const plan::Stage&, std::string_view, std::string_view line) {
  add("> " + std::string(line));
}
void RecordingObserver::note(const plan::Stage&, std::string_view line) {
  add("# " + std::string(line));
}
void RecordingObserver::step_finished(const StepFinished&) {}
void RecordingObserver::stage_finished(const StageFinished& stage) {
  add(fmt::format("{} {}", stage.stage.id, store::to_string(stage.state)));
}
void RecordingObserver::run_finished(const RunFinished& run) {
  add(fmt::format("run {} {}", run.id, store::to_string(run.state)));
}
void RecordingObserver::message(std::string_view text) {
  add(std::string(text));
}
std::vector<std::string> RecordingObserver::lines() const {
  const std::lock_guard lock(mutex_);
  return lines_;
}
std::vector<std::string> RecordingObserver::take() {
  const std::lock_guard lock(mutex_);
  return std::exchange(lines_, {});
}

plan::Stage command_stage(std::string id, const std::vector<std::string>& commands) {
  plan::Stage stage;
  stage.id = std::move(id);
  stage.kind = plan::StageKind::build;
  stage.timeout = std::chrono::minutes(5);
  for (std::size_t i = 0; i < commands.size(); ++i) {
    stage.steps.push_back({fmt::format("build-{}", i + 1), commands[i],
                           plan::RunCommand{plan::CommandRole::build, commands[i], std::nullopt}});
  }
  return stage;
}

plan::Plan command_plan(std::vector<plan::Stage> stages) {
  plan::Plan plan = fake_plan({{.name = "App", .path = "lib/app.ts", .depends_on = {}}});
  plan.stack_settings = doc::Value::object();
  plan.stages = std::move(stages);
  return plan;
}

FakeRun::FakeRun() : directory_(temporary_directory()), dependencies_(directory_.path() / "cache") {
  paths.root = directory_.path() / "state";
  auto opened = store::RunDatabase::open(paths.database(), clock);
  assert(opened);
  database = std::move(*opened);
  artifacts = store::make_directory_store(paths.artifacts());
  os::EnvironmentVariables environment = os::current_environment();
  aws::AwsContext aws{.http = http,
                      .credentials = std::make_shared<FixedCredentials>(),
                      .clock = clock,
                      .environment = environment};
  services = std::make_unique<Services>(Services{.processes = *processes_,
                                                 .clock = clock,
                                                 .http = http,
                                                 .artifacts = *artifacts,
                                                 .dependencies = dependencies_,
                                                 .plans = plans,
                                                 .approvals = approvals,
                                                 .secrets = secrets,
                                                 .environment = std::move(environment),
                                                 .aws = std::move(aws)});
}

RunRequest FakeRun::request(plan::Plan plan) const {
  RunRequest request;
  request.plan = std::move(plan);
  request.parameters.commit_sha = std::string(40, 'a');
  request.parameters.repository_url = "https://example.com/team/archon";
  request.parameters.branch = "main";
  request.parameters.author = "Ada <ada@example.com>";
  request.parameters.message = "A change";
  return request;
}

void FakeRun::prepare_working_copy(std::int64_t run) const {
  const RunPaths run_paths{paths.run(run)};
  [[maybe_unused]] const Status made = os::make_directories(run_paths.work());
  assert(made);
  [[maybe_unused]] const Status marked = os::write_file_atomic(
      run_paths.root / "work.json",
      fmt::format(R"({{"version":1,"commit":"{}","artifacts":false}})", std::string(40, 'a')));
  assert(marked);
}

std::vector<std::string> FakeRun::stage_states(std::int64_t run) const {
  std::vector<std::string> states;
  const auto stages = database->stages(run);
  assert(stages);
  for (const store::StageRecord& stage : *stages)
    states.push_back(fmt::format("{} {}", stage.id, store::to_string(stage.state)));
  return states;
}

std::string FakeRun::log(std::int64_t run, const std::string& file) const {
  return os::read_file(paths.run(run) / "logs" / file).value_or("(no log)");
}

}  // namespace aphex::engine
