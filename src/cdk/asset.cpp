#include "aphex/asset.hpp"

#include <fmt/format.h>

#include "aphex/cfn.hpp"
#include "base/sha256.hpp"
#include "cdk/bootstrap.hpp"

namespace aphex {
namespace {

// A text with placeholders that only deployment knows.
Value substituted(std::string text) {
  return text.find("${") == std::string::npos ? Value(std::move(text)) : fn_sub(text);
}

}  // namespace

FileAsset::FileAsset(Construct& scope, std::string id, FileAssetProps props)
    : Construct(scope, std::move(id)), props_(std::move(props)) {
  if (node().stack() == nullptr) {
    node().add_problem("a file asset is outside of any stack", "make it below an aphex::Stack");
  }
  if (props_.extension.empty()) props_.extension = props_.path.extension().string();
  if (!props_.extension.empty() && props_.extension.front() != '.')
    props_.extension.insert(props_.extension.begin(), '.');
  if (props_.path.empty()) {
    sha256_ = sha256_hex(props_.content);
    return;
  }
  if (!props_.content.empty())
    node().add_problem("a file asset has both content and a path", "give one of them");
  sha256_ = props_.sha256;
  if (!is_sha256_hex(sha256_)) {
    node().add_problem(
        fmt::format("'{}' is not the SHA-256 of the file {}", sha256_, props_.path.string()),
        "64 lower-case hexadecimal digits");
  }
}

std::string FileAsset::file_name() const {
  return "asset." + sha256_ + props_.extension;
}

Value FileAsset::bucket_name() const {
  const Stack* stack = node().stack();
  if (stack == nullptr) return "";
  return substituted(cdk::bootstrap_names(*stack).bucket);
}

Value FileAsset::object_key() const {
  const Stack* stack = node().stack();
  if (stack == nullptr) return "";
  return cdk::object_key(*stack, sha256_, props_.extension);
}

Value FileAsset::s3_object_url() const {
  const Stack* stack = node().stack();
  if (stack == nullptr) return "";
  return substituted("s3://" + cdk::bootstrap_names(*stack).bucket + "/" +
                     cdk::object_key(*stack, sha256_, props_.extension));
}

Value FileAsset::http_url() const {
  const Stack* stack = node().stack();
  if (stack == nullptr) return "";
  return concat({"https://s3.", stack->region(), ".", stack->url_suffix(), "/", bucket_name(), "/",
                 object_key()});
}

}  // namespace aphex
