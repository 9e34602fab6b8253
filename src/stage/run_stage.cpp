#include "stage/run_stage.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include "engine/deadline.hpp"
#include "engine/run_engine.hpp"
#include "engine/stage_runner.hpp"
#include "k8s/connect.hpp"
#include "os/files.hpp"
#include "stage/cluster_gate.hpp"
#include "stage/cluster_plan_store.hpp"
#include "stage/exit_status.hpp"
#include "stage/failure_events.hpp"
#include "stage/observers.hpp"
#include "stage/own_stage.hpp"
#include "stage/pipeline_stack.hpp"
#include "stage/plan_part.hpp"
#include "stage/stage_log.hpp"
#include "stage/stage_metrics.hpp"

namespace aphex::stage {
namespace {

// For what is kept after a failure, also when the pod is being ended.
constexpr std::chrono::seconds kEventsPatience{20};
constexpr std::chrono::minutes kElapsedInterval{1};
// A state directory of its own holds the one run.
constexpr std::int64_t kOnlyRun = 1;
// Where the events of the pipeline's own stack are, beside those of environments.
constexpr std::string_view kPipelineEvents = "pipeline";

// Stages that begin with a clone. The others get what the build made of it.
engine::WorkingCopyOrigin origin_of(plan::StageKind kind) {
  switch (kind) {
    case plan::StageKind::validate:
    case plan::StageKind::build:
    case plan::StageKind::pipeline:
      return engine::WorkingCopyOrigin::prepared;
    case plan::StageKind::approve:
    case plan::StageKind::deploy:
    case plan::StageKind::test:
      return engine::WorkingCopyOrigin::artifacts;
  }
  return engine::WorkingCopyOrigin::artifacts;
}

os::EnvironmentVariables pod_environment(const StageCall& call) {
  os::EnvironmentVariables environment = call.environment;
  environment.try_emplace("HOME", call.layout.home().string());
  // A pod's role comes from its service account. The node's is not the pipeline's to use.
  environment["AWS_EC2_METADATA_DISABLED"] = "true";
  return environment;
}

std::string environment_name(const plan::Plan& part) {
  const plan::Stage& stage = part.stages.front();
  return stage.environment ? part.environments[*stage.environment].name : std::string();
}

// One stage's way through its pod, from the plan to the exit code.
class PodRun {
 public:
  PodRun(const StageCall& call, Pod pod, plan::Plan part)
      : call_(call),
        pod_(std::move(pod)),
        part_(std::move(part)),
        paths_{.root = engine::StatePaths{call.layout.state()}.run(kOnlyRun),
               .working_copy = call.layout.source()},
        gate_(call.environment, call.layout) {}

  StageOutcome run(const os::CancelToken& cancel) {
    Status opened = open();
    if (!opened) return {exit_status(opened.error()), opened.error()};
    StageLog log({.pod = pod_,
                  .container = stage().id,
                  .aws = services().aws,
                  .write = call_.write,
                  .display = call_.display});
    StageOutcome outcome = observed(log, cancel);
    log.close();
    return outcome;
  }

 private:
  const plan::Stage& stage() const { return part_.stages.front(); }
  engine::Services& services() { return services_->services(); }

  Status open() {
    const engine::StatePaths state{call_.layout.state()};
    APHEX_CHECK(os::make_directories(state.root));
    APHEX_CHECK(os::make_directories(call_.layout.home()));
    APHEX_TRY(database_, store::RunDatabase::open(state.database(), os::make_system_clock()));
    engine::ServiceRequest request;
    request.paths = state;
    request.environment = pod_environment(call_);
    request.artifact_store = part_.artifact_store;
    if (stage().kind == plan::StageKind::pipeline) {
      APHEX_CHECK(open_cluster(request.environment));
      request.plans = &*cluster_;
    }
    request.approvals = &gate_;
    APHEX_TRY(services_, engine::ServiceSet::open(*database_, request));
    options_.clone_source = pod_.parameters.repository_url;
    options_.config_path = pod_.config_path;
    options_.artifact_store = part_.artifact_store;
    options_.origin = origin_of(stage().kind);
    options_.clone_report = call_.layout.clone_report();
    const std::string workflow = fmt::format("-n {} {}", pod_.name_space, pod_.workflow);
    options_.commands = {.resume = "argo retry " + workflow,
                         .rebuild = "argo resubmit " + workflow};
    return {};
  }

