#include "server/http/tls.hpp"

#include <boost/system/error_code.hpp>

#include <fmt/format.h>

namespace aphex::server {
namespace {

namespace ssl = boost::asio::ssl;

constexpr std::chrono::seconds kLook{1};

Result<std::unique_ptr<ssl::context>> read(const TlsFiles& files) {
  auto context = std::make_unique<ssl::context>(ssl::context::tls_server);
  boost::system::error_code error;
  const auto wrong = [&](const char* what, const std::filesystem::path& file) {
    return fail(ErrorCode::invalid_config,
                fmt::format("{} in {} cannot be used: {}", what, file.string(), error.message()),
                "PEM files are needed, readable by this user, and the key must be the "
                "certificate's");
  };
  // 1.2 at least: RFC 8996 says no to what was before it.
  context->set_options(ssl::context::default_workarounds | ssl::context::no_sslv2 |
                           ssl::context::no_sslv3 | ssl::context::no_tlsv1 |
                           ssl::context::no_tlsv1_1 | ssl::context::no_compression,
                       error);
  if (!error) context->use_certificate_chain_file(files.certificate.string(), error);
  if (error) return wrong("the certificate", files.certificate);
  context->use_private_key_file(files.key.string(), ssl::context::pem, error);
  if (error) return wrong("the key", files.key);
  return context;
}

}  // namespace

TlsCertificate::Written TlsCertificate::written() const {
  std::error_code absent;
  return {std::filesystem::last_write_time(files_.certificate, absent),
          std::filesystem::last_write_time(files_.key, absent)};
}

Result<std::unique_ptr<TlsCertificate>> TlsCertificate::load(TlsFiles files) {
  std::unique_ptr<TlsCertificate> made(new TlsCertificate(std::move(files)));
  made->read_ = made->written();
  APHEX_TRY(made->context_, read(made->files_));
  return made;
}

ssl::context& TlsCertificate::current(const std::function<void(const Error&)>& complain) {
  const auto now = std::chrono::steady_clock::now();
  if (now - looked_ < kLook) return *context_;
  looked_ = now;
  const Written found = written();
  if (found == read_) return *context_;
  read_ = found;
  if (auto renewed = read(files_)) {
    context_ = std::move(*renewed);
  } else if (complain) {
    complain(renewed.error());
  }
  return *context_;
}

}  // namespace aphex::server
