// The HTTP client over libcurl. Each request borrows a session (an easy and a multi handle) from a
// pool; the multi handle keeps its connections alive, and curl_multi_poll waits for the sockets and
// the cancellation's descriptor at once.

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <mutex>

#include "aws/curl_transfer.hpp"
#include "aws/http.hpp"
#include "aws/uri.hpp"
#include "base/header_value.hpp"
#include "base/text.hpp"
#include "os/process.hpp"

namespace aphex::aws {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kMaxIdleSessions = 8;  // as many as a multipart upload and a listing use
constexpr std::size_t kMaxHeaderBytes = 64U << 10U;  // AWS sends less than 4 KB
constexpr std::size_t kMinBytesPerSecond = 1'000;    // the contract's "1 KB/s"
constexpr long kTransferBufferBytes = 256L << 10U;
constexpr const char* kUserAgent = "aphex/1";

struct FileCloser {
  void operator()(std::FILE* file) const { (void)std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, FileCloser>;

// One transfer: what libcurl's callbacks read from and write to.
struct Transfer {
  explicit Transfer(const HttpRequest& what) : request(what) {}

  const HttpRequest& request;
  HttpResponse response;
  std::size_t header_bytes = 0;
  bool headers_whole = false;  // the empty line came: libcurl does not insist on it
  File input;                  // of request.body_file
  std::uint64_t sent = 0;      // of the body
  File output;                 // of request.response_file
  std::uint64_t moved = 0;     // bytes in both directions, for the stall
  std::string problem;         // ours, which libcurl only knows as "aborted"
  ErrorCode problem_code = ErrorCode::io;

  std::uint64_t body_size() const {
    return request.body_file ? request.body_file->length : request.body.size();
  }
};

// "HTTP/1.1 404 Not Found" → 404; 0 where there is none.
int status_of(std::string_view line) {
  const std::size_t space = line.find(' ');
  if (space == std::string_view::npos) return 0;
  int status = 0;
  std::from_chars(line.data() + space + 1, line.data() + line.size(), status);
  return status;
}

std::size_t on_header(char* data, std::size_t, std::size_t size, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  const std::string_view line(data, size);
  transfer.moved += size;
  transfer.header_bytes += size;
  if (transfer.header_bytes > kMaxHeaderBytes) {
    transfer.problem = "the answer's headers are larger than " + human_bytes(kMaxHeaderBytes);
    transfer.problem_code = ErrorCode::corrupt;
    return 0;
  }
  if (line.starts_with("HTTP/")) {  // a new answer: after 100 Continue, or after a proxy's
    transfer.response.headers.clear();
    transfer.headers_whole = false;
    transfer.response.status = status_of(line);
    return size;
  }
  if (trim(line).empty()) transfer.headers_whole = true;
  const std::size_t colon = line.find(':');
  if (colon != std::string_view::npos) {
    transfer.response.headers[to_lower(trim(line.substr(0, colon)))] = trim(line.substr(colon + 1));
  }
  return size;
}

bool open_output(Transfer& transfer) {
  if (transfer.output) return true;
  transfer.output.reset(std::fopen(transfer.request.response_file->c_str(), "wbe"));
  if (transfer.output) return true;
  transfer.problem = "cannot write " + transfer.request.response_file->string() + ": " +
                     std::generic_category().message(errno);
  return false;
}

bool goes_to_file(const Transfer& transfer) {
  const int status = transfer.response.status;
  return transfer.request.response_file && status >= 200 && status < 300;
}

std::size_t on_body(char* data, std::size_t, std::size_t size, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  transfer.moved += size;
  if (goes_to_file(transfer)) {
    if (!open_output(transfer)) return 0;
    if (std::fwrite(data, 1, size, transfer.output.get()) == size) return size;
    transfer.problem = "cannot write " + transfer.request.response_file->string() + ": " +
                       std::generic_category().message(errno);
    return 0;
  }
  if (transfer.response.body.size() + size > transfer.request.max_response_bytes) {
    transfer.problem =
        "the answer is larger than " + human_bytes(transfer.request.max_response_bytes);
    transfer.problem_code = ErrorCode::corrupt;
    return 0;
  }
  transfer.response.body.append(data, size);
  return size;
}

std::size_t on_send(char* buffer, std::size_t, std::size_t capacity, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  const auto size = static_cast<std::size_t>(
      std::min<std::uint64_t>(capacity, transfer.body_size() - transfer.sent));
  if (size == 0) return 0;
  if (transfer.input) {
    if (std::fread(buffer, 1, size, transfer.input.get()) != size) {
      transfer.problem =
          transfer.request.body_file->path.string() + " became shorter while it was sent";
      return CURL_READFUNC_ABORT;
    }
  } else {
    std::memcpy(buffer, transfer.request.body.data() + transfer.sent, size);
  }
  transfer.sent += size;
  transfer.moved += size;
  return size;
}

// Back to a byte of the body, when libcurl must send it again over a new connection.
int on_seek(void* user, curl_off_t offset, int origin) {
  auto& transfer = *static_cast<Transfer*>(user);
  if (origin != SEEK_SET || offset < 0) return CURL_SEEKFUNC_FAIL;
  transfer.sent = static_cast<std::uint64_t>(offset);
  if (transfer.input) {
    const auto start = static_cast<off_t>(transfer.request.body_file->offset) + offset;
    if (fseeko(transfer.input.get(), start, SEEK_SET) != 0) return CURL_SEEKFUNC_FAIL;
  }
  return CURL_SEEKFUNC_OK;
}

Status open_input(Transfer& transfer) {
  if (!transfer.request.body_file) return {};
  const HttpRequest::FileRange& range = *transfer.request.body_file;
  transfer.input.reset(std::fopen(range.path.c_str(), "rbe"));
  if (!transfer.input) return fail_errno("cannot read " + range.path.string(), errno);
  if (fseeko(transfer.input.get(), static_cast<off_t>(range.offset), SEEK_SET) != 0) {
    return fail_errno("cannot read " + range.path.string(), errno);
  }
  return {};
}

// Less than the least speed over a whole window of `limit`.
class StallWatch final : public TransferWatch {
 public:
  StallWatch(const Transfer& transfer, SteadyTime now)
      : limit_(transfer.request.stall_timeout), moved_(transfer.moved), start_(now) {}
  bool given_up(SteadyTime now) override {
    const auto elapsed = std::chrono::duration_cast<milliseconds>(now - start_);
    if (elapsed < limit_) return false;
    const std::uint64_t least =
        static_cast<std::uint64_t>(elapsed.count()) * kMinBytesPerSecond / 1'000;
    if (moved_ - moved_at_start_ < least) return true;
    start_ = now;
    moved_at_start_ = moved_;
    return false;
  }
  milliseconds left(SteadyTime now) const override {
    const auto elapsed = std::chrono::duration_cast<milliseconds>(now - start_);
    return std::max(limit_ - elapsed, milliseconds(0)) + milliseconds(1);
  }

 private:
  const milliseconds limit_;
  const std::uint64_t& moved_;
  SteadyTime start_;
  std::uint64_t moved_at_start_ = 0;
};

class CurlHttpClient final : public HttpClient {
 public:
  explicit CurlHttpClient(HttpOptions options) : options_(std::move(options)) {
    // Thread-safe and counted since libcurl 7.84; OpenSSL needs no teardown of ours.
    initialized_ = curl().problem.empty() && curl().global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
  }
  ~CurlHttpClient() override {
    idle_.clear();
    if (initialized_) curl().global_cleanup();
  }
  CurlHttpClient(const CurlHttpClient&) = delete;
  CurlHttpClient& operator=(const CurlHttpClient&) = delete;

  Result<HttpResponse> send(const HttpRequest& request, const os::CancelToken& cancel) override {
    APHEX_TRY(const Url url, parse_url(request.url));
    if (cancel.cancelled()) return fail(ErrorCode::cancelled, cancelled_message(url, cancel));
    if (!initialized_) {
      return fail(ErrorCode::not_found,
                  "libcurl, which requests are made by, cannot be used: " + curl().problem,
                  "install it: apt-get install libcurl4");
    }
    Transfer transfer(request);
    APHEX_CHECK(open_input(transfer));
    CurlSession session = borrow();
    if (!session.easy || !session.multi) {
      return fail(ErrorCode::internal, "libcurl cannot make a handle");
    }
    auto response = perform(session, transfer, url, cancel);
    curl().easy_reset(session.easy.get());
    give_back(std::move(session));
    return response;
  }

 private:
  static std::string cancelled_message(const Url& url, const os::CancelToken& cancel) {
    return "the request to " + url.origin() + " was cancelled: " + cancel.reason();
  }

  CurlSession borrow() {
    const std::lock_guard lock(mutex_);
    if (idle_.empty()) return CurlSession();
    CurlSession session = std::move(idle_.back());
    idle_.pop_back();
    return session;
  }

  void give_back(CurlSession session) {
    const std::lock_guard lock(mutex_);
    if (idle_.size() < kMaxIdleSessions) idle_.push_back(std::move(session));
  }

  Result<HttpResponse> perform(CurlSession& session, Transfer& transfer, const Url& url,
                               const os::CancelToken& cancel) {
    for (const auto& [name, value] : transfer.request.headers) {
      if (is_header_value(value)) continue;
      return fail(ErrorCode::corrupt, "the header " + name + " of a request to " + url.origin() +
                                          " has a line break in it, and would be two");
    }
    CURL* easy = session.easy.get();
    const std::unique_ptr<curl_slist, SlistCleanup> headers = header_list(transfer.request);
    std::string detail(CURL_ERROR_SIZE, '\0');
    configure(easy, transfer, headers.get());
    configure_route(easy, transfer.request, url);
    curl().easy_setopt(easy, CURLOPT_ERRORBUFFER, detail.data());
    if (curl().multi_add_handle(session.multi.get(), easy) != CURLM_OK) {
      return fail(ErrorCode::internal, "libcurl refuses a transfer");
    }
    CURLcode code = CURLE_OK;
    StallWatch watch(transfer, std::chrono::steady_clock::now());
    const TransferEnd ending = drive_transfer(session, cancel, watch, code);
    curl().multi_remove_handle(session.multi.get(), easy);
    detail.resize(std::strlen(detail.c_str()));
    return conclude(ending, code, Conclusion{transfer, url, cancel, detail});
  }

  static std::unique_ptr<curl_slist, SlistCleanup> header_list(const HttpRequest& request) {
    curl_slist* list = nullptr;
    for (const auto& [name, value] : request.headers) {
      // libcurl's spelling of a header without a value ends in a semicolon.
      std::string line = name;
      line += value.empty() ? ";" : ": ";
      line += value;
      if (curl_slist* longer = curl().slist_append(list, line.c_str())) list = longer;
    }
    // No round trip for "100 Continue": AWS refuses before it reads, or not at all.
    if (curl_slist* longer = curl().slist_append(list, "Expect:")) list = longer;
    return std::unique_ptr<curl_slist, SlistCleanup>(list);
  }

  static void configure(CURL* easy, Transfer& transfer, curl_slist* headers) {
    const HttpRequest& request = transfer.request;
    curl().easy_setopt(easy, CURLOPT_URL, request.url.c_str());
    curl().easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);  // the signature covers the path as it is
    curl().easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl().easy_setopt(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    curl().easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl().easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl().easy_setopt(easy, CURLOPT_USERAGENT, kUserAgent);
    curl().easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    if (request.connection == Connection::its_own) {
      curl().easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
      curl().easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
    }
    curl().easy_setopt(easy, CURLOPT_BUFFERSIZE, kTransferBufferBytes);
    curl().easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, kTransferBufferBytes);
    curl().easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                       static_cast<long>(request.connect_timeout.count()));
    curl().easy_setopt(easy, CURLOPT_HEADERFUNCTION, &on_header);
    curl().easy_setopt(easy, CURLOPT_HEADERDATA, &transfer);
    curl().easy_setopt(easy, CURLOPT_WRITEFUNCTION, &on_body);
    curl().easy_setopt(easy, CURLOPT_WRITEDATA, &transfer);
    if (request.method == "GET") {
      curl().easy_setopt(easy, CURLOPT_HTTPGET, 1L);
    } else if (request.method == "HEAD") {
      curl().easy_setopt(easy, CURLOPT_NOBODY, 1L);
    } else {
      if (request.method != "DELETE" || transfer.body_size() > 0) {
        curl().easy_setopt(easy, CURLOPT_UPLOAD, 1L);
        curl().easy_setopt(easy, CURLOPT_READFUNCTION, &on_send);
        curl().easy_setopt(easy, CURLOPT_READDATA, &transfer);
        curl().easy_setopt(easy, CURLOPT_SEEKFUNCTION, &on_seek);
        curl().easy_setopt(easy, CURLOPT_SEEKDATA, &transfer);
        curl().easy_setopt(easy, CURLOPT_INFILESIZE_LARGE,
                           static_cast<curl_off_t>(transfer.body_size()));
      }
      curl().easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request.method.c_str());
    }
  }

