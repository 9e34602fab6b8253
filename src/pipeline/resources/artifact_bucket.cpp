// The bucket of the artifacts: {base}-{account}-{region}, retained when the stack goes, because the
// artifacts of a commit are what a rollback deploys.
#include "pipeline/resource_table.hpp"

namespace aphex::pipeline::resources {
namespace {

// The design's "Lifecycle Policy".
constexpr int kIntelligentTieringDays = 30;
constexpr int kAbortMultipartDays = 7;

std::vector<s3::LifecycleRule> lifecycle(int retention_days) {
  s3::LifecycleRule rule;
  rule.id = "Artifacts";
  // S3 refuses to move objects that are gone by then.
  if (retention_days > kIntelligentTieringDays) {
    rule.transitions = {{.storage_class = "INTELLIGENT_TIERING", .days = kIntelligentTieringDays}};
  }
  rule.expiration_days = retention_days;
  rule.noncurrent_expiration_days = retention_days;
  rule.abort_incomplete_multipart_days = kAbortMultipartDays;
  return {std::move(rule)};
}

}  // namespace

void add_artifact_bucket(StackParts& parts) {
  const Settings& settings = parts.settings;
  s3::BucketProps props;
  props.bucket_name = settings.artifact_bucket;
  if (!settings.kms_key_arn.empty()) props.kms_key = settings.kms_key_arn;
  props.versioning = s3::Versioning::on;
  props.lifecycle_rules = lifecycle(settings.retention_days);
  // Its name is fixed: kept after a first deployment that failed, it would stop every later one.
  props.removal_policy = RemovalPolicy::retain_on_update_or_delete;
  parts.bucket = &parts.scope.make<s3::Bucket>("ArtifactBucket", std::move(props));

  s3::BucketPolicyProps policy;
  policy.bucket = parts.bucket->ref();
  policy.statements = {s3::deny_insecure_transport(*parts.bucket)};
  // With the bucket, or its objects would be open to requests without TLS from then on.
  policy.removal_policy = RemovalPolicy::retain_on_update_or_delete;
  parts.scope.make<s3::BucketPolicy>("ArtifactBucketPolicy", std::move(policy));
}

}  // namespace aphex::pipeline::resources
