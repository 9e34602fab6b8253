#include "aphex/iam.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "cdk/policy.hpp"
#include "doc/value.hpp"

namespace aphex {
namespace {

constexpr std::string_view kStatementMetadata = "aphex:policy-statement";
constexpr std::string_view kTrust = "trust";
// IAM counts a document without white space ("IAM and STS quotas").
constexpr std::size_t kMaxManagedPolicy = 6144;
constexpr std::size_t kMaxRoleName = 64;

Value one_or_list(Value::Array items) {
  return items.size() == 1 ? std::move(items.front()) : Value(std::move(items));
}

Value texts(const std::vector<std::string>& items) {
  return items.empty() ? Value() : one_or_list(*Value::strings(items).as_array());
}

// {"StringEquals": {"key": value, …}, …}
Value conditions_of(const std::vector<iam::Condition>& conditions) {
  Value value;
  for (const iam::Condition& condition : conditions) {
    Value* operation = value.find(condition.operation);
    if (operation == nullptr) operation = &value.set(condition.operation, Value::object());
    operation->set(condition.key, condition.value);
  }
  return value;
}

Value render(const iam::PolicyStatement& statement) {
  const auto values = [](const std::vector<Value>& items) {
    return items.empty() ? Value() : one_or_list(items);
  };
  Value::Object members;
  const auto add = [&members](const char* key, Value value) {
    if (!value.is_null()) members.emplace_back(key, std::move(value));
  };
  add("Sid", cdk::text_or_null(statement.sid));
  add("Effect", statement.effect == iam::Effect::allow ? "Allow" : "Deny");
  add("Principal", statement.principal);
  add("Action", texts(statement.actions));
  add("NotAction", texts(statement.not_actions));
  add("Resource", values(statement.resources));
  add("NotResource", values(statement.not_resources));
  add("Condition", conditions_of(statement.conditions));
  return members;
}

// Bytes of a document that no deployment makes fewer.
std::size_t literal_size(const Value& value) {
  if (is_unresolved(value) && value.as_object() != nullptr && value.as_object()->size() == 1)
    return 0;
  std::size_t size = 2;
  if (const Value::Array* items = value.as_array()) {
    for (const Value& item : *items)
      size += literal_size(item) + 1;
  } else if (const Value::Object* members = value.as_object()) {
    for (const auto& [key, member] : *members)
      size += key.size() + 4 + literal_size(member);
  } else {
    size = doc::to_json(value).size();
  }
  return size;
}

// As metadata of the construct, from which statements_below() reads it back.
Value encode(std::string_view policy, const iam::PolicyStatement& statement) {
  Value::Array conditions;
  for (const iam::Condition& condition : statement.conditions)
    conditions.push_back(Value::array({condition.operation, condition.key, condition.value}));
  return Value::object({{"policy", policy},
                        {"sid", statement.sid},
                        {"allow", statement.effect == iam::Effect::allow},
                        {"actions", Value::strings(statement.actions)},
                        {"notActions", Value::strings(statement.not_actions)},
                        {"resources", statement.resources},
                        {"notResources", statement.not_resources},
                        {"principal", statement.principal},
                        {"conditions", std::move(conditions)},
                        {"reason", statement.reason}});
}

std::vector<Value> list_at(const Value& data, std::string_view key) {
  const Value* value = data.find(key);
  const Value::Array* items = value == nullptr ? nullptr : value->as_array();
  return items == nullptr ? std::vector<Value>() : *items;
}

std::vector<std::string> texts_at(const Value& data, std::string_view key) {
  std::vector<std::string> texts;
  for (const Value& item : list_at(data, key))
    texts.push_back(*item.as_string());
  return texts;
}

iam::PolicyStatement decode(const Value& data) {
  iam::PolicyStatement statement;
  statement.sid = data.string_or("sid", "");
  statement.effect = *data.find("allow") == Value(true) ? iam::Effect::allow : iam::Effect::deny;
  statement.actions = texts_at(data, "actions");
  statement.not_actions = texts_at(data, "notActions");
  statement.resources = list_at(data, "resources");
  statement.not_resources = list_at(data, "notResources");
  statement.principal = *data.find("principal");
  for (const Value& condition : list_at(data, "conditions")) {
    const Value::Array& parts = *condition.as_array();
    statement.conditions.push_back(
        {.operation = *parts[0].as_string(), .key = *parts[1].as_string(), .value = parts[2]});
  }
  statement.reason = data.string_or("reason", "");
  return statement;
}

void check_statements(CfnResource& resource, const std::vector<iam::PolicyStatement>& statements,
                      std::string_view policy) {
  for (const iam::PolicyStatement& statement : statements) {
    if (statement.actions.empty() == statement.not_actions.empty()) {
      resource.node().add_problem(
          fmt::format("a statement of the policy '{}' has {} actions and not_actions", policy,
                      statement.actions.empty() ? "neither" : "both"),
          "a statement says what it is about by one of them");
    }
  }
}

}  // namespace

void cdk::note_statements(CfnResource& resource, std::string_view policy,
                          const std::vector<iam::PolicyStatement>& statements) {
  check_statements(resource, statements, policy);
  for (const iam::PolicyStatement& statement : statements)
    resource.node().add_metadata(std::string(kStatementMetadata), encode(policy, statement));
}

namespace iam {

Value service_principal(std::string_view service) {
  return Value::object({{"Service", service}});
}

Value aws_principal(Value arn_or_account) {
  return Value::object({{"AWS", std::move(arn_or_account)}});
}

Value federated_principal(Value arn) {
  return Value::object({{"Federated", std::move(arn)}});
}

Value any_principal() {
  return Value::object({{"AWS", "*"}});
}

Value policy_document(const std::vector<PolicyStatement>& statements) {
  Value::Array list;
  list.reserve(statements.size());
  for (const PolicyStatement& statement : statements)
    list.push_back(render(statement));
  return Value::object({{"Statement", std::move(list)}, {"Version", "2012-10-17"}});
}

PolicyStatement trust_service_account(const ServiceAccountTrust& trust) {
  PolicyStatement statement;
  statement.actions = {"sts:AssumeRoleWithWebIdentity"};
  statement.principal = federated_principal(trust.provider_arn);
  statement.conditions = {
      {.operation = "StringEquals", .key = trust.issuer + ":aud", .value = "sts.amazonaws.com"},
      {.operation = "StringEquals",
       .key = trust.issuer + ":sub",
       .value = fmt::format("system:serviceaccount:{}:{}", trust.kubernetes_namespace,
                            trust.service_account)}};
  statement.reason = fmt::format("Pods of the ServiceAccount {}/{} take this role, and nobody else",
                                 trust.kubernetes_namespace, trust.service_account);
  return statement;
}

PolicyStatement trust_service(std::string_view service, std::string reason) {
  PolicyStatement statement;
  statement.actions = {"sts:AssumeRole"};
  statement.principal = service_principal(service);
  statement.reason =
      reason.empty() ? fmt::format("{} takes this role", service) : std::move(reason);
  return statement;
}

Role::Role(Construct& scope, std::string id, RoleProps props)
    : CfnResource(scope, std::move(id), {.type = "AWS::IAM::Role", .properties = {}}) {
  if (const std::string* name = props.role_name.as_string();
      name != nullptr && (name->empty() || name->size() > kMaxRoleName)) {
    node().add_problem(fmt::format("the role name '{}' has {} characters", *name, name->size()),
                       "a role's name has 1 to 64");
  }
  if (props.trust.empty())
    node().add_problem("nobody can take the role", "give RoleProps::trust a statement");
  cdk::note_statements(*this, kTrust, props.trust);
  Value::Array policies;
  for (const NamedPolicy& policy : props.policies) {
    cdk::note_statements(*this, policy.name, policy.statements);
    policies.push_back(Value::object(
        {{"PolicyName", policy.name}, {"PolicyDocument", policy_document(policy.statements)}}));
  }
  Value duration;
  if (props.max_session_duration) duration = std::int64_t{props.max_session_duration->count()};
  properties() =
      Value::object({{"RoleName", std::move(props.role_name)},
                     {"Description", cdk::text_or_null(props.description)},
                     {"Path", cdk::text_or_null(props.path)},
                     {"AssumeRolePolicyDocument", policy_document(props.trust)},
                     {"Policies", cdk::list_or_null(std::move(policies))},
                     {"ManagedPolicyArns", cdk::list_or_null(std::move(props.managed_policy_arns))},
                     {"MaxSessionDuration", std::move(duration)},
                     {"PermissionsBoundary", std::move(props.permissions_boundary)}});
}

ManagedPolicy::ManagedPolicy(Construct& scope, std::string id, ManagedPolicyProps props)
    : CfnResource(scope, std::move(id), {.type = "AWS::IAM::ManagedPolicy", .properties = {}}) {
  cdk::note_statements(*this, "AWS::IAM::ManagedPolicy", props.statements);
  Value document = policy_document(props.statements);
  if (const std::size_t size = literal_size(document); size > kMaxManagedPolicy) {
    node().add_problem(fmt::format("the policy has more than {} characters, and IAM takes {}", size,
                                   kMaxManagedPolicy),
                       "divide it into several managed policies");
  }
  properties() = Value::object({{"ManagedPolicyName", std::move(props.managed_policy_name)},
                                {"Description", cdk::text_or_null(props.description)},
                                {"Path", cdk::text_or_null(props.path)},
                                {"PolicyDocument", std::move(document)},
                                {"Roles", cdk::list_or_null(std::move(props.roles))}});
}

Policy::Policy(Construct& scope, std::string id, PolicyProps props)
    : CfnResource(scope, std::move(id), {.type = "AWS::IAM::Policy", .properties = {}}) {
  if (props.roles.empty())
    node().add_problem("the policy is within no role", "give PolicyProps::roles a role's ref()");
  cdk::note_statements(*this, "AWS::IAM::Policy", props.statements);
  // CloudFormation needs a name; the logical id is one that no other policy of the stack has.
  Value name = props.policy_name.is_null() ? logical_id_token() : std::move(props.policy_name);
  properties() = Value::object({{"PolicyName", std::move(name)},
                                {"PolicyDocument", policy_document(props.statements)},
                                {"Roles", cdk::list_or_null(std::move(props.roles))}});
}

std::vector<StatementInTree> statements_below(const Construct& scope) {
  std::vector<StatementInTree> found;
  for (const Metadata& note : scope.node().metadata()) {
    if (note.type != kStatementMetadata) continue;
    found.push_back({.path = scope.node().path(),
                     .policy = note.data.string_or("policy", ""),
                     .statement = decode(note.data)});
  }
  for (const Construct* child : scope.node().children()) {
    std::vector<StatementInTree> below = statements_below(*child);
    std::move(below.begin(), below.end(), std::back_inserter(found));
  }
  return found;
}

}  // namespace iam
}  // namespace aphex
