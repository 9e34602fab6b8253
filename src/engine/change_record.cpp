#include "engine/change_record.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/sha256.hpp"
#include "changes/compare.hpp"
#include "engine/artifacts.hpp"
#include "engine/environment_access.hpp"
#include "os/files.hpp"

namespace aphex::engine {
namespace {

// CloudFormation takes templates of 1 MB; the CDK's are indented.
constexpr std::size_t kMaxTemplateBytes = 16U << 20U;
constexpr std::size_t kMaxChangesBytes = 64U << 20U;

struct DeployedTemplate {
  std::optional<doc::Value> body;
  std::string digest;      // empty: there is no such stack
  std::string unreadable;  // why there is no body, where there is a stack
};

// One that was never created is created by the next deployment; the CDK deletes it before.
bool was_never_created(const std::string& status) {
  return status == "REVIEW_IN_PROGRESS" || status == "ROLLBACK_COMPLETE" ||
         status == "ROLLBACK_FAILED" || status == "CREATE_FAILED" || status == "DELETE_COMPLETE";
}

Result<DeployedTemplate> deployed_template(StepContext& context, std::size_t environment,
                                           const std::string& physical_name) {
  const aws::AwsContext access =
      environment_context(context.services.aws, access_target(context.plan, environment));
  const std::string& region = context.plan.environments[environment].region;
  const auto stack = aws::describe_stack(access, region, physical_name, context.cancel);
  if (!stack && stack.error().code == ErrorCode::not_found) return DeployedTemplate{};
  if (!stack) return fail_because("cannot see what is deployed", stack.error());
  if (was_never_created(stack->status)) return DeployedTemplate{};
  APHEX_TRY(const std::string text,
            aws::get_template(access, region, physical_name, context.cancel));
  DeployedTemplate deployed;
  Result<doc::Value> body = doc::parse_json(text);
  if (body && body->is_object()) {
    deployed.digest = changes::template_digest(*body);
    deployed.body = std::move(*body);
  } else {
    deployed.digest = sha256_hex(text);
    deployed.unreadable = "it is no JSON, so somebody else than the CDK has deployed it";
  }
  return deployed;
}

Result<doc::Value> wanted_template(const AssemblyStack& stack) {
  APHEX_TRY(const std::string text, os::read_file(stack.template_file, kMaxTemplateBytes));
  auto body = doc::parse_json(text);
  if (body && body->is_object()) return body;
  return fail(ErrorCode::corrupt, fmt::format("the template of {} is no JSON object: {}",
                                              stack.name, stack.template_file.string()));
}

std::filesystem::path changes_file(const StepContext& context, const std::string& environment) {
  return context.paths.changes(environment);
}

}  // namespace

Result<changes::ChangeSet> find_changes(StepContext& context, std::size_t environment) {
  const plan::Environment& of = context.plan.environments.at(environment);
  APHEX_TRY(const PreparedStacks prepared, prepare_stacks(context, environment));
  changes::ChangeSet found{of.name, of.account, of.region, context.parameters.commit_sha, {}};
  for (const std::size_t i : prepared.order.order) {
    const AssemblyStack& stack = prepared.stack(i);
    changes::StackTemplates templates;
    templates.name = of.stacks[i].name;
    templates.physical_name = stack.physical_name;
    APHEX_TRY(templates.wanted, wanted_template(stack));
    Result<DeployedTemplate> deployed =
        deployed_template(context, environment, stack.physical_name);
    if (!deployed) return fail_because(templates.name, std::move(deployed.error()));
    templates.deployed = std::move(deployed->body);
    templates.unreadable = std::move(deployed->unreadable);
    found.stacks.push_back(changes::compare(templates));
    found.stacks.back().before = std::move(deployed->digest);
  }
  return found;
}

std::string changes_key(const std::string& artifact_prefix, const std::string& environment,
                        const std::string& digest) {
  return fmt::format("{}/changes/{}-{}.json", artifact_prefix, environment, digest);
}

Status keep_changes(StepContext& context, const changes::ChangeSet& changes) {
  const std::filesystem::path file = changes_file(context, changes.environment);
  APHEX_CHECK(os::write_file_atomic(file, doc::to_json(changes::to_value(changes))));
  APHEX_CHECK(context.services.artifacts.put_file(
      changes_key(artifact_prefix(context), changes.environment, changes::digest(changes)), file,
      context.cancel));
  return {};
}

Result<changes::ChangeSet> kept_changes(StepContext& context, const std::string& environment,
                                        const std::string& digest) {
  const std::filesystem::path file = changes_file(context, environment);
  std::error_code ignored;
  if (!std::filesystem::exists(file, ignored)) {
    APHEX_CHECK(os::make_directories(file.parent_path()));
    APHEX_CHECK(context.services.artifacts.get_file(
        changes_key(artifact_prefix(context), environment, digest), file, context.cancel));
  }
  APHEX_TRY(const std::string text, os::read_file(file, kMaxChangesBytes));
  APHEX_TRY(changes::ChangeSet changes, changes::from_json(text));
  if (changes::digest(changes) == digest && changes.environment == environment) return changes;
  return fail(ErrorCode::corrupt,
              fmt::format("the record of what would change in {} is not what was approved: {}",
                          environment, file.string()),
              "start a new run, which asks again");
}

Result<std::vector<std::string>> differences_to(StepContext& context, std::size_t environment,
                                                const changes::ChangeSet& approved) {
  const plan::Environment& of = context.plan.environments.at(environment);
  APHEX_TRY(const PreparedStacks prepared, prepare_stacks(context, environment));
  std::vector<std::string> found;
  if (approved.account != of.account || approved.region != of.region) {
    found.push_back(fmt::format("{} {} was approved, not {} {}", approved.account, approved.region,
                                of.account, of.region));
  }
  for (const std::size_t i : prepared.order.order) {
    const std::string& name = of.stacks[i].name;
    const AssemblyStack& stack = prepared.stack(i);
    const auto shown = std::find_if(
        approved.stacks.begin(), approved.stacks.end(),
        [&](const changes::StackChanges& candidate) { return candidate.name == name; });
    if (shown == approved.stacks.end() || shown->physical_name != stack.physical_name) {
      found.push_back(name + " was not among what was shown");
      continue;
    }
    APHEX_TRY(const doc::Value wanted, wanted_template(stack));
    if (changes::template_digest(wanted) != shown->after) {
      found.push_back(name + "'s template is another than the one that was shown");
    }
    APHEX_TRY(const DeployedTemplate deployed,
              deployed_template(context, environment, stack.physical_name));
    // A run that goes on after a failure finds some stacks deployed already.
    if (deployed.digest != shown->before && deployed.digest != shown->after) {
      found.push_back(name + " was deployed otherwise since it was shown");
    }
  }
  return found;
}

}  // namespace aphex::engine
