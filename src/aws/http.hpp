#pragma once
// HTTP requests, over libcurl, behind an interface that tests can fake.

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "os/cancel.hpp"

namespace aphex::aws {

using Headers = std::vector<std::pair<std::string, std::string>>;

// Proxies come from http_proxy, https_proxy and no_proxy; loopback addresses never use one.
enum class Proxy { from_environment, none };

// A kept one may turn out to be closed when the request goes; libcurl sends it again then, by
// itself. With a new one a request goes once.
enum class Connection { kept_if_there, its_own };

struct HttpRequest {
  std::string method = "GET";
  std::string url;
  Headers headers;
  std::string body;
  // Instead of `body`: `length` bytes of a file from `offset`, streamed.
  struct FileRange {
    std::filesystem::path path;
    std::uint64_t offset = 0;
    std::uint64_t length = 0;
  };
  std::optional<FileRange> body_file;
  std::optional<std::filesystem::path> response_file;  // a 2xx body goes here instead of memory
  std::chrono::milliseconds connect_timeout{5'000};
  // The transfer is given up when it moves less than 1 KB/s for this long.
  std::chrono::milliseconds stall_timeout{30'000};
  std::size_t max_response_bytes = 64U << 20U;  // of an in-memory body
  Proxy proxy = Proxy::from_environment;
  Connection connection = Connection::kept_if_there;
};

struct HttpResponse {
  int status = 0;
  std::map<std::string, std::string> headers;  // lower-case names; the last of several stands
  std::string body;
};

class HttpClient {
 public:
  virtual ~HttpClient() = default;
  // An Error (unavailable, retryable) when there was no whole answer; any status is a Response.
  // Thread-safe.
  virtual Result<HttpResponse> send(const HttpRequest& request, const os::CancelToken& cancel) = 0;
};

struct HttpOptions {
  std::string ca_bundle;  // a PEM file of the authorities to trust; empty: the system's
  // PEM text of the only authorities to trust, before `ca_bundle`: of a cluster, which has its own.
  std::string ca_pem{};
  // PEM texts of who we are, where a server asks for a certificate instead of a header.
  std::string client_certificate_pem{};
  std::string client_key_pem{};
};
// Over libcurl: HTTP/1.1, connections kept for the next request, TLS always verified. Redirects are
// not followed: a signature holds for one host only.
std::unique_ptr<HttpClient> make_http_client(const HttpOptions& options);
// With AWS_CA_BUNDLE of this process's environment.
std::unique_ptr<HttpClient> make_http_client();

}  // namespace aphex::aws
