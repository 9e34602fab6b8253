// Properties of Custom::AphexKubernetesObject. CloudFormation turns the scalars of a custom
// resource into strings, hence strings only.

#include <algorithm>
#include <array>
#include <span>

#include <fmt/format.h>

#include "base/sha256.hpp"
#include "base/text.hpp"
#include "provider/event.hpp"
#include "provider/names.hpp"

namespace aphex::provider {
namespace {

// ServiceToken and ServiceTimeout are CloudFormation's own.
constexpr std::array<std::string_view, 13> kKnown = {
    "ServiceToken", "ServiceTimeout", "ClusterName",    "Region",      "RoleArn",
    "Pipeline",     "Manifest",       "ManifestBucket", "ManifestKey", "ManifestSha256",
    "SecretValues", "WaitFor",        "Force"};
constexpr std::array<std::string_view, 3> kKnownOfSecret = {"Key", "Secret", "JsonKey"};
// A Secret holds at most 1 MiB; far fewer values come from Secrets Manager.
constexpr std::size_t kMaxSecretValues = 50;

class Reader {
 public:
  explicit Reader(const doc::Value& properties) : source_(properties) {}

  CheckedProperties read() {
    check_names(source_, kKnown, {});
    read_cluster();
    read_manifest();
    read_secret_values();
    read_choices();
    return std::move(out_);
  }

 private:
  template <typename... Arguments>
  void problem(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
    out_.problems.push_back(fmt::format(format, std::forward<Arguments>(arguments)...));
  }

  // The text of a property; empty where it is absent or no text, which is then a problem.
  std::string text(std::string_view name) {
    const doc::Value* value = source_.find(name);
    if (value == nullptr || value->is_null()) return {};
    if (!value->is_string()) {
      problem("{} is no string", name);
      return {};
    }
    return *value->as_string();
  }

  std::string required(std::string_view name) {
    const doc::Value* value = source_.find(name);
    std::string found = text(name);
    if (found.empty() && (value == nullptr || value->is_null() || value->is_string())) {
      problem("{} is missing", name);
    }
    return found;
  }

  void check_names(const doc::Value& object, std::span<const std::string_view> names,
                   const std::string& place) {
    const doc::Value::Object* members = object.as_object();
    if (members == nullptr) return;
    const std::vector<std::string> known(names.begin(), names.end());
    for (const auto& [name, value] : *members) {
      if (std::find(known.begin(), known.end(), name) != known.end()) continue;
      const auto meant = closest_match(name, known);
      problem("{}{} is no property{}", place, name,
              meant ? fmt::format(" (did you mean {}?)", *meant) : std::string());
    }
  }

  void read_cluster() {
    Properties& to = out_.properties;
    to.cluster.cluster = required("ClusterName");
    if (!to.cluster.cluster.empty() && !is_cluster_name(to.cluster.cluster)) {
      problem(
          "ClusterName '{}' is no name of an EKS cluster (letters, digits, - and _; at most "
          "100)",
          to.cluster.cluster);
    }
    to.cluster.region = text("Region");
    if (!to.cluster.region.empty() && !is_region(to.cluster.region)) {
      problem("Region '{}' is no region of AWS", to.cluster.region);
    }
    to.cluster.role_arn = text("RoleArn");
    const std::string& role = to.cluster.role_arn;
    if (!role.empty() && (!role.starts_with("arn:") || role.find(":iam::") == std::string::npos ||
                          role.find(":role/") == std::string::npos)) {
      problem("RoleArn '{}' is no ARN of an IAM role", role);
    }
    to.pipeline = required("Pipeline");
    if (!to.pipeline.empty() && !is_label_value(to.pipeline)) {
      problem(
          "Pipeline '{}' cannot be the value of a label (letters, digits, -, _ and .; at most "
          "63)",
          to.pipeline);
    }
  }

  void read_manifest() {
    Properties& to = out_.properties;
    const bool is_inline = source_.find("Manifest") != nullptr;
    const bool is_stored = source_.find("ManifestBucket") != nullptr ||
                           source_.find("ManifestKey") != nullptr ||
                           source_.find("ManifestSha256") != nullptr;
    if (is_inline && is_stored) {
      problem("Manifest excludes ManifestBucket, ManifestKey and ManifestSha256");
      return;
    }
    if (!is_stored) {
      to.inline_manifest = InlineManifest{required("Manifest")};
      return;
    }
    StoredManifest stored{.bucket = required("ManifestBucket"),
                          .key = required("ManifestKey"),
                          .sha256 = required("ManifestSha256")};
    if (!stored.bucket.empty() && !is_bucket_name(stored.bucket)) {
      problem("ManifestBucket '{}' is no name of a bucket", stored.bucket);
    }
    if (!stored.sha256.empty() && !is_sha256_hex(stored.sha256)) {
      problem("ManifestSha256 '{}' is no SHA-256 (64 lower-case hexadecimal digits)",
              stored.sha256);
    }
    to.stored_manifest = std::move(stored);
  }

  void read_secret_values() {
    const doc::Value* list = source_.find("SecretValues");
    if (list == nullptr || list->is_null()) return;
    const doc::Value::Array* items = list->as_array();
    if (items == nullptr) {
      problem("SecretValues is no list");
      return;
    }
    if (items->size() > kMaxSecretValues) {
      problem("SecretValues has {} items; {} are the most", items->size(), kMaxSecretValues);
      return;
    }
    for (std::size_t i = 0; i < items->size(); ++i) {
      read_secret_value((*items)[i], fmt::format("SecretValues[{}]", i));
    }
  }

  void read_secret_value(const doc::Value& item, const std::string& place) {
    if (!item.is_object()) {
      problem("{} is no object", place);
      return;
    }
    check_names(item, kKnownOfSecret, place + ".");
    SecretValue value{.key = item.string_or("Key", ""),
                      .secret = item.string_or("Secret", ""),
                      .json_key = item.string_or("JsonKey", "")};
    if (!is_data_key(value.key)) {
      problem("{}.Key '{}' is no key of a Secret (letters, digits, -, _ and .; at most 253)", place,
              value.key);
    }
    if (value.secret.empty()) problem("{}.Secret is missing", place);
    std::vector<SecretValue>& values = out_.properties.secret_values;
    const bool twice = std::any_of(values.begin(), values.end(), [&](const SecretValue& other) {
      return other.key == value.key;
    });
    if (twice) problem("{}.Key '{}' stands twice", place, value.key);
    values.push_back(std::move(value));
  }

  void read_choices() {
    const std::string wait = text("WaitFor");
    if (wait == "LoadBalancer") {
      out_.properties.wait_for = WaitFor::load_balancer;
    } else if (!wait.empty()) {
      problem("WaitFor '{}' is unknown (LoadBalancer is the only one)", wait);
    }
    const std::string force = text("Force");
    if (force == "true") {
      out_.properties.force = Force::yes;
    } else if (!force.empty() && force != "false") {
      problem("Force '{}' is neither true nor false", force);
    }
  }

  const doc::Value& source_;
  CheckedProperties out_;
};

}  // namespace

CheckedProperties check_properties(const doc::Value& properties) {
  return Reader(properties).read();
}

}  // namespace aphex::provider