  void configure_route(CURL* easy, const HttpRequest& request, const Url& url) const {
    if (request.proxy == Proxy::none || is_loopback(url.host)) {
      curl().easy_setopt(easy, CURLOPT_PROXY, "");
    }
    if (!options_.ca_pem.empty()) {
      set_blob(easy, CURLOPT_CAINFO_BLOB, options_.ca_pem);
      // Built in, and else trusted as well.
      curl().easy_setopt(easy, CURLOPT_CAINFO, nullptr);
      curl().easy_setopt(easy, CURLOPT_CAPATH, nullptr);
    } else if (!options_.ca_bundle.empty()) {
      curl().easy_setopt(easy, CURLOPT_CAINFO, options_.ca_bundle.c_str());
    }
    if (!options_.client_certificate_pem.empty()) {
      set_blob(easy, CURLOPT_SSLCERT_BLOB, options_.client_certificate_pem);
      set_blob(easy, CURLOPT_SSLKEY_BLOB, options_.client_key_pem);
    }
  }

  // The text outlives the request, so libcurl needs no copy.
  static void set_blob(CURL* easy, CURLoption option, const std::string& text) {
    curl_blob blob{.data = const_cast<char*>(text.data()),  // NOLINT: only read
                   .len = text.size(),
                   .flags = CURL_BLOB_NOCOPY};
    curl().easy_setopt(easy, option, &blob);
  }

