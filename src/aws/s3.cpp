#include "aws/s3.hpp"

#include <algorithm>
#include <charconv>

#include "aws/client.hpp"
#include "aws/file_hash.hpp"
#include "aws/s3_upload.hpp"
#include "aws/uri.hpp"
#include "aws/xml.hpp"
#include "base/sha256.hpp"
#include "base/text.hpp"

namespace aphex::aws {
namespace {

constexpr std::uint64_t kMebibyte = 1U << 20U;
constexpr std::uint64_t kMaxObjectBytes = 5ULL << 40U;  // S3's limit
constexpr int kMaxListPages = 1'000;                    // of a thousand keys each

std::uint64_t to_number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? value : 0;
}

std::string header_of(const HttpResponse& response, const std::string& lower_name) {
  const auto at = response.headers.find(lower_name);
  return at == response.headers.end() ? std::string() : at->second;
}

// Virtual-hosted, as AWS wants it; as a path where the name cannot be part of a host name that a
// certificate covers, or where there is no DNS (a local endpoint).
std::string bucket_url(const ServiceEndpoint& endpoint, const std::string& bucket) {
  const bool as_path = endpoint.local || bucket.find('.') != std::string::npos;
  if (as_path) return endpoint.url + "/" + uri_encode(bucket);
  const std::size_t host = endpoint.url.find("://") + 3;
  return endpoint.url.substr(0, host) + bucket + "." + endpoint.url.substr(host);
}

}  // namespace

std::uint64_t part_size(std::uint64_t object_bytes) {
  const std::uint64_t least = (object_bytes + kMaxParts - 1) / kMaxParts;
  const std::uint64_t whole = (least + kMebibyte - 1) / kMebibyte * kMebibyte;
  return std::max<std::uint64_t>(kPartBytes, whole);
}

S3Client::S3Client(AwsContext context, std::string region, std::string bucket)
    : context_(std::move(context)), region_(std::move(region)), bucket_(std::move(bucket)) {}

ServiceCall S3Client::make_call(const std::string& operation, const std::string& key,
                                const std::string& query) const {
  const std::string place = "s3://" + bucket_ + (key.empty() ? "" : "/" + key);
  ServiceCall out;
  out.what = "S3 " + operation + " " + place;
  out.service = "s3";
  out.region = region_;
  out.path = PathSigning::as_sent;
  out.payload_header = PayloadHeader::send;
  const ServiceEndpoint endpoint = resolve_endpoint("s3", region_, context_.environment);
  out.request.url = bucket_url(endpoint, bucket_) + "/" + uri_encode(key, Slashes::keep);
  if (!query.empty()) out.request.url += "?" + query;
  return out;
}

Result<S3Object> S3Client::put_file(const std::string& key, const std::filesystem::path& file,
                                    const std::string& sha256, const os::CancelToken& cancel) {
  const std::string what = "S3 PutObject s3://" + bucket_ + "/" + key;
  APHEX_TRY(const FileState before, file_state(file));
  if (before.size_bytes > kMaxObjectBytes) {
    return fail(ErrorCode::usage, what + ": " + file.string() + " is larger than S3's 5 TiB");
  }
  APHEX_TRY(
      const Sha256Digest digest,
      hash_file(HttpRequest::FileRange{.path = file, .offset = 0, .length = before.size_bytes},
                cancel));
  const S3Object object{.key = key, .size_bytes = before.size_bytes, .sha256 = to_hex(digest)};
  if (!sha256.empty() && sha256 != object.sha256) {
    return fail(ErrorCode::corrupt, what + ": " + file.string() + " has the SHA-256 " +
                                        object.sha256 + " instead of " + sha256);
  }
  if (object.size_bytes <= kPartBytes) {
    APHEX_CHECK(put_whole(object, file, cancel));
    return object;
  }
  S3Upload upload(
      context_,
      [this](const std::string& operation, const std::string& object_key,
             const std::string& query) { return make_call(operation, object_key, query); },
      object, file);
  APHEX_CHECK(upload.run(before, cancel));
  return object;
}

