// The Sensors: which events start a workflow, and what it is told.
//
// A workflow's name is made of the commit and the delivery's id, so that an event that arrives
// twice (the bus delivers at least once, and people redeliver by hand) is refused by the API server
// the second time. The same commit pushed again is another delivery, and runs again.

#include <array>

#include <fmt/format.h>

#include "argo/templates.hpp"
#include "argo/trigger.hpp"
#include "base/text.hpp"

namespace aphex::argo {

doc::Value sensor_pod_template(const Context& context);  // event_source.cpp

namespace {

using doc::Value;

// <prefix>-<8 of the commit>-<20 of the delivery>, and room for stage_interface's suffix.
constexpr std::size_t kMaxNamePrefix = 30;
// Messages reach megabytes, and an environment string holds 128 KiB.
constexpr int kMaxMessageBytes = 500;
constexpr int kMaxAuthorBytes = 200;

// What of the event's JSON a parameter is: one place, or a Go template with sprig's functions.
struct Source {
  std::string key;
  std::string text;  // of the template; stands before the key
  std::optional<std::string> fallback;
};

struct SensorOf {
  std::string name;
  std::string dependency;
  std::string workflow_template;
  std::string_view component;
  std::vector<Value> filters;
  Source name_source;
  std::array<Source, std::size(kParameters)> parameters;  // in the order of kParameters
};

// As a regular expression that matches this text alone (RE2 escapes like this).
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (std::string_view("\\.+*?()|[]{}^$").find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

// Argo compares by an unanchored search.
std::string exactly(std::string_view expression) {
  return fmt::format("^{}$", expression);
}

Value text_filter(std::string_view path, std::string expression) {
  return Value::object(
      {{"path", path}, {"type", "string"}, {"value", Value::array({std::move(expression)})}});
}

// Text that a pusher writes: cut to size, and without what Argo would take for a template of its
// own. Twice, since "{{{" becomes "{ {{".
std::string tamed(std::string_view expression, int most_bytes) {
  return fmt::format(R"({{{{ {} | trunc {} | replace "{{{{" "{{ {{" | replace "{{{{" "{{ {{" }}}})",
                     expression, most_bytes);
}

Source workflow_name(const Settings& settings, std::string_view commit, std::string_view middle) {
  std::string prefix = settings.pipeline.substr(0, kMaxNamePrefix - middle.size());
  while (prefix.ends_with('-'))
    prefix.pop_back();
  return {.key = {},
          .text = fmt::format(
              R"({}{}-{{{{ {} | trunc 8 }}}}-{{{{ index .Input.body "X-GitHub-Delivery" | lower )"
              R"(| replace "-" "" | trunc 20 }}}})",
              prefix, middle, commit),
          .fallback = std::nullopt};
}

Value parameter(std::string_view dependency, const Source& source, std::string destination) {
  Value from = Value::object({{"dependencyName", dependency}});
  if (!source.text.empty()) from.set("dataTemplate", source.text);
  if (!source.key.empty()) from.set("dataKey", source.key);
  if (source.fallback) from.set("value", *source.fallback);
  return Value::object({{"src", std::move(from)}, {"dest", std::move(destination)}});
}

Value workflow(const Context& context, const SensorOf& of) {
  Value made = object_head(context, "argoproj.io/v1alpha1", "Workflow", of.name);
  Value arguments = Value::array();
  for (const ParameterName& known : kParameters)
    arguments.push_back(Value::object({{"name", known.name}, {"value", ""}}));
  made.set("spec",
           Value::object({{"workflowTemplateRef", Value::object({{"name", of.workflow_template}})},
                          {"arguments", Value::object({{"parameters", std::move(arguments)}})}}));
  return made;
}

Value sensor(const Context& context, const SensorOf& of) {
  Value parameters = Value::array();
  parameters.push_back(parameter(of.dependency, of.name_source, "metadata.name"));
  for (std::size_t i = 0; i < of.parameters.size(); ++i) {
    parameters.push_back(parameter(of.dependency, of.parameters[i],
                                   fmt::format("spec.arguments.parameters.{}.value", i)));
  }
  const Value trigger = Value::object(
      {{"template",
        Value::object({{"name", of.dependency},
                       {"k8s", Value::object({{"operation", "create"},
                                              {"source", Value::object({{"resource",
                                                                         workflow(context, of)}})},
                                              {"parameters", std::move(parameters)}})}})},
       // Acknowledged only after the workflow is there.
       {"atLeastOnce", true},
       // Factor and jitter are numbers to Argo Events: it reads the text as it stands.
       {"retryStrategy",
        Value::object({{"steps", 5}, {"duration", "2s"}, {"factor", 2}, {"jitter", 0.2}})}});
  const Value dependency =
      Value::object({{"name", of.dependency},
                     {"eventSourceName", context.names.event_source},
                     {"eventName", kEventName},
                     {"filters", Value::object({{"data", Value(Value::Array(of.filters))}})}});
  Value made = object_head(context, "argoproj.io/v1alpha1", "Sensor", of.name, Place::events);
  made.set("spec", Value::object({{"eventBusName", context.settings.event_bus},
                                  {"replicas", 1},
                                  {"template", sensor_pod_template(context)},
                                  {"dependencies", Value::array({dependency})},
                                  {"triggers", Value::array({trigger})}}));
  return made;
}

std::vector<Value> common_filters(const Settings& settings, std::string_view event) {
  return {text_filter("body.X-GitHub-Event", exactly(event)),
          // GitHub compares without case; the payload has its own spelling.
          text_filter("body.repository.full_name",
                      fmt::format("(?i)^{}/{}$", escaped(settings.github.owner),
                                  escaped(settings.github.repository)))};
}

constexpr std::string_view kCommitExpression = "^[0-9a-f]{40}$";

SensorOf push_sensor(const Context& context) {
  const Settings& settings = context.settings;
  SensorOf of{.name = context.names.sensor,
              .dependency = "push",
              .workflow_template = context.names.workflow_template,
              .component = kStageComponent,
              .filters = common_filters(settings, "push"),
              .name_source = workflow_name(settings, ".Input.body.after", ""),
              .parameters = {}};
  of.filters.push_back(
      text_filter("body.ref", exactly("refs/heads/" + escaped(settings.github.branch))));
  of.filters.push_back(Value::object(
      {{"path", "body.deleted"}, {"type", "bool"}, {"value", Value::array({"false"})}}));
  of.filters.push_back(text_filter("body.after", std::string(kCommitExpression)));
  of.parameters = {Source{.key = "body.after", .text = {}, .fallback = std::nullopt},
                   Source{.key = "body.repository.clone_url", .text = {}, .fallback = std::nullopt},
                   Source{.key = {},
                          .text = R"({{ .Input.body.ref | trimPrefix "refs/heads/" }})",
                          .fallback = settings.github.branch},
                   Source{.key = {},
                          .text = tamed(R"(printf "%s <%s>" .Input.body.head_commit.author.name )"
                                        ".Input.body.head_commit.author.email",
                                        kMaxAuthorBytes),
                          .fallback = ""},
                   Source{.key = {},
                          .text = tamed(".Input.body.head_commit.message", kMaxMessageBytes),
                          .fallback = ""}};
  return of;
}

SensorOf pull_request_sensor(const Context& context) {
  const Settings& settings = context.settings;
  SensorOf of{.name = context.names.pull_request_sensor,
              .dependency = "pull-request",
              .workflow_template = context.names.pull_request_template,
              .component = kPullRequestComponent,
              .filters = common_filters(settings, "pull_request"),
              .name_source = workflow_name(settings, ".Input.body.pull_request.head.sha", "-pr"),
              .parameters = {}};
  of.filters.push_back(text_filter("body.action", "^(opened|reopened|synchronize)$"));
  of.filters.push_back(
      text_filter("body.pull_request.base.ref", exactly(escaped(settings.github.branch))));
  of.filters.push_back(text_filter("body.pull_request.head.sha", std::string(kCommitExpression)));
  if (settings.forks == Forks::ignore) {
    of.filters.push_back(text_filter("body.pull_request.head.repo.full_name",
                                     fmt::format("(?i)^{}/{}$", escaped(settings.github.owner),
                                                 escaped(settings.github.repository))));
  }
  of.parameters = {
      Source{.key = "body.pull_request.head.sha", .text = {}, .fallback = std::nullopt},
      Source{.key = "body.repository.clone_url", .text = {}, .fallback = std::nullopt},
      Source{.key = {},
             .text = tamed(".Input.body.pull_request.head.ref", kMaxAuthorBytes),
             .fallback = ""},
      Source{.key = {},
             .text = tamed(".Input.body.pull_request.user.login", kMaxAuthorBytes),
             .fallback = ""},
      Source{.key = {},
             .text = tamed(".Input.body.pull_request.title", kMaxMessageBytes),
             .fallback = ""}};
  return of;
}

}  // namespace

std::vector<Object> sensors(const Context& context) {
  std::vector<Object> objects;
  objects.push_back({.manifest = sensor(context, push_sensor(context)), .secret_values = {}});
  if (context.settings.pull_requests != PullRequests::ignore) {
    objects.push_back(
        {.manifest = sensor(context, pull_request_sensor(context)), .secret_values = {}});
  }
  return objects;
}

}  // namespace aphex::argo
