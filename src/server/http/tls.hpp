#pragma once
// The certificate that the server shows, read again when it was renewed. Of the loop's thread
// alone.

#include <boost/asio/ssl/context.hpp>
#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>

#include "base/result.hpp"
#include "server/server_config.hpp"

namespace aphex::server {

class TlsCertificate {
 public:
  // An error where the files are no certificate with its key.
  static Result<std::unique_ptr<TlsCertificate>> load(TlsFiles files);

  // For a new connection. Looks once a second whether a file was written since; one that does not
  // fit is complained of once, and the certificate before it stays.
  boost::asio::ssl::context& current(const std::function<void(const Error&)>& complain);

 private:
  struct Written {
    std::filesystem::file_time_type certificate;
    std::filesystem::file_time_type key;
    bool operator==(const Written&) const = default;
  };
  explicit TlsCertificate(TlsFiles files) : files_(std::move(files)) {}
  Written written() const;

  TlsFiles files_;
  Written read_;
  std::chrono::steady_clock::time_point looked_;
  std::unique_ptr<boost::asio::ssl::context> context_;
};

}  // namespace aphex::server
