#pragma once
// IAM roles and policies. Every statement says why it is there: reports list the reasons.

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "aphex/cfn.hpp"

namespace aphex::iam {

enum class Effect { allow, deny };

// A condition: {"StringEquals", "aws:SourceAccount", account}.
struct Condition {
  std::string operation = {};
  std::string key = {};  // a literal: CloudFormation takes no functions for keys
  Value value = {};
};

struct PolicyStatement {
  std::string sid = {};  // A-Z a-z 0-9; may be empty
  Effect effect = Effect::allow;
  std::vector<std::string> actions = {};      // "s3:GetObject"
  std::vector<std::string> not_actions = {};  // instead of `actions`
  std::vector<Value> resources = {};          // ARNs; none in a trust policy
  std::vector<Value> not_resources = {};
  Value principal = {};  // of a resource's or a trust policy; see *_principal()
  std::vector<Condition> conditions = {};
  std::string reason = {};  // for people; not in the template
};

// {"Service": name}
Value service_principal(std::string_view service);
// {"AWS": arn or account id}
Value aws_principal(Value arn_or_account);
// {"Federated": arn}
Value federated_principal(Value arn);
// {"AWS": "*"}
Value any_principal();

// {"Statement": [...], "Version": "2012-10-17"}. One action or resource stands without a list.
Value policy_document(const std::vector<PolicyStatement>& statements);

// A statement of a trust policy for pods of one Kubernetes ServiceAccount (IRSA): `sub` and `aud`
// are both pinned. `issuer` is a literal without scheme
// ("oidc.eks.<region>.amazonaws.com/id/<ID>").
struct ServiceAccountTrust {
  Value provider_arn = {};
  std::string issuer = {};
  std::string kubernetes_namespace = {};
  std::string service_account = {};
};
PolicyStatement trust_service_account(const ServiceAccountTrust& trust);
// A statement of a trust policy for an AWS service ("lambda.amazonaws.com").
PolicyStatement trust_service(std::string_view service, std::string reason = {});

struct NamedPolicy {
  std::string name = {};
  std::vector<PolicyStatement> statements = {};
};

struct RoleProps {
  Value role_name = {};  // up to 64 characters; null: made by CloudFormation
  std::string description = {};
  std::string path = {};
  std::vector<PolicyStatement> trust = {};
  std::vector<NamedPolicy> policies = {};  // within the role
  std::vector<Value> managed_policy_arns = {};
  std::optional<std::chrono::seconds> max_session_duration = {};
  Value permissions_boundary = {};  // null: the stack's
};

class Role : public CfnResource {
 public:
  Role(Construct& scope, std::string id, RoleProps props);
  Value arn() const { return get_att("Arn"); }
  Value name() const { return ref(); }
  std::string_view type_name() const override { return "aphex.iam.Role"; }
};

struct ManagedPolicyProps {
  Value managed_policy_name = {};
  std::string description = {};
  std::string path = {};
  std::vector<PolicyStatement> statements = {};
  std::vector<Value> roles = {};  // names: role.ref()
};

class ManagedPolicy : public CfnResource {
 public:
  ManagedPolicy(Construct& scope, std::string id, ManagedPolicyProps props);
  Value arn() const { return ref(); }
  std::string_view type_name() const override { return "aphex.iam.ManagedPolicy"; }
};

struct PolicyProps {
  Value policy_name = {};  // null: from the path
  std::vector<PolicyStatement> statements = {};
  std::vector<Value> roles = {};  // names: role.ref()
};

// A policy within roles.
class Policy : public CfnResource {
 public:
  Policy(Construct& scope, std::string id, PolicyProps props);
  std::string_view type_name() const override { return "aphex.iam.Policy"; }
};

// A statement of some policy below a construct.
struct StatementInTree {
  std::string path;    // of the resource with the policy
  std::string policy;  // "trust", the name of a policy within a role, or the type of the resource
  PolicyStatement statement;  // its values may hold tokens: see text_for_people()
};

// For reports: every statement that the helpers of this library put anywhere below `scope`, in the
// order of the tree.
std::vector<StatementInTree> statements_below(const Construct& scope);

}  // namespace aphex::iam
