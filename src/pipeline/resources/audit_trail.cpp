// Where it is asked for: a trail that records the calls of this account and region, and every
// access to an artifact, in a bucket of its own.
#include "aphex/cloudtrail.hpp"
#include "pipeline/names.hpp"
#include "pipeline/resource_table.hpp"

namespace aphex::pipeline::resources {
namespace {

constexpr std::size_t kMaxTrailName = 128;
constexpr std::string_view kService = "cloudtrail.amazonaws.com";

// CloudTrail User Guide, "Amazon S3 bucket policy for CloudTrail": it looks at the bucket's ACL
// first, then writes below AWSLogs/<account>/. The trail's ARN is a literal: bucket, policy and
// trail would refer to one another in a circle otherwise.
std::vector<iam::PolicyStatement> trail_statements(const StackParts& parts,
                                                   const s3::Bucket& bucket,
                                                   const std::string& trail_arn) {
  iam::PolicyStatement check;
  check.sid = "CloudTrailLooksAtTheBucket";
  check.actions = {"s3:GetBucketAcl"};
  check.resources = {bucket.arn()};
  check.principal = iam::service_principal(kService);
  check.conditions = {{"StringEquals", "aws:SourceArn", trail_arn}};
  check.reason = "CloudTrail checks where it writes before it creates the trail";

  iam::PolicyStatement write;
  write.sid = "CloudTrailWrites";
  write.actions = {"s3:PutObject"};
  write.resources = {bucket.arn_for_objects("AWSLogs/" + parts.settings.account + "/*")};
  write.principal = iam::service_principal(kService);
  write.conditions = {{"StringEquals", "s3:x-amz-acl", "bucket-owner-full-control"},
                      {"StringEquals", "aws:SourceArn", trail_arn}};
  write.reason = "CloudTrail writes this trail's log files, of this account only";
  return {s3::deny_insecure_transport(bucket), std::move(check), std::move(write)};
}

}  // namespace

void add_audit_trail(StackParts& parts) {
  const Settings& settings = parts.settings;
  if (settings.audit_trail == AuditTrail::off) return;
  Construct& group = parts.group("AuditTrail");
  const std::string name = bounded_name(settings.name + "-audit", kMaxTrailName);
  const std::string trail_arn = arn(settings, {.service = "cloudtrail",
                                               .region = settings.region,
                                               .account = settings.account,
                                               .resource = "trail/" + name});

  s3::BucketProps bucket_props;
  bucket_props.bucket_name = settings.trail_bucket;
  bucket_props.versioning = s3::Versioning::on;
  bucket_props.removal_policy = RemovalPolicy::retain_on_update_or_delete;
  auto& bucket = group.make<s3::Bucket>("LogBucket", std::move(bucket_props));
  auto& policy = group.make<s3::BucketPolicy>(
      "LogBucketPolicy",
      s3::BucketPolicyProps{.bucket = bucket.ref(),
                            .statements = trail_statements(parts, bucket, trail_arn),
                            .removal_policy = RemovalPolicy::retain_on_update_or_delete});

  cloudtrail::TrailProps props;
  props.trail_name = name;
  props.s3_bucket = bucket.ref();
  props.s3_data_event_arns = {parts.bucket->arn_for_objects("")};
  auto& trail = group.make<cloudtrail::Trail>("Trail", std::move(props));
  trail.depends_on(policy);
}

}  // namespace aphex::pipeline::resources
