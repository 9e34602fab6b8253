#include "aphex/s3.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "cdk/policy.hpp"

namespace aphex::s3 {
namespace {

// "Bucket naming rules" in the user guide of Amazon S3.
bool is_bucket_name(std::string_view name) {
  const auto is_end = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  return name.size() >= 3 && name.size() <= 63 && is_end(name.front()) && is_end(name.back()) &&
         name.find("..") == std::string_view::npos && !name.starts_with("xn--") &&
         !name.starts_with("sthree-") && !name.ends_with("-s3alias") &&
         !name.ends_with("--ol-s3") && std::all_of(name.begin(), name.end(), [&](char c) {
           return is_end(c) || c == '-' || c == '.';
         });
}

Value encryption(const Value& kms_key) {
  Value by_default = Value::object(
      {{"SSEAlgorithm", kms_key.is_null() ? "AES256" : "aws:kms"}, {"KMSMasterKeyID", kms_key}});
  Value rule = Value::object({{"ServerSideEncryptionByDefault", std::move(by_default)}});
  // One data key for many objects: fewer calls of KMS.
  if (!kms_key.is_null()) rule.set("BucketKeyEnabled", true);
  return Value::object({{"ServerSideEncryptionConfiguration", Value::array({std::move(rule)})}});
}

Value transitions(const std::vector<Transition>& list, const char* days) {
  Value::Array items;
  for (const Transition& transition : list)
    items.push_back(
        Value::object({{"StorageClass", transition.storage_class}, {days, transition.days}}));
  return cdk::list_or_null(std::move(items));
}

Value render(const LifecycleRule& rule) {
  Value value = Value::object({{"Id", cdk::text_or_null(rule.id)},
                               {"Status", "Enabled"},
                               {"Prefix", cdk::text_or_null(rule.prefix)}});
  value.set("Transitions", transitions(rule.transitions, "TransitionInDays"));
  value.set("NoncurrentVersionTransitions",
            transitions(rule.noncurrent_transitions, "TransitionInDays"));
  if (rule.expiration_days) value.set("ExpirationInDays", *rule.expiration_days);
  if (rule.noncurrent_expiration_days) {
    value.set("NoncurrentVersionExpiration",
              Value::object({{"NoncurrentDays", *rule.noncurrent_expiration_days}}));
  }
  if (rule.abort_incomplete_multipart_days) {
    value.set("AbortIncompleteMultipartUpload",
              Value::object({{"DaysAfterInitiation", *rule.abort_incomplete_multipart_days}}));
  }
  return value;
}

}  // namespace

Bucket::Bucket(Construct& scope, std::string id, BucketProps props)
    : CfnResource(scope, std::move(id), {.type = "AWS::S3::Bucket", .properties = {}}) {
  if (const std::string* name = props.bucket_name.as_string();
      name != nullptr && !is_bucket_name(*name)) {
    node().add_problem(fmt::format("'{}' is no name for a bucket", *name),
                       "3 to 63 of a-z, 0-9, '.' and '-', a letter or digit at both ends");
  }
  Value::Array rules;
  for (const LifecycleRule& rule : props.lifecycle_rules)
    rules.push_back(render(rule));
  Value lifecycle;
  if (!rules.empty()) lifecycle = Value::object({{"Rules", std::move(rules)}});
  Value versioning;
  if (props.versioning == Versioning::on) versioning = Value::object({{"Status", "Enabled"}});
  properties() = Value::object(
      {{"BucketName", std::move(props.bucket_name)},
       {"BucketEncryption", encryption(props.kms_key)},
       {"VersioningConfiguration", std::move(versioning)},
       {"PublicAccessBlockConfiguration", Value::object({{"BlockPublicAcls", true},
                                                         {"BlockPublicPolicy", true},
                                                         {"IgnorePublicAcls", true},
                                                         {"RestrictPublicBuckets", true}})},
       {"OwnershipControls",
        Value::object({{"Rules", Value::array({Value::object(
                                     {{"ObjectOwnership", "BucketOwnerEnforced"}})})}})},
       {"LifecycleConfiguration", std::move(lifecycle)}});
  apply_removal_policy(props.removal_policy);
}

Value Bucket::arn_for_objects(std::string_view pattern) const {
  return concat({arn(), "/", pattern});
}

BucketPolicy::BucketPolicy(Construct& scope, std::string id, BucketPolicyProps props)
    : CfnResource(scope, std::move(id), {.type = "AWS::S3::BucketPolicy", .properties = {}}) {
  cdk::note_statements(*this, "AWS::S3::BucketPolicy", props.statements);
  properties() = Value::object({{"Bucket", std::move(props.bucket)},
                                {"PolicyDocument", iam::policy_document(props.statements)}});
  // A policy without its bucket cannot be; it is kept where the bucket is kept.
  if (props.removal_policy != RemovalPolicy::destroy) apply_removal_policy(props.removal_policy);
}

iam::PolicyStatement deny_insecure_transport(const Bucket& bucket) {
  iam::PolicyStatement statement;
  statement.sid = "DenyInsecureTransport";
  statement.effect = iam::Effect::deny;
  statement.principal = iam::any_principal();
  statement.actions = {"s3:*"};
  statement.resources = {bucket.arn(), bucket.arn_for_objects("*")};
  statement.conditions = {{.operation = "Bool", .key = "aws:SecureTransport", .value = "false"}};
  statement.reason = "Nobody reads or writes the bucket without TLS";
  return statement;
}

}  // namespace aphex::s3
