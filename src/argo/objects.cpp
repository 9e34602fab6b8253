#include "argo/objects.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "argo/access.hpp"
#include "argo/check_settings.hpp"
#include "argo/context.hpp"
#include "argo/network.hpp"
#include "argo/templates.hpp"
#include "argo/trigger.hpp"
#include "base/text.hpp"
#include "doc/yaml_text.hpp"

namespace aphex::argo {
namespace {

using doc::Value;

Context context_of(const plan::Plan& plan, const Settings& settings) {
  return {plan, settings, names_of(settings), plan::digest(plan)};
}

// As Go writes it, and so as Argo puts a template into an environment string: three characters
// become escapes of six bytes.
std::size_t size_in_go(const Value& value) {
  const std::string text = doc::to_json(value);
  const auto escaped = std::count_if(text.begin(), text.end(),
                                     [](char c) { return c == '<' || c == '>' || c == '&'; });
  return text.size() + 5 * static_cast<std::size_t>(escaped);
}

// What a deploy or test stage's bulk comes from, and how it gets smaller.
std::string_view what_to_split(const plan::Stage& stage) {
  switch (stage.kind) {
    case plan::StageKind::validate:
    case plan::StageKind::build:
      return "divide the environments between pipelines, or move commands into scripts";
    case plan::StageKind::pipeline:
      return "shorten the settings";
    case plan::StageKind::approve:
    case plan::StageKind::deploy:
    case plan::StageKind::test:
      return "divide the environment's stacks between two environments, or move commands into "
             "scripts";
  }
  return "";
}

// The templates' names say whose they are; the entry point and the exit handler do not grow.
void check_sizes(const Context& context, const Value& manifest,
                 std::vector<std::string>& problems) {
  const std::string name = manifest.find("metadata")->string_or("name", "");
  const std::size_t size = size_in_go(manifest);
  if (size > kMaxManifestBytes) {
    problems.push_back(fmt::format(
        "WorkflowTemplate '{}': {}, {} are the most that a workflow's record has room for; "
        "divide the environments between pipelines",
        name, human_bytes(size), human_bytes(kMaxManifestBytes)));
  }
  const std::vector<std::string> names = template_names(context.plan);
  for (const Value& made : *manifest.find({"spec", "templates"})->as_array()) {
    const auto at = std::find(names.begin(), names.end(), made.string_or("name", ""));
    const std::size_t template_size = size_in_go(made);
    if (at == names.end() || template_size <= kMaxTemplateBytes) continue;
    const plan::Stage& stage = context.plan.stages[static_cast<std::size_t>(at - names.begin())];
    problems.push_back(
        fmt::format("stage '{}' of WorkflowTemplate '{}': {}, {} are the most that a pod can be "
                    "given; {}",
                    stage.id, name, human_bytes(template_size), human_bytes(kMaxTemplateBytes),
                    what_to_split(stage)));
  }
}

std::vector<Object> templates_of(const Context& context) {
  std::vector<Object> objects;
  objects.push_back({.manifest = workflow_template(context), .secret_values = {}});
  if (context.settings.pull_requests != PullRequests::ignore) {
    objects.push_back({.manifest = pull_request_template(context), .secret_values = {}});
  }
  return objects;
}

Result<std::vector<Object>> checked_templates(const Context& context) {
  std::vector<std::string> problems = check_settings(context);
  std::vector<Object> objects;
  if (problems.empty()) {
    objects = templates_of(context);
    for (const Object& object : objects)
      check_sizes(context, object.manifest, problems);
  }
  if (problems.empty()) return objects;
  return fail(ErrorCode::invalid_config,
              fmt::format("the Kubernetes objects of pipeline '{}' cannot be made:\n  {}",
                          context.settings.pipeline, join(problems, "\n  ")));
}

void append(std::vector<Object>& to, std::vector<Object> from) {
  std::move(from.begin(), from.end(), std::back_inserter(to));
}

std::string_view text_at(const Value& value, std::initializer_list<std::string_view> path) {
  const Value* found = value.find(path);
  const std::string* text = found == nullptr ? nullptr : found->as_string();
  return text == nullptr ? std::string_view() : std::string_view(*text);
}

}  // namespace

std::string_view Object::api_version() const {
  return text_at(manifest, {"apiVersion"});
}
std::string_view Object::kind() const {
  return text_at(manifest, {"kind"});
}
std::string_view Object::name() const {
  return text_at(manifest, {"metadata", "name"});
}
std::string_view Object::name_space() const {
  return text_at(manifest, {"metadata", "namespace"});
}

Result<std::vector<Object>> generate_templates(const plan::Plan& plan, const Settings& settings) {
  return checked_templates(context_of(plan, settings));
}

Result<std::vector<Object>> generate(const plan::Plan& plan, const Settings& settings) {
  const Context context = context_of(plan, settings);
  APHEX_TRY(std::vector<Object> templates, checked_templates(context));
  std::vector<Object> objects = accounts(context);
  append(objects, secrets(context));
  append(objects, roles(context));
  append(objects, network_policies(context));
  append(objects, std::move(templates));
  append(objects, exposure(context));
  objects.push_back({.manifest = event_source(context), .secret_values = {}});
  append(objects, sensors(context));
  return objects;
}

std::string to_yaml(const std::vector<Object>& objects) {
  std::string text;
  for (const Object& object : objects)
    text += "---\n" + doc::to_yaml(object.manifest);
  return text;
}

}  // namespace aphex::argo
