#include "provider/aws_world.hpp"

#include <fmt/format.h>

#include "aws/s3.hpp"
#include "aws/services.hpp"
#include "base/sha256.hpp"
#include "k8s/client.hpp"
#include "k8s/eks.hpp"
#include "provider/names.hpp"

namespace aphex::provider {
namespace {

constexpr const char* kSessionName = "aphex-provider";
// Secrets Manager keeps no longer value.
constexpr std::size_t kMaxSecretBytes = 64U << 10U;
constexpr std::size_t kMaxSecretDepth = 20;

k8s::ObjectRef ref_of(const ObjectId& id) {
  return k8s::ObjectRef{
      .api_version = id.api_version, .kind = id.kind, .name_space = id.name_space, .name = id.name};
}

class EksCluster final : public Cluster {
 public:
  explicit EksCluster(std::shared_ptr<k8s::Client> client) : client_(std::move(client)) {}

  Result<doc::Value> get(const ObjectId& id, const os::CancelToken& cancel) override {
    return client_->get(ref_of(id), cancel);
  }

  Result<doc::Value> apply(const Manifest& manifest, Force force,
                           const os::CancelToken& cancel) override {
    const k8s::ApplyOptions options{.force =
                                        force == Force::yes ? k8s::Force::yes : k8s::Force::no};
    auto applied = client_->apply(manifest.object, options, cancel);
    if (!applied && applied.error().code == ErrorCode::already_exists) {
      applied.error().hint += " (the property Force: \"true\")";
    }
    return applied;
  }

  Status remove(const ObjectId& id, const std::string& uid,
                const os::CancelToken& cancel) override {
    return client_->remove(ref_of(id), uid, cancel);
  }

 private:
  const std::shared_ptr<k8s::Client> client_;
};

// The member of a secret's JSON. Its errors say nothing of the value.
Result<std::string> member_of(const std::string& text, const SecretValue& secret) {
  const auto object =
      doc::parse_json(text, {.max_bytes = kMaxSecretBytes, .max_depth = kMaxSecretDepth});
  if (!object || !object->is_object()) {
    return fail(
        ErrorCode::usage,
        fmt::format("secret {} is no JSON object, so it has no {}", secret.secret, secret.json_key),
        "leave JsonKey out, or store {\"" + secret.json_key + "\": …}");
  }
  const doc::Value* member = object->find(secret.json_key);
  if (member == nullptr || !member->is_string()) {
    return fail(
        ErrorCode::usage,
        fmt::format("secret {} has no member {} that is a string", secret.secret, secret.json_key),
        "correct JsonKey, or the secret");
  }
  return *member->as_string();
}

class AwsWorld final : public World {
 public:
  AwsWorld(aws::AwsContext context, std::string region)
      : context_(std::move(context)), region_(std::move(region)) {}

  Result<std::unique_ptr<Cluster>> connect(const ClusterProperties& properties,
                                           const os::CancelToken& cancel) override {
    const std::string& region = properties.region.empty() ? region_ : properties.region;
    // A Delete's properties are not checked before: its work must not depend on the rest of them.
    if (!is_region(region)) {
      return fail(ErrorCode::usage, fmt::format("Region '{}' is no region of AWS", region));
    }
    k8s::EksConnection connection{.cluster = properties.cluster,
                                  .region = region,
                                  .credentials = context_.credentials,
                                  .identity = "the function's own IAM role",
                                  .principal = {}};
    if (!properties.role_arn.empty()) {
      connection.credentials =
          aws::make_role_credentials(context_, aws::AssumeRole{.role_arn = properties.role_arn,
                                                               .session_name = kSessionName,
                                                               .region = region});
      connection.identity = "the IAM role " + properties.role_arn;
      connection.principal = properties.role_arn;
    }
    APHEX_TRY(std::shared_ptr<k8s::Client> client, k8s::connect_eks(context_, connection, cancel));
    return std::make_unique<EksCluster>(std::move(client));
  }

  Result<std::string> secret_value(const SecretValue& secret,
                                   const os::CancelToken& cancel) override {
    APHEX_TRY(std::string value, aws::get_secret_value(context_, region_, secret.secret, cancel));
    if (secret.json_key.empty()) return value;
    return member_of(value, secret);
  }

  Result<std::string> stored_manifest(const StoredManifest& manifest,
                                      const os::CancelToken& cancel) override {
    // The bucket is the CDK's, and lives where the stack and its function do.
    aws::S3Client bucket(context_, region_, manifest.bucket);
    // Twice as much, so that check_manifest() can say by how much it is too large.
    APHEX_TRY(std::string text, bucket.get_text(manifest.key, 2 * kMaxManifestBytes, cancel));
    const std::string digest = sha256_hex(text);
    if (digest != manifest.sha256) {
      return fail(ErrorCode::corrupt,
                  fmt::format("s3://{}/{} has the SHA-256 {} instead of {}", manifest.bucket,
                              manifest.key, digest, manifest.sha256),
                  "publish the assets again: cdk deploy --force");
    }
    return text;
  }

  std::string own_region() const override { return region_; }

 private:
  aws::AwsContext context_;
  std::string region_;
};

}  // namespace

Result<std::unique_ptr<World>> make_aws_world(aws::AwsContext context) {
  std::string region = aws::configured_region(context.environment);
  if (region.empty()) {
    return fail(ErrorCode::usage, "AWS_REGION is not set", "Lambda sets it for every function");
  }
  return std::make_unique<AwsWorld>(std::move(context), std::move(region));
}

}  // namespace aphex::provider
