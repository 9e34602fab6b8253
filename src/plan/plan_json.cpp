// The JSON form of a plan, version 1:
//
// {"version": 1,
//  "pipeline": {"name", "onChange", "maxParallelStacks", "bootstrapQualifier", "artifactStore",
//               "settings": {…}},
//  "environments": [{"name", "region", "account",
//                    "stacks": [{"name", "path", "dependsOn": […]}]}],
//  "stages": [{"id", "kind", "environment"?, "needs": […], "timeoutSeconds",
//              "steps": [{"id", "kind", "title", …the kind's own fields}]}]}
//
// "environment" is a name. A step kind's own fields: "environment", "command", "role", "paths";
// of await-approval "approvers", "quorum", "expiresSeconds", "selfApproval".

#include <array>
#include <limits>
#include <unordered_map>
#include <unordered_set>

#include <fmt/format.h>

#include "base/sha256.hpp"
#include "plan/plan.hpp"

namespace aphex::plan {
namespace {

using doc::Value;

// Environment name → index into Plan::environments.
using EnvironmentIndex = std::unordered_map<std::string, std::size_t>;

// The kind's name, and how its step is read back; in the order of StepBody.
using ReadBody = Result<StepBody> (*)(const Value& step, const EnvironmentIndex& environments);

struct KindEntry {
  std::string_view name;
  ReadBody read;
};

tl::unexpected<Error> malformed(std::string what) {
  return fail(ErrorCode::corrupt, "the stored plan is malformed: " + std::move(what),
              "the plan was written by another program or damaged; start a new run");
}

Result<std::string> read_string(const Value& object, std::string_view key) {
  const Value* value = object.find(key);
  if (value == nullptr || !value->is_string()) {
    return malformed(fmt::format("'{}' is missing or no string", key));
  }
  return *value->as_string();
}

Result<std::vector<std::string>> read_strings(const Value& object, std::string_view key) {
  const Value* value = object.find(key);
  if (value == nullptr || !value->is_array()) {
    return malformed(fmt::format("'{}' is missing or no list", key));
  }
  std::vector<std::string> strings;
  for (const Value& item : *value->as_array()) {
    if (!item.is_string()) return malformed(fmt::format("'{}' holds more than strings", key));
    strings.push_back(*item.as_string());
  }
  return strings;
}

Result<std::int64_t> read_int(const Value& object, std::string_view key) {
  const Value* value = object.find(key);
  if (value == nullptr || value->as_int() == nullptr) {
    return malformed(fmt::format("'{}' is missing or no whole number", key));
  }
  return *value->as_int();
}

Result<std::size_t> read_environment(const Value& object, const EnvironmentIndex& environments) {
  APHEX_TRY(const std::string name, read_string(object, "environment"));
  const auto found = environments.find(name);
  if (found != environments.end()) return found->second;
  return malformed(fmt::format("environment '{}' does not exist", name));
}

// The list at `key`; `what` is said where there is none.
Result<const Value::Array*> read_list(const Value& object, std::string_view key, std::string what) {
  const Value* value = object.find(key);
  if (value == nullptr || !value->is_array()) return malformed(std::move(what));
  return value->as_array();
}

template <typename Body>
Result<StepBody> read_plain(const Value& /*step*/, const EnvironmentIndex& /*environments*/) {
  return StepBody(Body{});
}

template <typename Body>
Result<StepBody> read_in_environment(const Value& step, const EnvironmentIndex& environments) {
  APHEX_TRY(const std::size_t environment, read_environment(step, environments));
  return StepBody(Body{environment});
}

template <typename Body>
Result<StepBody> read_paths(const Value& step, const EnvironmentIndex& /*environments*/) {
  APHEX_TRY(std::vector<std::string> paths, read_strings(step, "paths"));
  return StepBody(Body{std::move(paths)});
}

Result<StepBody> read_command(const Value& step, const EnvironmentIndex& environments) {
  APHEX_TRY(std::string command, read_string(step, "command"));
  APHEX_TRY(const std::string role_name, read_string(step, "role"));
  RunCommand body{CommandRole::build, std::move(command), std::nullopt};
  bool known = false;
  for (CommandRole role : {CommandRole::build, CommandRole::before_deploy,
                           CommandRole::after_deploy, CommandRole::test}) {
    if (to_string(role) != role_name) continue;
    body.role = role;
    known = true;
  }
  if (!known) return malformed(fmt::format("role '{}' does not exist", role_name));
  if (step.find("environment") != nullptr) {
    APHEX_TRY(const std::size_t environment, read_environment(step, environments));
    body.environment = environment;
  }
  return StepBody(std::move(body));
}

Result<StepBody> read_approval(const Value& step, const EnvironmentIndex& environments) {
  AwaitApproval body{};
  APHEX_TRY(body.environment, read_environment(step, environments));
  APHEX_TRY(body.approval.approvers, read_strings(step, "approvers"));
  APHEX_TRY(const std::int64_t quorum, read_int(step, "quorum"));
  APHEX_TRY(const std::int64_t expires, read_int(step, "expiresSeconds"));
  const Value* own = step.find("selfApproval");
  if (own == nullptr || own->as_bool() == nullptr) {
    return malformed("'selfApproval' is missing or no truth value");
  }
  if (quorum < 1 || quorum > std::numeric_limits<std::int32_t>::max() || expires < 1 ||
      expires > std::numeric_limits<std::int32_t>::max()) {
    return malformed("an approval is out of range");
  }
  body.approval.quorum = static_cast<std::uint32_t>(quorum);
  body.approval.expires = std::chrono::seconds(expires);
  body.approval.self_approval = *own->as_bool();
  return StepBody(std::move(body));
}

constexpr std::array<KindEntry, std::variant_size_v<StepBody>> kKinds{{
    {"clone", read_plain<CloneCommit>},
    {"check-configuration", read_plain<CheckConfiguration>},
    {"check-tools", read_plain<CheckTools>},
    {"check-access", read_in_environment<CheckAccess>},
    {"check-app", read_plain<CheckApp>},
    {"find-artifacts", read_plain<FindArtifacts>},
    {"restore-cache", read_paths<RestoreCache>},
    {"run-command", read_command},
    {"synthesize", read_in_environment<Synthesize>},
    {"check-stacks", read_in_environment<CheckStacks>},
    {"upload-artifacts", read_paths<UploadArtifacts>},
    {"update-pipeline", read_plain<UpdatePipeline>},
    {"download-artifacts", read_plain<DownloadArtifacts>},
    {"deploy-stacks", read_in_environment<DeployStacks>},
    {"capture-outputs", read_in_environment<CaptureOutputs>},
    {"provide-outputs", read_in_environment<ProvideOutputs>},
    {"prepare-changes", read_in_environment<PrepareChanges>},
    {"await-approval", read_approval},
    {"check-approval", read_in_environment<CheckApproval>},
}};

// Writes the kind's own fields.
struct WriteBody {
  const Plan& plan;
  Value& step;

