#pragma once
// A CloudFormation stack: the unit of deployment.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "aphex/app.hpp"
#include "aphex/construct.hpp"
#include "aphex/value.hpp"

namespace aphex {

inline constexpr std::string_view kDefaultQualifier = "hnb659fds";

// The names that `cdk bootstrap` gave to what it made. Each may hold ${Qualifier},
// ${AWS::AccountId}, ${AWS::Region} and ${AWS::Partition}. Empty is the CDK's default.
struct Bootstrap {
  std::string qualifier =
      {};  // else the context "@aws-cdk/core:bootstrapQualifier", else hnb659fds
  std::string file_assets_bucket_name = {};
  std::string bucket_prefix = {};  // of object keys, "team/"
  std::string deploy_role_arn = {};
  std::string cloud_formation_execution_role_arn = {};
  std::string file_publishing_role_arn = {};
  std::string lookup_role_arn = {};
  std::string version_ssm_parameter = {};
  // A rule in the template that refuses an environment whose bootstrap is too old.
  bool version_rule = true;
};

enum class TerminationProtection { off, on };

struct StackProps {
  // In CloudFormation; by default made from the ids on the way down from the stage.
  std::string stack_name = {};
  // What is empty is the stage's.
  Environment env = {};
  std::string description = {};
  // Tags of the stack itself, which CloudFormation gives on to resources. For tags that also stand
  // in the template, see aphex/tags.hpp.
  std::map<std::string, std::string> tags = {};
  TerminationProtection termination_protection = TerminationProtection::off;
  Bootstrap bootstrap = {};
  // A managed policy's name or ARN for every role and user of the stack that has none of its own;
  // may hold the placeholders of Bootstrap. Empty: the stage's, else the context
  // "@aws-cdk/core:permissionsBoundary" ({"name": …} or {"arn": …}).
  std::string permissions_boundary = {};
};

class Stack : public Construct {
 public:
  Stack(Construct& scope, std::string id, StackProps props = {});

  // The stack that a construct is in; null outside of any.
  static Stack* of(const Construct& construct) { return construct.node().stack(); }

  const std::string& stack_name() const { return stack_name_; }
  // In manifest.json: the id at the top of the application, otherwise a name from its path.
  const std::string& artifact_id() const { return artifact_id_; }
  const Environment& env() const { return env_; }
  const std::string& description() const { return props_.description; }
  const StackProps& props() const { return props_; }
  const std::string& qualifier() const { return qualifier_; }
  // A name or ARN with placeholders; empty where there is none.
  const std::string& permissions_boundary() const { return permissions_boundary_; }

  // A literal where it is known, otherwise a pseudo parameter ({"Ref": "AWS::AccountId"}).
  Value account() const;
  Value region() const;
  Value partition() const;
  Value url_suffix() const;
  // Pseudo parameters always.
  Value stack_id() const;

  // arn:<partition>:<service>:<region>:<account>:<resource>
  struct ArnParts {
    std::string service;                // "s3"
    Value resource;                     // "function:answer"; may be a token
    std::optional<Value> region = {};   // else the stack's; "" for a global service
    std::optional<Value> account = {};  // else the stack's
  };
  Value format_arn(const ArnParts& parts) const;

  // `text` with ${Qualifier}, ${AWS::AccountId}, ${AWS::Region} and ${AWS::Partition} replaced by
  // what is known; the rest stays for CloudFormation or the cdk command line to replace.
  std::string resolve_placeholders(std::string_view text) const;

  // This stack is deployed after `other`.
  void add_dependency(const Stack& other) { node().add_dependency(other); }

  std::string_view type_name() const override { return "aphex.Stack"; }
  ConstructKind kind() const override { return ConstructKind::stack; }

 private:
  void read_permissions_boundary();
  void check();

  StackProps props_;
  Environment env_;
  std::string stack_name_;
  std::string artifact_id_;
  std::string qualifier_;
  std::string permissions_boundary_;
};

}  // namespace aphex