  Status open_cluster(const os::EnvironmentVariables& environment) {
    APHEX_TRY(argo::Settings deployed, read_deployed_settings(call_.settings_file));
    own_stack_ = std::make_unique<PipelineStack>();
    const auto connect = [environment]() -> Result<std::shared_ptr<k8s::Client>> {
      APHEX_TRY(k8s::Connection connection, k8s::connect({.environment = environment,
                                                          .clock = os::make_system_clock(),
                                                          .processes = os::make_process_runner()},
                                                         {}));
      return std::move(connection.client);
    };
    cluster_.emplace(ClusterPlanStore::Parts{
        .pod = pod_, .deployed = std::move(deployed), .stack = *own_stack_, .connect = connect});
    return {};
  }

  // Tells Argo whether the rest of the workflow is to go on.
  Status conclude(engine::StepOutcome::Kind kind, engine::RunObserver& observer,
                  const os::CancelToken& cancel) {
    if (!cluster_) return {};
    std::string_view outcome = argo::kContinue;
    if (kind == engine::StepOutcome::Kind::hand_over) {
      APHEX_CHECK(cluster_->hand_over(cancel));
      outcome = argo::kHandedOver;
      observer.message(fmt::format("workflow {} hands over to {}{} under the new plan",
                                   pod_.workflow, pod_.workflow, argo::kHandOverSuffix));
    }
    return os::write_file_atomic(call_.layout.outcome(), outcome);
  }

  StageOutcome observed(StageLog& log, const os::CancelToken& cancel) {
    ProgressFile progress(value_of("ARGO_PROGRESS_FILE"));
    StageTally tally;
    engine::RunObserver& observer = log.observer();
    ObserverGroup group({&observer, &progress, &tally});
    group.run_started({0, part_, pod_.parameters});
    const auto started = services().clock->steady();
    Result<engine::StepOutcome::Kind> result = [&] {
      const ElapsedTicker ticker([this] { publish_elapsed(); }, kElapsedInterval);
      return execute(group, cancel);
    }();
    if (result) {
      if (Status told = conclude(*result, observer, cancel); !told) result = fail(told.error());
    }
    const auto duration =
        std::chrono::duration_cast<std::chrono::milliseconds>(services().clock->steady() - started);
    StageOutcome outcome;
    if (!result) {
      keep_events(observer);
      outcome.error = services().secrets.mask(result.error());
      outcome.exit_code = exit_status(*outcome.error);
    }
    publish_end(observer, tally, duration, outcome);
    group.run_finished(
        {0, run_state(outcome), duration, outcome.error ? &*outcome.error : nullptr});
    return outcome;
  }

  Result<engine::StepOutcome::Kind> execute(engine::RunObserver& observer,
                                            const os::CancelToken& cancel) {
    APHEX_CHECK(record_run());
    Result<engine::StepOutcome::Kind> kind = execute_part(observer, cancel);
    if (kind) return kind;
    std::optional<plan::Plan> own =
        own_part({part_, paths_, options_, pod_.parameters}, kind.error());
    if (!own) return kind;
    observer.message(services().secrets.mask(
        fmt::format("{}; the commit does this stage otherwise: trying the commit's own",
                    describe(kind.error()))));
    // What the failed attempt left must not be mixed with what comes.
    APHEX_CHECK(os::remove_tree(paths_.root / "work.json"));
    part_ = std::move(*own);
    return execute_part(observer, cancel);
  }

  Result<engine::StepOutcome::Kind> execute_part(engine::RunObserver& observer,
                                                 const os::CancelToken& cancel) {
    return engine::execute_stage({.database = *database_,
                                  .observer = observer,
                                  .services = services(),
                                  .paths = paths_,
                                  .run = kOnlyRun,
                                  .plan = part_,
                                  .plan_digest = pod_.plan_digest,
                                  .parameters = pod_.parameters,
                                  .options = options_,
                                  .stage = stage()},
                                 cancel);
  }

