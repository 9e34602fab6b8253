#include "aws/s3_upload.hpp"

#include <algorithm>
#include <chrono>
#include <thread>

#include "aws/uri.hpp"
#include "aws/xml.hpp"
#include "base/sha256.hpp"

namespace aphex::aws {
namespace {

using std::chrono::milliseconds;

// S3 joins the parts before it answers; of thousands of parts that takes minutes.
constexpr milliseconds kCompleteStall{std::chrono::minutes(5)};
// The person who cancelled is waiting. What stays behind, the bucket's lifecycle rule removes.
constexpr milliseconds kAbortStall{5'000};
constexpr int kAbortAttempts = 2;

}  // namespace

S3Upload::S3Upload(const AwsContext& context, MakeCall make_call, const S3Object& object,
                   const std::filesystem::path& file)
    : context_(context),
      make_call_(std::move(make_call)),
      object_(object),
      file_(file),
      part_bytes_(part_size(object.size_bytes)),
      parts_((object.size_bytes + part_bytes_ - 1) / part_bytes_) {}

Status S3Upload::run(const FileState& expected, const os::CancelToken& cancel) {
  APHEX_TRY(upload_id_, begin(cancel));
  Status done = send_parts(cancel);
  if (done) {
    const auto now = file_state(file_);
    if (!now || !(*now == expected)) {
      done = fail(ErrorCode::corrupt, file_.string() + " changed while it was uploaded");
    }
  }
  if (done) done = complete(cancel);
  if (!done) abort();
  return done;
}

Result<std::string> S3Upload::begin(const os::CancelToken& cancel) const {
  ServiceCall create = make_call_("CreateMultipartUpload", object_.key, "uploads=");
  create.request.method = "POST";
  create.request.headers = {{"x-amz-checksum-algorithm", "SHA256"},
                            {"x-amz-meta-sha256", object_.sha256}};
  const std::string what = create.what;
  APHEX_TRY(const HttpResponse response, call(context_, std::move(create), cancel));
  const auto root = parse_xml(response.body);
  std::string id = root ? root->text_of("UploadId") : std::string();
  if (id.empty()) return fail(ErrorCode::corrupt, what + ": the answer names no upload");
  return id;
}

Status S3Upload::send_parts(const os::CancelToken& cancel) {
  os::CancelSource group = os::CancelSource::child_of(cancel);
  {
    std::vector<std::jthread> workers;
    const std::size_t count = std::min<std::size_t>(kParallelParts, parts_.size());
    for (std::size_t i = 0; i < count; ++i) {
      workers.emplace_back([this, &group] { send_until_empty(group); });
    }
  }
  if (first_error_) return fail(std::move(*first_error_));
  return {};
}

void S3Upload::send_until_empty(os::CancelSource& group) {
  const os::CancelToken cancel = group.token();
  while (const auto index = next_part()) {
    auto part = send_part(*index, cancel);
    if (!part) {
      keep_first(std::move(part.error()));
      group.cancel("another part of the upload failed");
      return;
    }
    const std::lock_guard lock(mutex_);
    parts_[*index] = std::move(*part);
  }
}

std::optional<std::size_t> S3Upload::next_part() {
  const std::lock_guard lock(mutex_);
  if (first_error_ || next_ == parts_.size()) return std::nullopt;
  return next_++;
}

void S3Upload::keep_first(Error error) {
  const std::lock_guard lock(mutex_);
  if (!first_error_) first_error_ = std::move(error);
}

Result<S3Upload::Part> S3Upload::send_part(std::size_t index, const os::CancelToken& cancel) const {
  const std::uint64_t offset = index * part_bytes_;
  const HttpRequest::FileRange range{.path = file_,
                                     .offset = offset,
                                     .length = std::min(part_bytes_, object_.size_bytes - offset)};
  APHEX_TRY(const Sha256Digest digest, hash_file(range, cancel));
  const std::string hex = to_hex(digest);

  ServiceCall put = make_call_(
      "UploadPart", object_.key,
      encode_query({{"partNumber", std::to_string(index + 1)}, {"uploadId", upload_id_}}));
  put.what += " part " + std::to_string(index + 1) + " of " + std::to_string(parts_.size());
  put.request.method = "PUT";
  put.request.body_file = range;
  put.payload_hash = hex;
  Part part{.etag = {}, .sha256_base64 = base64_of_hex(hex)};
  put.request.headers = {{"x-amz-checksum-sha256", part.sha256_base64}};
  const std::string what = put.what;
  APHEX_TRY(const HttpResponse response, call(context_, std::move(put), cancel));
  const auto etag = response.headers.find("etag");
  if (etag == response.headers.end()) {
    return fail(ErrorCode::corrupt, what + ": the answer carries no ETag");
  }
  part.etag = etag->second;
  return part;
}

Status S3Upload::complete(const os::CancelToken& cancel) const {
  std::string body = "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">";
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    body += "<Part><ChecksumSHA256>" + parts_[i].sha256_base64 + "</ChecksumSHA256><ETag>" +
            xml_escape(parts_[i].etag) + "</ETag><PartNumber>" + std::to_string(i + 1) +
            "</PartNumber></Part>";
  }
  body += "</CompleteMultipartUpload>";
  ServiceCall complete =
      make_call_("CompleteMultipartUpload", object_.key, encode_query({{"uploadId", upload_id_}}));
  complete.request.method = "POST";
  complete.request.headers = {{"Content-Type", "application/xml"}};
  complete.request.body = std::move(body);
  complete.request.stall_timeout = kCompleteStall;
  complete.success = Success::unless_body_is_error;
  const auto done = call(context_, std::move(complete), cancel);
  if (done) return {};
  // An upload that is not there (any more) may have been ended by an attempt without an answer.
  if (done.error().code == ErrorCode::not_found && is_stored(cancel)) return {};
  return fail(done.error());
}

// Whether the object is there, with the content of this upload.
bool S3Upload::is_stored(const os::CancelToken& cancel) const {
  ServiceCall head = make_call_("HeadObject", object_.key, "");
  head.request.method = "HEAD";
  const auto found = call(context_, std::move(head), cancel);
  if (!found) return false;
  const auto sha256 = found->headers.find("x-amz-meta-sha256");
  return sha256 != found->headers.end() && sha256->second == object_.sha256;
}

void S3Upload::abort() const {
  ServiceCall abort =
      make_call_("AbortMultipartUpload", object_.key, encode_query({{"uploadId", upload_id_}}));
  abort.request.method = "DELETE";
  abort.request.stall_timeout = kAbortStall;
  abort.max_attempts = kAbortAttempts;
  // Never cancelled itself: it cleans up after a cancellation. Its failure changes nothing for the
  // caller, who gets the error that led here.
  (void)call(context_, std::move(abort), os::CancelToken());
}

}  // namespace aphex::aws