  struct Conclusion {
    Transfer& transfer;
    const Url& url;
    const os::CancelToken& cancel;
    const std::string& detail;
  };

  std::string trust_hint() const {
    return options_.ca_pem.empty()
               ? "set AWS_CA_BUNDLE to a file with the certificate authority of this network"
               : "the server's certificate is not of the authority that was named for it";
  }

  Result<HttpResponse> conclude(TransferEnd ending, CURLcode code, const Conclusion& at) const {
    const std::string origin = at.url.origin();
    switch (ending) {
      case TransferEnd::cancelled:
        return fail(ErrorCode::cancelled, cancelled_message(at.url, at.cancel));
      case TransferEnd::broken:
        return fail(ErrorCode::internal, "libcurl lost a transfer");
      case TransferEnd::given_up:
        return unavailable(origin + " moved less than 1 KB/s for " +
                           std::to_string(at.transfer.request.stall_timeout.count()) +
                           " ms; given up");
      case TransferEnd::done:
        break;
    }
    if (!at.transfer.problem.empty()) {
      return fail(at.transfer.problem_code, origin + ": " + at.transfer.problem);
    }
    if (code != CURLE_OK) return transport_error(origin, code, at.detail);
    if (!at.transfer.headers_whole) {
      return unavailable("no whole answer from " + origin + ": it ends within the headers");
    }
    APHEX_CHECK(finish_output(at.transfer));
    return std::move(at.transfer.response);
  }

