// load(): text → document → checks → typed configuration.
#include <algorithm>
#include <unordered_set>

#include "config/config.hpp"
#include "config/rules.hpp"
#include "config/schema.hpp"
#include "config/schema_check.hpp"
#include "config/semantics.hpp"
#include "doc/document.hpp"

namespace aphex::config {
namespace {

using doc::Node;
using doc::NodeMember;

// Everything below reads a document that has passed all checks: types are what they must be.

const Node* value_at(const Node& mapping, std::string_view key) {
  const NodeMember* member = mapping.find(key);
  return member == nullptr ? nullptr : &member->value;
}

std::string text_at(const Node& mapping, std::string_view key, std::string_view fallback = {}) {
  const Node* node = value_at(mapping, key);
  return node == nullptr ? std::string(fallback) : node->text;
}

std::vector<std::string> texts_at(const Node& mapping, std::string_view key) {
  std::vector<std::string> texts;
  if (const Node* list = value_at(mapping, key)) {
    texts.reserve(list->items.size());
    for (const Node& item : list->items)
      texts.push_back(item.text);
  }
  return texts;
}

std::vector<std::string> without_duplicates(const std::vector<std::string>& texts) {
  if (texts.size() < 2) return texts;
  std::vector<std::string> kept;
  kept.reserve(texts.size());
  std::unordered_set<std::string_view> seen;
  for (const std::string& text : texts) {
    if (seen.insert(text).second) kept.push_back(text);
  }
  return kept;
}

Build read_build(const Node& node) {
  Build build{texts_at(node, "commands"), texts_at(node, "artifacts"), texts_at(node, "cache")};
  if (value_at(node, "cache") == nullptr) build.cache = {"node_modules"};
  return build;
}

Approval read_approval(const Node& node) {
  Approval approval;
  approval.approvers = texts_at(node, "approvers");
  if (const Node* quorum = value_at(node, "quorum")) {
    approval.quorum = static_cast<std::uint32_t>(*doc::to_value(*quorum).as_int());
  }
  if (const Node* expires = value_at(node, "expires")) {
    approval.expires = *parse_duration(expires->text);
  }
  if (const Node* own = value_at(node, "selfApproval")) {
    approval.self_approval = *doc::to_value(*own).as_bool();
  }
  return approval;
}

Environment read_environment(const Node& node) {
  Environment environment;
  environment.name = text_at(node, "name");
  environment.region = text_at(node, "region");
  environment.account = text_at(node, "account");
  const std::vector<Node>& stacks = value_at(node, "stacks")->items;
  environment.stacks.reserve(stacks.size());
  for (const Node& stack : stacks) {
    environment.stacks.push_back({text_at(stack, "name"), text_at(stack, "path"),
                                  without_duplicates(texts_at(stack, "dependsOn"))});
  }
  if (const Node* tests = value_at(node, "tests")) {
    environment.test_commands = texts_at(*tests, "commands");
  }
  if (const Node* hooks = value_at(node, "hooks")) {
    environment.hooks = {texts_at(*hooks, "beforeDeploy"), texts_at(*hooks, "afterDeploy")};
  }
  if (const Node* approval = value_at(node, "approval")) {
    environment.approval = read_approval(*approval);
  }
  return environment;
}

Timeouts read_timeouts(const Node& node) {
  Timeouts timeouts;
  const auto read = [&](std::string_view key, std::chrono::seconds& into) {
    if (const Node* text = value_at(node, key)) into = *parse_duration(text->text);
  };
  read("validate", timeouts.validate);
  read("build", timeouts.build);
  read("pipeline", timeouts.pipeline);
  read("approve", timeouts.approve);
  read("deploy", timeouts.deploy);
  read("test", timeouts.test);
  return timeouts;
}

// Unknown keys are warned of and otherwise ignored.
bool is_pipeline_key(std::string_view key) {
  const auto& fields = pipeline_shape().fields;
  return std::any_of(fields.begin(), fields.end(),
                     [&](const Field& field) { return field.key == key; });
}

Pipeline read_pipeline(const Node& node) {
  Pipeline pipeline;
  for (const NodeMember& member : node.members) {
    const Node& value = member.value;
    if (member.key == "name") {
      pipeline.name = value.text;
    } else if (member.key == "onChange") {
      pipeline.on_change = value.text == "continue" ? OnChange::proceed : OnChange::restart;
    } else if (member.key == "maxParallelStacks") {
      pipeline.max_parallel_stacks = static_cast<std::uint32_t>(*doc::to_value(value).as_int());
    } else if (member.key == "bootstrapQualifier") {
      pipeline.bootstrap_qualifier = value.text;
    } else if (member.key == "artifactStore") {
      pipeline.artifact_store = value.text;
    } else if (member.key != "additionalRegions" && is_pipeline_key(member.key)) {
      pipeline.stack_settings.set(member.key, doc::to_value(value));
    }
  }
  return pipeline;
}

Config read_config(const Node& root) {
  Config config;
  config.build = read_build(*value_at(root, "build"));
  const std::vector<Node>& environments = value_at(root, "environments")->items;
  config.environments.reserve(environments.size());
  for (const Node& node : environments)
    config.environments.push_back(read_environment(node));
  if (const Node* timeouts = value_at(root, "timeouts")) {
    config.timeouts = read_timeouts(*timeouts);
  }
  if (const Node* pipeline = value_at(root, "pipeline")) {
    config.pipeline = read_pipeline(*pipeline);
  }
  return config;
}

// A value that an alias repeats has its problems once, not once a repetition.
void drop_repeated(std::vector<Diagnostic>& diagnostics) {
  const auto same = [](const Diagnostic& a, const Diagnostic& b) {
    return a.span == b.span && a.id == b.id && a.message == b.message;
  };
  diagnostics.erase(std::unique(diagnostics.begin(), diagnostics.end(), same), diagnostics.end());
}

}  // namespace

LoadResult load(const Source& source, const RepositoryView& repository, UnknownKeys unknown_keys) {
  doc::YamlResult document = doc::parse_yaml(source);
  LoadResult result;
  result.diagnostics = std::move(document.diagnostics);
  if (document.root) {
    check_structure(*document.root, unknown_keys, result.diagnostics);
    check_semantics(*document.root, repository, result.diagnostics);
  }
  sort_by_place(result.diagnostics);
  drop_repeated(result.diagnostics);
  if (document.root && !has_errors(result.diagnostics)) result.config = read_config(*document.root);
  return result;
}

}  // namespace aphex::config