  void environment(std::size_t index) const {
    step.set("environment", plan.environments[index].name);
  }
  void operator()(const CloneCommit&) const {}
  void operator()(const CheckConfiguration&) const {}
  void operator()(const CheckTools&) const {}
  void operator()(const CheckAccess& body) const { environment(body.environment); }
  void operator()(const CheckApp&) const {}
  void operator()(const FindArtifacts&) const {}
  void operator()(const RestoreCache& body) const { step.set("paths", Value::strings(body.paths)); }
  void operator()(const RunCommand& body) const {
    step.set("role", to_string(body.role));
    step.set("command", body.command);
    if (body.environment) environment(*body.environment);
  }
  void operator()(const Synthesize& body) const { environment(body.environment); }
  void operator()(const CheckStacks& body) const { environment(body.environment); }
  void operator()(const UploadArtifacts& body) const {
    step.set("paths", Value::strings(body.paths));
  }
  void operator()(const UpdatePipeline&) const {}
  void operator()(const DownloadArtifacts&) const {}
  void operator()(const DeployStacks& body) const { environment(body.environment); }
  void operator()(const CaptureOutputs& body) const { environment(body.environment); }
  void operator()(const ProvideOutputs& body) const { environment(body.environment); }
  void operator()(const PrepareChanges& body) const { environment(body.environment); }
  void operator()(const AwaitApproval& body) const {
    environment(body.environment);
    step.set("approvers", Value::strings(body.approval.approvers));
    step.set("quorum", std::int64_t{body.approval.quorum});
    step.set("expiresSeconds", std::int64_t{body.approval.expires.count()});
    step.set("selfApproval", body.approval.self_approval);
  }
  void operator()(const CheckApproval& body) const { environment(body.environment); }
};

Value write_step(const Plan& plan, const Step& step) {
  Value value =
      Value::object({{"id", step.id}, {"kind", kind_name(step.body)}, {"title", step.title}});
  std::visit(WriteBody{plan, value}, step.body);
  return value;
}

Value write_stage(const Plan& plan, const Stage& stage) {
  Value value = Value::object({{"id", stage.id}, {"kind", to_string(stage.kind)}});
  if (stage.environment) value.set("environment", plan.environments[*stage.environment].name);
  value.set("needs", Value::strings(stage.needs));
  value.set("timeoutSeconds", std::int64_t{stage.timeout.count()});
  Value::Array steps;
  steps.reserve(stage.steps.size());
  for (const Step& step : stage.steps)
    steps.push_back(write_step(plan, step));
  value.set("steps", std::move(steps));
  return value;
}

Value write_environment(const Environment& environment) {
  Value::Array stacks;
  stacks.reserve(environment.stacks.size());
  for (const config::Stack& stack : environment.stacks) {
    stacks.push_back(Value::object({{"name", stack.name},
                                    {"path", stack.path},
                                    {"dependsOn", Value::strings(stack.depends_on)}}));
  }
  return Value::object({{"name", environment.name},
                        {"region", environment.region},
                        {"account", environment.account},
                        {"stacks", std::move(stacks)}});
}

Result<Step> read_step(const Value& value, const EnvironmentIndex& environments) {
  APHEX_TRY(std::string id, read_string(value, "id"));
  APHEX_TRY(std::string title, read_string(value, "title"));
  APHEX_TRY(const std::string kind, read_string(value, "kind"));
  for (const KindEntry& entry : kKinds) {
    if (entry.name != kind) continue;
    APHEX_TRY(StepBody body, entry.read(value, environments));
    return Step{std::move(id), std::move(title), std::move(body)};
  }
  return malformed(fmt::format("step kind '{}' does not exist", kind));
}

Result<StageKind> read_stage_kind(const Value& value) {
  APHEX_TRY(const std::string text, read_string(value, "kind"));
  for (StageKind kind : {StageKind::validate, StageKind::build, StageKind::pipeline,
                         StageKind::approve, StageKind::deploy, StageKind::test}) {
    if (to_string(kind) == text) return kind;
  }
  return malformed(fmt::format("stage kind '{}' does not exist", text));
}

// What the engine takes for granted: the kind decides whether a stage has an environment, and the
// steps that work on one stand in its stage.
Status check_environments(const Stage& stage) {
  const bool expected = stage.kind == StageKind::approve || stage.kind == StageKind::deploy ||
                        stage.kind == StageKind::test;
  if (stage.environment.has_value() != expected) {
    return malformed(fmt::format("stage '{}' {} environment", stage.id,
                                 expected ? "lacks its" : "cannot have an"));
  }
  for (const Step& step : stage.steps) {
    std::optional<std::size_t> environment;
    if (const auto* deploy = std::get_if<DeployStacks>(&step.body)) {
      environment = deploy->environment;
    } else if (const auto* capture = std::get_if<CaptureOutputs>(&step.body)) {
      environment = capture->environment;
    } else if (const auto* provide = std::get_if<ProvideOutputs>(&step.body)) {
      environment = provide->environment;
    } else if (const auto* prepare = std::get_if<PrepareChanges>(&step.body)) {
      environment = prepare->environment;
    } else if (const auto* await = std::get_if<AwaitApproval>(&step.body)) {
      environment = await->environment;
    } else if (const auto* approved = std::get_if<CheckApproval>(&step.body)) {
      environment = approved->environment;
    }
    if (environment && environment != stage.environment) {
      return malformed(
          fmt::format("step '{}' of stage '{}' belongs to another environment", step.id, stage.id));
    }
  }
  return {};
}

Result<Stage> read_stage(const Value& value, const EnvironmentIndex& environments) {
  Stage stage;
  APHEX_TRY(stage.id, read_string(value, "id"));
  APHEX_TRY(stage.kind, read_stage_kind(value));
  if (value.find("environment") != nullptr) {
    APHEX_TRY(stage.environment, read_environment(value, environments));
  }
  APHEX_TRY(stage.needs, read_strings(value, "needs"));
  APHEX_TRY(const std::int64_t timeout, read_int(value, "timeoutSeconds"));
  if (timeout < 1 || timeout > std::numeric_limits<std::int32_t>::max()) {
    return malformed("'timeoutSeconds' is out of range");
  }
  stage.timeout = std::chrono::seconds(timeout);
  APHEX_TRY(const Value::Array* steps, read_list(value, "steps", "a stage has no steps"));
  stage.steps.reserve(steps->size());
  for (const Value& item : *steps) {
    APHEX_TRY(Step step, read_step(item, environments));
    stage.steps.push_back(std::move(step));
  }
  APHEX_CHECK(check_environments(stage));
  return stage;
}

Result<Environment> read_environment_entry(const Value& value) {
  Environment environment;
  APHEX_TRY(environment.name, read_string(value, "name"));
  APHEX_TRY(environment.region, read_string(value, "region"));
  APHEX_TRY(environment.account, read_string(value, "account"));
  APHEX_TRY(const Value::Array* stacks, read_list(value, "stacks", "an environment has no stacks"));
  environment.stacks.reserve(stacks->size());
  for (const Value& item : *stacks) {
    config::Stack stack;
    APHEX_TRY(stack.name, read_string(item, "name"));
    APHEX_TRY(stack.path, read_string(item, "path"));
    APHEX_TRY(stack.depends_on, read_strings(item, "dependsOn"));
    environment.stacks.push_back(std::move(stack));
  }
  return environment;
}

Status read_environments(const Value& value, Plan& plan, EnvironmentIndex& index) {
  APHEX_TRY(const Value::Array* items,
            read_list(value, "environments", "'environments' is missing or no list"));
  plan.environments.reserve(items->size());
  for (const Value& item : *items) {
    APHEX_TRY(Environment environment, read_environment_entry(item));
    if (!index.emplace(environment.name, plan.environments.size()).second) {
      return malformed(fmt::format("environment '{}' is there twice", environment.name));
    }
    plan.environments.push_back(std::move(environment));
  }
  return {};
}

Status read_stages(const Value& value, const EnvironmentIndex& environments, Plan& plan) {
  APHEX_TRY(const Value::Array* items,
            read_list(value, "stages", "'stages' is missing or no list"));
  std::unordered_set<std::string> seen;
  plan.stages.reserve(items->size());
  for (const Value& item : *items) {
    APHEX_TRY(Stage stage, read_stage(item, environments));
    for (const std::string& need : stage.needs) {
      if (seen.count(need) != 0) continue;
      return malformed(
          fmt::format("stage '{}' needs '{}', which does not stand before it", stage.id, need));
    }
    if (!seen.insert(stage.id).second) {
      return malformed(fmt::format("stage '{}' is there twice", stage.id));
    }
    plan.stages.push_back(std::move(stage));
  }
  return {};
}

Status read_pipeline(const Value& value, Plan& plan) {
  APHEX_TRY(plan.pipeline, read_string(value, "name"));
  APHEX_TRY(const std::string on_change, read_string(value, "onChange"));
  if (on_change != "restart" && on_change != "continue") {
    return malformed(fmt::format("onChange '{}' does not exist", on_change));
  }
  plan.on_change = on_change == "continue" ? config::OnChange::proceed : config::OnChange::restart;
  APHEX_TRY(const std::int64_t parallel, read_int(value, "maxParallelStacks"));
  if (parallel < 1 || parallel > std::numeric_limits<std::uint32_t>::max()) {
    return malformed("'maxParallelStacks' is out of range");
  }
  plan.max_parallel_stacks = static_cast<std::uint32_t>(parallel);
  APHEX_TRY(plan.bootstrap_qualifier, read_string(value, "bootstrapQualifier"));
  APHEX_TRY(plan.artifact_store, read_string(value, "artifactStore"));
  const Value* settings = value.find("settings");
  if (settings == nullptr || !settings->is_object()) {
    return malformed("'settings' is missing or no object");
  }
  plan.stack_settings = *settings;
  return {};
}

}  // namespace

std::string_view kind_name(const StepBody& body) {
  return kKinds[body.index()].name;
}

Value to_value(const Plan& plan) {
  Value value = Value::object({{"version", kPlanVersion}});
  value.set("pipeline",
            Value::object(
                {{"name", plan.pipeline},
                 {"onChange", plan.on_change == config::OnChange::restart ? "restart" : "continue"},
                 {"maxParallelStacks", std::int64_t{plan.max_parallel_stacks}},
                 {"bootstrapQualifier", plan.bootstrap_qualifier},
                 {"artifactStore", plan.artifact_store},
                 {"settings", plan.stack_settings}}));
  Value::Array environments;
  environments.reserve(plan.environments.size());
  for (const Environment& environment : plan.environments) {
    environments.push_back(write_environment(environment));
  }
  value.set("environments", std::move(environments));
  Value::Array stages;
  stages.reserve(plan.stages.size());
  for (const Stage& stage : plan.stages)
    stages.push_back(write_stage(plan, stage));
  value.set("stages", std::move(stages));
  return value;
}

Result<Plan> from_value(const Value& value) {
  APHEX_TRY(const std::int64_t version, read_int(value, "version"));
  if (version != kPlanVersion) {
    return fail(
        ErrorCode::unsupported,
        fmt::format("the plan has version {}, this aphex reads version {}", version, kPlanVersion),
        "use the aphex that wrote it, or a newer one");
  }
  Plan plan;
  const Value* pipeline = value.find("pipeline");
  if (pipeline == nullptr) return malformed("'pipeline' is missing");
  APHEX_CHECK(read_pipeline(*pipeline, plan));
  EnvironmentIndex environments;
  APHEX_CHECK(read_environments(value, plan, environments));
  APHEX_CHECK(read_stages(value, environments, plan));
  return plan;
}

std::string digest(const Plan& plan) {
  return sha256_hex(doc::to_json(to_value(plan)));
}

}  // namespace aphex::plan