  static Status finish_output(Transfer& transfer) {
    if (!goes_to_file(transfer)) return {};
    if (!open_output(transfer)) return fail(ErrorCode::io, transfer.problem);
    if (std::fclose(transfer.output.release()) != 0) {
      return fail_errno("cannot write " + transfer.request.response_file->string(), errno);
    }
    return {};
  }

  static tl::unexpected<Error> unavailable(std::string message) {
    return fail(Error{.code = ErrorCode::unavailable,
                      .message = std::move(message),
                      .hint = {},
                      .retry = Retry::retryable,
                      .exit_code = 0,
                      .cause = nullptr});
  }

  tl::unexpected<Error> transport_error(const std::string& origin, CURLcode code,
                                        const std::string& detail) const {
    const std::string what = detail.empty() ? curl().easy_strerror(code) : detail;
    const bool tls = code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE ||
                     code == CURLE_SSL_ISSUER_ERROR;
    if (tls) {
      return fail(ErrorCode::unavailable, "no trusted connection to " + origin + ": " + what,
                  trust_hint());
    }
    return unavailable("no whole answer from " + origin + ": " + what);
  }

  const HttpOptions options_;
  bool initialized_ = false;
  std::mutex mutex_;
  std::vector<CurlSession> idle_;  // guarded by mutex_
};

}  // namespace

std::unique_ptr<HttpClient> make_http_client(const HttpOptions& options) {
  return std::make_unique<CurlHttpClient>(options);
}

std::unique_ptr<HttpClient> make_http_client() {
  const os::EnvironmentVariables environment = os::current_environment();
  const auto bundle = environment.find("AWS_CA_BUNDLE");
  return make_http_client(
      HttpOptions{.ca_bundle = bundle == environment.end() ? std::string() : bundle->second});
}

}  // namespace aphex::aws
