#include "aphex/stack.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "aphex/cfn.hpp"
#include "base/text.hpp"
#include "cdk/names.hpp"
#include "cdk/partitions.hpp"

namespace aphex {
namespace {

constexpr std::size_t kMaxStackName = 128;
constexpr std::size_t kMaxDescriptionBytes = 1024;
constexpr std::size_t kMaxQualifier = 10;
constexpr std::string_view kQualifierContext = "@aws-cdk/core:bootstrapQualifier";
constexpr std::string_view kBoundaryContext = "@aws-cdk/core:permissionsBoundary";

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_stack_name(std::string_view name) {
  return !name.empty() && name.size() <= kMaxStackName && is_letter(name.front()) &&
         std::all_of(name.begin(), name.end(),
                     [](char c) { return is_letter(c) || is_digit(c) || c == '-'; });
}

bool is_qualifier(std::string_view text) {
  return !text.empty() && text.size() <= kMaxQualifier &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return is_letter(c) || is_digit(c) || c == '-' || c == '_'; });
}

bool is_account(std::string_view text) {
  return text.size() == 12 && std::all_of(text.begin(), text.end(), is_digit);
}

// "eu-central-1": which regions there are is not ours to know.
bool is_region(std::string_view text) {
  return text.size() >= 6 && is_letter(text.front()) && is_digit(text.back()) &&
         std::count(text.begin(), text.end(), '-') >= 2 &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= 'a' && c <= 'z') || is_digit(c) || c == '-'; });
}

void check_environment(Node& node, const Environment& env) {
  if (!env.account.empty() && !is_account(env.account)) {
    node.add_problem(fmt::format("'{}' is no AWS account", env.account),
                     "an account has 12 digits; leave it out where it is not known");
  }
  if (!env.region.empty() && !is_region(env.region)) {
    node.add_problem(fmt::format("'{}' is no AWS region", env.region),
                     "a region is written as eu-central-1; leave it out where it is not known");
  }
}

// The ids below `top`, down to the construct itself.
cdk::PathComponents ids_below(const Construct& construct, const Construct* top) {
  cdk::PathComponents ids;
  for (const Construct* at = &construct; at != nullptr && at != top; at = at->node().scope())
    ids.emplace_back(at->node().id());
  // The root has no id.
  if (!ids.empty() && ids.back().empty()) ids.pop_back();
  std::reverse(ids.begin(), ids.end());
  return ids;
}

std::string text_or(const std::string& text, std::string_view fallback) {
  return text.empty() ? std::string(fallback) : text;
}

}  // namespace

Stage::Stage() {
  node().stage_ = this;
}

Stage::Stage(Construct& scope, std::string id, StageProps props)
    : Construct(scope, std::move(id)), permissions_boundary_(props.permissions_boundary) {
  const Stage* above = node().stage_;
  if (node().stack_ != nullptr) {
    node().add_problem("a stage is within a stack",
                       "a stage holds stacks, not the other way round");
  }
  node().stage_ = this;
  node().stack_ = nullptr;
  env_ = std::move(props.env);
  check_environment(node(), env_);
  stage_name_ = text_or(props.stage_name, node().id());
  if (above == nullptr) return;
  if (env_.account.empty()) env_.account = above->env_.account;
  if (env_.region.empty()) env_.region = above->env_.region;
  if (!above->stage_name_.empty()) stage_name_ = above->stage_name_ + "-" + stage_name_;
  if (permissions_boundary_.empty()) permissions_boundary_ = above->permissions_boundary_;
}

std::string Stage::artifact_id() const {
  if (node().path().empty()) return {};
  return "assembly-" + cdk::artifact_name(replace_all(node().path(), "/", "-"));
}