Status S3Client::put_whole(const S3Object& object, const std::filesystem::path& file,
                           const os::CancelToken& cancel) const {
  ServiceCall put = make_call("PutObject", object.key);
  put.request.method = "PUT";
  put.request.body_file =
      HttpRequest::FileRange{.path = file, .offset = 0, .length = object.size_bytes};
  put.payload_hash = object.sha256;
  put.request.headers = {{"x-amz-sdk-checksum-algorithm", "SHA256"},
                         {"x-amz-checksum-sha256", base64_of_hex(object.sha256)},
                         {"x-amz-meta-sha256", object.sha256}};
  APHEX_TRY([[maybe_unused]] const HttpResponse done, call(context_, std::move(put), cancel));
  return {};
}

Result<S3Object> S3Client::get_file(const std::string& key, const std::filesystem::path& file,
                                    const os::CancelToken& cancel) {
  ServiceCall get = make_call("GetObject", key);
  get.request.response_file = file;
  APHEX_TRY(const HttpResponse response, call(context_, std::move(get), cancel));
  return S3Object{.key = key,
                  .size_bytes = to_number(header_of(response, "content-length")),
                  .sha256 = header_of(response, "x-amz-meta-sha256")};
}

Result<std::string> S3Client::get_text(const std::string& key, std::size_t max_bytes,
                                       const os::CancelToken& cancel) {
  ServiceCall get = make_call("GetObject", key);
  get.request.max_response_bytes = max_bytes;
  APHEX_TRY(HttpResponse response, call(context_, std::move(get), cancel));
  return std::move(response.body);
}

Result<S3Object> S3Client::head(const std::string& key, const os::CancelToken& cancel) {
  ServiceCall head = make_call("HeadObject", key);
  head.request.method = "HEAD";
  APHEX_TRY(const HttpResponse response, call(context_, std::move(head), cancel));
  return S3Object{.key = key,
                  .size_bytes = to_number(header_of(response, "content-length")),
                  .sha256 = header_of(response, "x-amz-meta-sha256")};
}

Result<std::vector<S3Object>> S3Client::list(const std::string& prefix,
                                             const os::CancelToken& cancel) {
  std::vector<S3Object> objects;
  std::string continuation;
  for (int page = 0; page < kMaxListPages; ++page) {
    QueryParameters query{{"list-type", "2"}, {"prefix", prefix}};
    if (!continuation.empty()) query.emplace_back("continuation-token", continuation);
    ServiceCall list = make_call("ListObjectsV2", "", encode_query(query));
    list.what += " " + prefix;
    const std::string what = list.what;
    APHEX_TRY(const HttpResponse response, call(context_, std::move(list), cancel));
    auto root = parse_xml(response.body);
    if (!root) return fail_because(what, std::move(root.error()));
    if (root->name != "ListBucketResult") {
      return fail(ErrorCode::corrupt, what + ": the answer is no list");
    }
    for (const XmlElement* entry : root->all("Contents")) {
      objects.push_back(S3Object{.key = entry->text_of("Key"),
                                 .size_bytes = to_number(entry->text_of("Size")),
                                 .sha256 = {}});
    }
    continuation = root->text_of("NextContinuationToken");
    if (root->text_of("IsTruncated") != "true" || continuation.empty()) return objects;
  }
  return fail(ErrorCode::unsupported,
              "s3://" + bucket_ + " holds more than a million objects below " + prefix);
}

Status S3Client::remove(const std::string& key, const os::CancelToken& cancel) {
  ServiceCall remove = make_call("DeleteObject", key);
  remove.request.method = "DELETE";
  const auto response = call(context_, std::move(remove), cancel);
  if (response || response.error().code == ErrorCode::not_found) return {};
  return fail(response.error());
}

}  // namespace aphex::aws
