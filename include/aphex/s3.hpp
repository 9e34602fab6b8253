#pragma once
// S3 buckets that are private: all public access is blocked and ACLs are off, always.

#include <optional>
#include <string>
#include <vector>

#include "aphex/cfn.hpp"
#include "aphex/iam.hpp"

namespace aphex::s3 {

struct Transition {
  std::string storage_class = {};  // "INTELLIGENT_TIERING"
  int days = 0;
};

struct LifecycleRule {
  std::string id = {};
  std::string prefix = {};
  std::vector<Transition> transitions = {};
  std::vector<Transition> noncurrent_transitions = {};
  std::optional<int> expiration_days = {};
  std::optional<int> noncurrent_expiration_days = {};
  std::optional<int> abort_incomplete_multipart_days = {};
};

enum class Versioning { off, on };

struct BucketProps {
  Value bucket_name = {};  // 3 to 63 characters; null: made by CloudFormation
  Value kms_key = {};      // id or ARN; null: encryption by S3's own keys (SSE-S3)
  Versioning versioning = Versioning::off;
  std::vector<LifecycleRule> lifecycle_rules = {};
  RemovalPolicy removal_policy = RemovalPolicy::retain;
};

class Bucket : public CfnResource {
 public:
  Bucket(Construct& scope, std::string id, BucketProps props = {});
  Value name() const { return ref(); }
  Value arn() const { return get_att("Arn"); }
  // arn/pattern; "*" is every object.
  Value arn_for_objects(std::string_view pattern) const;
  std::string_view type_name() const override { return "aphex.s3.Bucket"; }
};

struct BucketPolicyProps {
  Value bucket = {};  // its name: bucket.ref()
  std::vector<iam::PolicyStatement> statements = {};
  RemovalPolicy removal_policy = RemovalPolicy::destroy;
};

class BucketPolicy : public CfnResource {
 public:
  BucketPolicy(Construct& scope, std::string id, BucketPolicyProps props);
  std::string_view type_name() const override { return "aphex.s3.BucketPolicy"; }
};

// Denies every request that does not come by TLS.
iam::PolicyStatement deny_insecure_transport(const Bucket& bucket);

}  // namespace aphex::s3