Stack::Stack(Construct& scope, std::string id, StackProps props)
    : Construct(scope, std::move(id)), props_(std::move(props)), env_(props_.env) {
  const Stage* stage = node().stage_;
  node().stack_ = this;
  check_environment(node(), env_);
  if (stage == nullptr) {
    node().add_problem("a stack is outside of any application",
                       "the root of the tree is an aphex::App");
  } else {
    if (env_.account.empty()) env_.account = stage->env().account;
    if (env_.region.empty()) env_.region = stage->env().region;
  }
  const std::string prefix =
      stage == nullptr || stage->stage_name().empty() ? "" : stage->stage_name() + "-";
  stack_name_ = text_or(props_.stack_name, cdk::stack_name_of(ids_below(*this, stage), prefix));
  artifact_id_ = cdk::artifact_name(cdk::stack_name_of(ids_below(*this, nullptr), {}));
  qualifier_ = props_.bootstrap.qualifier;
  if (qualifier_.empty()) {
    const auto context = node().context(kQualifierContext);
    const std::string* text = context ? context->as_string() : nullptr;
    qualifier_ = text == nullptr ? kDefaultQualifier : *text;
  }
  read_permissions_boundary();
  check();
}

void Stack::read_permissions_boundary() {
  permissions_boundary_ = props_.permissions_boundary;
  if (permissions_boundary_.empty() && node().stage_ != nullptr)
    permissions_boundary_ = node().stage_->permissions_boundary();
  if (!permissions_boundary_.empty()) return;
  const auto context = node().context(kBoundaryContext);
  if (context) permissions_boundary_ = context->string_or("arn", context->string_or("name", ""));
}

void Stack::check() {
  if (!is_stack_name(stack_name_)) {
    node().add_problem(fmt::format("'{}' is no stack name", stack_name_),
                       "a letter, then letters, digits and '-', at most 128 altogether; give "
                       "StackProps::stack_name where the id is not meant to be the name");
  }
  if (!is_qualifier(qualifier_)) {
    node().add_problem(fmt::format("'{}' is no bootstrap qualifier", qualifier_),
                       "1 to 10 letters, digits, '-' and '_'");
  }
  if (props_.description.size() > kMaxDescriptionBytes) {
    node().add_problem(fmt::format("the description has {} bytes, and CloudFormation takes {}",
                                   props_.description.size(), kMaxDescriptionBytes),
                       "shorten StackProps::description");
  }
}

Value Stack::account() const {
  return env_.account.empty() ? pseudo::account_id() : Value(env_.account);
}

Value Stack::region() const {
  return env_.region.empty() ? pseudo::region() : Value(env_.region);
}

Value Stack::partition() const {
  const cdk::Partition* partition = cdk::partition_of(env_.region);
  return partition == nullptr ? pseudo::partition() : Value(partition->name);
}

Value Stack::url_suffix() const {
  const cdk::Partition* partition = cdk::partition_of(env_.region);
  return partition == nullptr ? pseudo::url_suffix() : Value(partition->url_suffix);
}

Value Stack::stack_id() const {
  return pseudo::stack_id();
}

Value Stack::format_arn(const ArnParts& parts) const {
  return concat({"arn:", partition(), ":", parts.service, ":", parts.region.value_or(region()), ":",
                 parts.account.value_or(account()), ":", parts.resource});
}

std::string Stack::resolve_placeholders(std::string_view text) const {
  std::string resolved = replace_all(std::string(text), "${Qualifier}", qualifier_);
  const cdk::Partition* partition = cdk::partition_of(env_.region);
  if (partition != nullptr)
    resolved = replace_all(std::move(resolved), "${AWS::Partition}", partition->name);
  if (!env_.account.empty())
    resolved = replace_all(std::move(resolved), "${AWS::AccountId}", env_.account);
  if (!env_.region.empty())
    resolved = replace_all(std::move(resolved), "${AWS::Region}", env_.region);
  return resolved;
}

App::App(AppProps props) : outdir_(std::move(props.outdir)) {
  for (auto& [key, value] : props.context)
    node().set_context(std::move(key), std::move(value));
  for (std::string& problem : props.problems)
    node().add_problem(std::move(problem));
}

}  // namespace aphex
