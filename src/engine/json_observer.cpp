#include "engine/json_observer.hpp"

#include <iterator>

#include "doc/value.hpp"

namespace aphex::engine {
namespace {

using doc::Value;

class JsonObserver final : public RunObserver {
 public:
  JsonObserver(std::shared_ptr<os::Clock> clock, Value::Object common, JsonLine write)
      : clock_(std::move(clock)), common_(std::move(common)), write_(std::move(write)) {}

  void run_started(const RunStarted& run) override {
    run_ = run.id;
    Value::Object fields{{"pipeline", run.plan.pipeline}};
    // A pod has a part of the plan only.
    if (run_ != 0) fields.emplace_back("planDigest", plan::digest(run.plan));
    fields.emplace_back("commitSha", run.parameters.commit_sha);
    fields.emplace_back("branch", run.parameters.branch);
    fields.emplace_back("author", run.parameters.author);
    fields.emplace_back("message", run.parameters.message);
    write("run_started", std::move(fields));
  }
  void stage_started(const plan::Stage& stage, int attempt) override {
    write("stage_started", {{"stage", stage.id}, {"attempt", attempt}});
  }
  void stage_reused(const plan::Stage& stage) override {
    write("stage_reused", {{"stage", stage.id}});
  }
  void step_started(const plan::Stage& stage, const plan::Step& step) override {
    step_ = step.id;
    write("step_started", {{"stage", stage.id},
                           {"step", step.id},
                           {"kind", plan::kind_name(step.body)},
                           {"title", step.title}});
  }
  void output(const plan::Stage& stage, std::string_view source, std::string_view line) override {
    Value::Object fields{{"stage", stage.id}, {"step", step_}};
    if (!source.empty()) fields.emplace_back("source", source);
    fields.emplace_back("line", line);
    write("output", std::move(fields));
  }
  void note(const plan::Stage& stage, std::string_view line) override {
    write("note", {{"stage", stage.id}, {"step", step_}, {"line", line}});
  }
  void step_finished(const StepFinished& step) override {
    Value::Object fields{{"stage", step.stage.id},
                         {"step", step.step.id},
                         {"state", store::to_string(step.state)},
                         {"milliseconds", std::int64_t{step.duration.count()}},
                         {"summary", step.summary}};
    add_error(fields, step.error);
    write("step_finished", std::move(fields));
  }
  void stage_finished(const StageFinished& stage) override {
    write("stage_finished", {{"stage", stage.stage.id},
                             {"state", store::to_string(stage.state)},
                             {"milliseconds", std::int64_t{stage.duration.count()}}});
  }
  void run_finished(const RunFinished& run) override {
    Value::Object fields{{"state", store::to_string(run.state)},
                         {"milliseconds", std::int64_t{run.duration.count()}}};
    add_error(fields, run.error);
    write("run_finished", std::move(fields));
  }
  void message(std::string_view text) override { write("message", {{"text", text}}); }

 private:
  static void add_error(Value::Object& fields, const Error* error) {
    if (error == nullptr) return;
    fields.emplace_back("error", Value::object({{"code", to_string(error->code)},
                                                {"message", describe(*error)},
                                                {"hint", error->hint},
                                                {"exitCode", error->exit_code}}));
  }
  void write(std::string_view event, Value::Object fields) const {
    Value::Object record{{"time", os::format_time(clock_->now())}, {"event", event}};
    if (run_ != 0) record.emplace_back("run", run_);
    record.insert(record.end(), common_.begin(), common_.end());
    std::move(fields.begin(), fields.end(), std::back_inserter(record));
    write_(doc::to_json(Value(std::move(record))));
  }

  const std::shared_ptr<os::Clock> clock_;
  const Value::Object common_;
  const JsonLine write_;
  std::int64_t run_ = 0;
  std::string step_;
};

}  // namespace

std::unique_ptr<RunObserver> make_json_observer(std::shared_ptr<os::Clock> clock,
                                                doc::Value::Object common, JsonLine write) {
  return std::make_unique<JsonObserver>(std::move(clock), std::move(common), std::move(write));
}

}  // namespace aphex::engine