  Status record_run() {
    store::NewRun run;
    run.pipeline = part_.pipeline;
    run.plan_digest = pod_.plan_digest;
    run.plan = doc::to_json(plan::to_value(part_));
    run.commit_sha = pod_.parameters.commit_sha;
    run.repository_url = pod_.parameters.repository_url;
    run.branch = pod_.parameters.branch;
    run.author = pod_.parameters.author;
    run.message = pod_.parameters.message;
    run.options = engine::to_json(options_);
    run.owner_pid = ::getpid();
    APHEX_TRY(const std::uint64_t start, os::process_start_time(::getpid()));
    run.owner_start = static_cast<std::int64_t>(start);
    run.stages.push_back({stage().id, std::string(plan::to_string(stage().kind))});
    APHEX_CHECK(os::make_directories(paths_.root));
    APHEX_TRY(const std::int64_t id,
              database_->create_run(run, [](std::int64_t) { return Status(); }));
    if (id != kOnlyRun) {
      return fail(
          ErrorCode::usage,
          fmt::format("{} holds another stage's state already", call_.layout.state().string()),
          "each stage needs a directory of its own");
    }
    return database_->start_run(id);
  }

  void keep_events(engine::RunObserver& observer) {
    const std::string environment = stage().kind == plan::StageKind::pipeline
                                        ? std::string(kPipelineEvents)
                                        : environment_name(part_);
    if (environment.empty() || part_.artifact_store.empty()) return;
    os::CancelSource source;
    const engine::Deadline deadline(source, kEventsPatience, "the artifact store takes too long");
    const Result<std::vector<std::string>> kept =
        keep_failure_events({.paths = paths_,
                             .artifacts = services().artifacts,
                             .commit_sha = pod_.parameters.commit_sha,
                             .environment = environment},
                            source.token());
    if (!kept) {
      observer.message(services().secrets.mask("CloudFormation's events could not be kept: " +
                                               describe(kept.error())));
      return;
    }
    for (const std::string& place : *kept)
      observer.message("CloudFormation's events of the failed deployment: " + place);
  }

  void publish_elapsed() {
    // A missing point of a series is no news: the stage's end says whether metrics arrive.
    (void)publish_metrics(services().aws, pod_.metric_namespace,
                          elapsed_metrics(pod_, services().clock->now()));
  }

  void publish_end(engine::RunObserver& observer, const StageTally& tally,
                   std::chrono::milliseconds duration, const StageOutcome& outcome) {
    const Status published =
        publish_metrics(services().aws, pod_.metric_namespace,
                        stage_metrics({.pipeline = pod_.pipeline,
                                       .stage = stage().id,
                                       .kind = stage().kind,
                                       .environment = environment_name(part_),
                                       .succeeded = !outcome.error,
                                       .duration = duration,
                                       .uploaded_bytes = tally.uploaded_bytes(),
                                       .time = services().clock->now()}));
    if (!published) {
      observer.message(services().secrets.mask("the metrics did not reach CloudWatch: " +
                                               describe(published.error())));
    }
  }

  static store::RunState run_state(const StageOutcome& outcome) {
    if (!outcome.error) return store::RunState::succeeded;
    return outcome.error->code == ErrorCode::cancelled ? store::RunState::cancelled
                                                       : store::RunState::failed;
  }

  std::string value_of(const std::string& name) const {
    const auto found = call_.environment.find(name);
    return found == call_.environment.end() ? std::string() : found->second;
  }

  const StageCall& call_;
  const Pod pod_;
  plan::Plan part_;
  const engine::RunPaths paths_;
  ClusterGate gate_;
  engine::RunOptions options_;
  std::unique_ptr<store::RunDatabase> database_;
  // Of the stage `pipeline` alone.
  std::unique_ptr<OwnStack> own_stack_;
  std::optional<ClusterPlanStore> cluster_;
  std::unique_ptr<engine::ServiceSet> services_;  // last: it refers to the others
};

}  // namespace

StageOutcome run_stage(const StageCall& call, const os::CancelToken& cancel) {
  Result<Pod> pod = read_pod(call.environment, Container::stage);
  if (!pod) return {exit_status(pod.error()), pod.error()};
  Result<plan::Plan> part = read_plan_part(call.plan_file, *pod);
  if (!part) return {exit_status(part.error()), part.error()};
  return PodRun(call, std::move(*pod), std::move(*part)).run(cancel);
}

}  // namespace aphex::stage
