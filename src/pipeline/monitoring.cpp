#include "pipeline/monitoring.hpp"

#include <fmt/format.h>

#include "pipeline/names.hpp"
#include "plan/metrics.hpp"

namespace aphex::pipeline {
namespace {

constexpr std::int64_t kHour = 3600;
constexpr std::int64_t kDay = 24 * kHour;
// The grid of a dashboard has 24 columns.
constexpr int kHalf = 12;
constexpr int kHeight = 6;
constexpr int kTitleHeight = 1;
constexpr std::size_t kMaxName = 255;

constexpr std::string_view kGreen = "#2ca02c";
constexpr std::string_view kRed = "#d62728";

std::string alarm_name(const Settings& settings, std::string_view what) {
  return bounded_name(settings.name + "-" + std::string(what), kMaxName);
}

cloudwatch::AlarmProps alarm(const Settings& settings, std::string_view metric,
                             const Value& topic) {
  cloudwatch::AlarmProps props;
  props.metric_namespace = plan::kMetricNamespace;
  props.metric_name = metric;
  props.dimensions = {{std::string(plan::dimension::kPipeline), settings.name}};
  props.treat_missing_data = cloudwatch::MissingData::not_breaching;
  props.alarm_actions = {topic};
  return props;
}

// One line of a graph: a metric of the whole pipeline.
Value line(const Settings& settings, std::string_view metric, Value options) {
  return Value::array({plan::kMetricNamespace, metric, plan::dimension::kPipeline, settings.name,
                       std::move(options)});
}

// As many lines as there are stages, or environments, whenever they come to be.
Value lines_by(const Settings& settings, std::string_view metric, std::string_view by,
               std::string_view statistic, std::int64_t period_seconds) {
  const std::string search =
      fmt::format("SEARCH('{{{},{},{}}} MetricName=\"{}\" {}=\"{}\"', '{}', {})",
                  plan::kMetricNamespace, plan::dimension::kPipeline, by, metric,
                  plan::dimension::kPipeline, settings.name, statistic, period_seconds);
  return Value::array(
      {Value::object({{"expression", search}, {"label", fmt::format("${{PROP('Dim.{}')}}", by)}})});
}

struct Place {
  int x, y;
};

struct Graph {
  std::string title;
  Value::Array metrics;
  std::int64_t period_seconds = kHour;
  std::string_view statistic = "Sum";
  std::string_view axis;
  bool stacked = false;
};

Value widget(std::string_view type, Place at, int width, int height, Value properties) {
  return Value::object({{"type", type},
                        {"x", at.x},
                        {"y", at.y},
                        {"width", width},
                        {"height", height},
                        {"properties", std::move(properties)}});
}

Value graph(const Settings& settings, Place at, Graph of) {
  Value properties = Value::object({{"title", of.title},
                                    {"region", settings.region},
                                    {"view", "timeSeries"},
                                    {"stacked", of.stacked},
                                    {"stat", of.statistic},
                                    {"period", of.period_seconds},
                                    {"metrics", std::move(of.metrics)}});
  properties.set(
      "yAxis",
      Value::object(
          {{"left", Value::object({{"min", 0}, {"label", of.axis}, {"showUnits", false}})}}));
  return widget("metric", at, kHalf, kHeight, std::move(properties));
}

Value recent_runs(const Settings& settings, Place at) {
  const std::string query = fmt::format(
      "SOURCE '{}' | fields @timestamp, state, commitSha, branch, author, milliseconds / 1000 as "
      "seconds | filter event = '{}' | sort @timestamp desc | limit 20",
      settings.log_group, plan::kRunFinishedEvent);
  return widget("log", at, 2 * kHalf, kHeight,
                Value::object({{"title", "Recent runs"},
                               {"region", settings.region},
                               {"view", "table"},
                               {"query", query}}));
}

Value labelled(std::string_view label, std::string_view colour) {
  return Value::object({{"label", label}, {"color", colour}});
}

}  // namespace

std::vector<NamedAlarm> alarms(const Settings& settings, const Value& topic) {
  cloudwatch::AlarmProps failures = alarm(settings, plan::metric::kWorkflowFailed, topic);
  failures.alarm_name = alarm_name(settings, "workflow-failures");
  failures.description = fmt::format("A run of the pipeline {} failed", settings.name);
  failures.threshold = 1;

  cloudwatch::AlarmProps deployments = alarm(settings, plan::metric::kDeploymentFailed, topic);
  deployments.alarm_name = alarm_name(settings, "deployment-failures");
  deployments.description =
      fmt::format("The pipeline {} could not deploy to an environment", settings.name);
  deployments.threshold = 1;

  cloudwatch::AlarmProps hanging = alarm(settings, plan::metric::kWorkflowElapsed, topic);
  hanging.alarm_name = alarm_name(settings, "long-running-workflows");
  hanging.description = fmt::format("A run of the pipeline {} has been going for more than {} s",
                                    settings.name, settings.long_running_after.count());
  hanging.statistic = "Maximum";
  hanging.threshold = static_cast<double>(settings.long_running_after.count());
  hanging.comparison = cloudwatch::Comparison::greater_than;

  return {{"WorkflowFailures", std::move(failures)},
          {"DeploymentFailures", std::move(deployments)},
          {"LongRunningWorkflows", std::move(hanging)}};
}

std::string dashboard_name(const Settings& settings) {
  return bounded_name(settings.name + "-" + settings.region, kMaxName);
}

Value dashboard_body(const Settings& settings) {
  using namespace plan::metric;     // NOLINT: the names of the metrics
  using namespace plan::dimension;  // NOLINT: and of their dimensions
  Value widgets = Value::array();
  widgets.push_back(
      widget("text", {0, 0}, 2 * kHalf, kTitleHeight,
             Value::object({{"markdown", fmt::format("## {} · {}/{} · {}", settings.name,
                                                     settings.kubernetes.github.owner,
                                                     settings.kubernetes.github.repository,
                                                     settings.kubernetes.github.branch)}})));
  int y = kTitleHeight;
  widgets.push_back(recent_runs(settings, {0, y}));
  y += kHeight;
  widgets.push_back(
      graph(settings, {0, y},
            {.title = "Runs that succeeded and failed",
             .metrics = {line(settings, kWorkflowSucceeded, labelled("succeeded", kGreen)),
                         line(settings, kWorkflowFailed, labelled("failed", kRed))},
             .period_seconds = kDay,
             .axis = "runs a day",
             .stacked = true}));
  widgets.push_back(
      graph(settings, {kHalf, y},
            {.title = "Deployments by environment",
             .metrics = {lines_by(settings, kDeploymentSucceeded, kEnvironment, "Sum", kDay),
                         line(settings, kDeploymentFailed, labelled("failed", kRed))},
             .period_seconds = kDay,
             .axis = "deployments a day"}));
  y += kHeight;
  widgets.push_back(
      graph(settings, {0, y},
            {.title = "Average duration of a run",
             .metrics = {line(settings, kWorkflowDuration, Value::object({{"label", "average"}})),
                         line(settings, kWorkflowDuration,
                              Value::object({{"label", "longest"}, {"stat", "Maximum"}}))},
             .period_seconds = kDay,
             .statistic = "Average",
             .axis = "seconds"}));
  widgets.push_back(graph(settings, {kHalf, y},
                          {.title = "Average duration by stage",
                           .metrics = {lines_by(settings, kStageDuration, kStage, "Average", kDay)},
                           .period_seconds = kDay,
                           .statistic = "Average",
                           .axis = "seconds"}));
  y += kHeight;
  widgets.push_back(
      graph(settings, {0, y},
            {.title = "Artifacts of a build",
             .metrics = {line(settings, kArtifactSize, Value::object({{"label", "size"}}))},
             .statistic = "Maximum",
             .axis = "bytes"}));
  return Value::object({{"widgets", std::move(widgets)}});
}

}  // namespace aphex::pipeline
