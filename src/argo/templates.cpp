#include "argo/templates.hpp"

#include <algorithm>
#include <unordered_set>

#include <fmt/format.h>

#include "argo/dialect.hpp"
#include "argo/gate.hpp"
#include "argo/objects.hpp"
#include "argo/stage_interface.hpp"
#include "argo/stage_template.hpp"
#include "base/text.hpp"

namespace aphex::argo {
namespace {

using doc::Value;

// Beyond the stages' own bounds: the controller's work between them, and one pod's second try.
constexpr std::chrono::seconds kRunSlack{3600};

// One workflow's template: which stages, for whom.
struct Flow {
  std::string name;
  std::vector<std::size_t> stages;
  Trust trust = Trust::pipeline;
  std::string account;
  std::string_view component;
};

std::int64_t deadline_seconds(const Context& context, const Flow& flow) {
  std::chrono::seconds sum = kRunSlack;
  for (const std::size_t i : flow.stages)
    sum += context.plan.stages[i].timeout + kPodStartBound + approval_wait(context.plan.stages[i]);
  return sum.count();
}

// A stage starts only when those that it needs have succeeded: not when they were skipped, and not
// when they failed.
std::string depends_on(const std::vector<std::string>& needs) {
  std::vector<std::string> conditions;
  conditions.reserve(needs.size());
  for (const std::string& need : needs)
    conditions.push_back(need + ".Succeeded");
  return join(conditions, " && ");
}

// A stage that asks is followed by a gate, and who needs the stage needs the gate.
std::vector<std::string> with_gates(const Context& context, const std::vector<std::string>& needs) {
  std::vector<std::string> tasks;
  tasks.reserve(needs.size());
  for (const std::string& need : needs) {
    const plan::Stage* stage = plan::find_stage(context.plan, need);
    const bool asks = stage != nullptr && stage->kind == plan::StageKind::approve;
    tasks.push_back(asks ? gate_name(context.plan, *stage) : need);
  }
  return tasks;
}

Value dag(const Context& context, const Flow& flow, const std::vector<std::string>& names) {
  Value tasks = Value::array();
  for (const std::size_t i : flow.stages) {
    const plan::Stage& stage = context.plan.stages[i];
    Value task = Value::object({{"name", stage.id}, {"template", names[i]}});
    if (!stage.needs.empty()) task.set("depends", depends_on(with_gates(context, stage.needs)));
    const bool after_pipeline =
        std::any_of(stage.needs.begin(), stage.needs.end(), [&](const std::string& need) {
          const plan::Stage* needed = plan::find_stage(context.plan, need);
          return needed != nullptr && needed->kind == plan::StageKind::pipeline;
        });
    if (after_pipeline) {
      const auto pipeline = std::find_if(
          context.plan.stages.begin(), context.plan.stages.end(),
          [](const plan::Stage& other) { return other.kind == plan::StageKind::pipeline; });
      // In quotes: bare words are an expression to Argo, and "handed-over" a subtraction.
      task.set("when", fmt::format("'{{{{tasks.{}.outputs.parameters.{}}}}}' == '{}'", pipeline->id,
                                   kOutcomeParameter, kContinue));
    }
    if (checks_approval(stage)) task.set("arguments", gate_results(context, stage));
    tasks.push_back(std::move(task));
    if (stage.kind == plan::StageKind::approve) {
      tasks.push_back(gate_task(context, stage, gate_template_name(names[i])));
    }
  }
  return Value::object({{"name", kMainTemplate}, {"dag", Value::object({{"tasks", tasks}})}});
}

// Every parameter but the commit has a value of its own, so that a person can start a run by
// naming a commit.
Value arguments(const Settings& settings) {
  Value parameters = Value::array();
  for (const ParameterName& known : kParameters) {
    Value parameter = Value::object({{"name", known.name}});
    switch (known.parameter) {
      case Parameter::commit_sha:
        break;
      case Parameter::repository_url:
        parameter.set("value", repository_url(settings.github));
        break;
      case Parameter::branch:
        parameter.set("value", settings.github.branch);
        break;
      case Parameter::author:
      case Parameter::message:
        parameter.set("value", "");
        break;
    }
    parameters.push_back(std::move(parameter));
  }
  return Value::object({{"parameters", std::move(parameters)}});
}

Value workflow_metadata(const Context& context, const Flow& flow) {
  const Settings& settings = context.settings;
  Value labels = Value::object({{std::string(kPipelineLabel), settings.pipeline},
                                {std::string(kComponentLabel), flow.component}});
  if (flow.trust == Trust::pipeline && is_label_value(settings.github.branch)) {
    labels.set("aphex.dev/branch", settings.github.branch);
  }
  return Value::object(
      {{"labels", std::move(labels)},
       {"labelsFrom",
        Value::object({{"aphex.dev/commit",
                        Value::object({{"expression", "workflow.parameters.commitSha"}})}})},
       {"annotations",
        Value::object({{std::string(kClusterAnnotation), settings.cluster},
                       {std::string(kPlanDigestAnnotation), context.plan_digest}})}});
}

Value volumes(const Settings& settings) {
  const auto empty_dir = [](std::string_view name, std::string_view size) {
    return Value::object({{"name", name}, {"emptyDir", Value::object({{"sizeLimit", size}})}});
  };
  return Value::array({empty_dir(kWorkVolume, settings.work_volume_size),
                       empty_dir(kTemporaryVolume, settings.work_volume_size)});
}

Value run_metrics(const Settings& settings) {
  const auto labels = [&] {
    return Value::array({Value::object({{"key", "pipeline"}, {"value", settings.pipeline}}),
                         Value::object({{"key", "status"}, {"value", "{{workflow.status}}"}})});
  };
  return Value::object(
      {{"prometheus",
        Value::array(
            {Value::object({{"name", "aphex_runs_total"},
                            {"help", "Runs of pipelines that have ended, by status"},
                            {"labels", labels()},
                            {"counter", Value::object({{"value", "1"}})}}),
             Value::object(
                 {{"name", "aphex_run_duration_seconds"},
                  {"help", "Duration of the runs of pipelines"},
                  {"labels", labels()},
                  {"histogram", Value::object({{"value", "{{workflow.duration}}"},
                                               {"buckets", Value::array({300, 900, 1800, 3600, 7200,
                                                                         14400, 28800})}})}})})}});
}

Value spec(const Context& context, const Flow& flow) {
  const Settings& settings = context.settings;
  const std::vector<std::string> names = template_names(context.plan);
  Value templates = Value::array({dag(context, flow, names)});
  for (const std::size_t i : flow.stages) {
    const plan::Stage& stage = context.plan.stages[i];
    templates.push_back(stage_template(context, {names[i], stage, flow.trust}));
    if (stage.kind == plan::StageKind::approve) {
      templates.push_back(gate_template(context, stage, gate_template_name(names[i])));
    }
  }
  if (flow.trust == Trust::pipeline) templates.push_back(exit_template(context));

  Value made = Value::object({
      {"entrypoint", kMainTemplate},
      {"serviceAccountName", flow.account},
      // Argo's own containers report through an account of theirs, so that no stage's program sees
      // a token of the cluster that it has no use for.
      {"automountServiceAccountToken", false},
      {"executor", Value::object({{"serviceAccountName", context.names.reporter_account}})},
      {"arguments", arguments(settings)},
      {"activeDeadlineSeconds", deadline_seconds(context, flow)},
      {"podGC", pod_collection(settings.argo)},
      {"ttlStrategy",
       Value::object({{"secondsAfterSuccess", std::int64_t{settings.ttl_success.count()}},
                      {"secondsAfterFailure", std::int64_t{settings.ttl_failure.count()}}})},
      {"workflowMetadata", workflow_metadata(context, flow)},
      {"podMetadata", Value::object({{"labels", pod_labels(context, flow.component)}})},
      {"securityContext", pod_security()},
      {"podSpecPatch", doc::to_json(Value::object({{"terminationGracePeriodSeconds",
                                                    std::int64_t{kGracePeriod.count()}}}))},
      {"volumes", volumes(settings)},
  });
  if (flow.trust == Trust::pipeline) {
    made.set("onExit", kExitTemplate);
    made.set("synchronization", synchronization(settings.argo, context.names.workflow_template));
  }
  if (settings.prometheus == Switch::on && flow.trust == Trust::pipeline) {
    made.set("metrics", run_metrics(settings));
  }
  made.set("templates", std::move(templates));
  return made;
}

Value object_of(const Context& context, const Flow& flow) {
  Value made = object_head(context, "argoproj.io/v1alpha1", "WorkflowTemplate", flow.name);
  Value head = *made.find("metadata");
  Value annotations = *head.find("annotations");
  annotations.set(std::string(kPlanDigestAnnotation), context.plan_digest);
  head.set("annotations", std::move(annotations));
  made.set("metadata", std::move(head));
  made.set("spec", spec(context, flow));
  return made;
}

}  // namespace

std::string repository_url(const GitHub& github) {
  return fmt::format("https://github.com/{}/{}.git", github.owner, github.repository);
}

std::vector<std::string> template_names(const plan::Plan& plan) {
  std::unordered_set<std::string> taken{std::string(kMainTemplate), std::string(kExitTemplate)};
  std::vector<std::string> names;
  names.reserve(plan.stages.size());
  // A name that is lower case already is its stage's own, whatever stands before it.
  for (const plan::Stage& stage : plan.stages) {
    if (to_lower(stage.id) == stage.id) taken.insert(stage.id);
  }
  for (const plan::Stage& stage : plan.stages) {
    std::string name = to_lower(stage.id);
    if (name != stage.id) {
      for (int number = 2; !taken.insert(name).second; ++number)
        name = fmt::format("{}-{}", to_lower(stage.id), number);
    }
    names.push_back(std::move(name));
  }
  return names;
}

Value workflow_template(const Context& context) {
  Flow flow{.name = context.names.workflow_template,
            .stages = {},
            .trust = Trust::pipeline,
            .account = context.names.executor_account,
            .component = kStageComponent};
  for (std::size_t i = 0; i < context.plan.stages.size(); ++i)
    flow.stages.push_back(i);
  return object_of(context, flow);
}

Value pull_request_template(const Context& context) {
  Flow flow{.name = context.names.pull_request_template,
            .stages = {},
            .trust = Trust::pull_request,
            .account = context.names.pull_request_account,
            .component = kPullRequestComponent};
  for (std::size_t i = 0; i < context.plan.stages.size(); ++i) {
    const plan::StageKind kind = context.plan.stages[i].kind;
    const bool taken =
        kind == plan::StageKind::validate ||
        (kind == plan::StageKind::build && context.settings.pull_requests == PullRequests::build);
    if (taken) flow.stages.push_back(i);
  }
  return object_of(context, flow);
}

}  // namespace aphex::argo
