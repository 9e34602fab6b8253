#include "k8s/token.hpp"

#include <mutex>
#include <optional>

#include <fmt/format.h>

#include "base/text.hpp"
#include "os/files.hpp"

namespace aphex::k8s {
namespace {

// As client-go does; the kubelet renews the file long before its token expires.
constexpr std::chrono::minutes kFileLifetime{1};
// Service accounts' tokens have about 1 KB; one header line holds no more than this.
constexpr std::size_t kMaxTokenBytes = 16U << 10U;
constexpr const char* kAccountRemedy =
    "check that the service account still exists and that the token is one of this cluster";

class KeptToken final : public TokenProvider {
 public:
  KeptToken(std::shared_ptr<os::Clock> clock, TokenSource source)
      : clock_(std::move(clock)), source_(std::move(source)) {}

  Result<std::string> get(const os::CancelToken& cancel) override {
    const std::lock_guard lock(mutex_);
    if (!kept_ || kept_->use_until <= clock_->now()) {
      kept_.reset();
      APHEX_TRY(kept_, source_.make(cancel));
    }
    return kept_->text;
  }
  void refused() override {
    const std::lock_guard lock(mutex_);
    kept_.reset();
  }
  std::string identity() const override { return source_.identity; }
  std::string remedy() const override { return source_.remedy; }

 private:
  const std::shared_ptr<os::Clock> clock_;
  const TokenSource source_;
  std::mutex mutex_;  // guards kept_, and lets one thread at a time make a token
  std::optional<Token> kept_;
};

class StaticToken final : public TokenProvider {
 public:
  StaticToken(std::string text, std::string identity)
      : text_(std::move(text)), identity_(std::move(identity)) {}
  Result<std::string> get(const os::CancelToken&) override { return text_; }
  void refused() override {}
  std::string identity() const override { return identity_; }
  std::string remedy() const override { return "sign in to the cluster again"; }

 private:
  const std::string text_;
  const std::string identity_;
};

Result<std::string> read_token(const std::filesystem::path& file) {
  auto text = os::read_file(file, kMaxTokenBytes);
  if (!text) return fail_because("no token for the cluster", std::move(text.error()));
  std::string token(trim(*text));
  if (token.empty()) {
    return fail(ErrorCode::permission, fmt::format("{} holds no token", file.string()));
  }
  return token;
}

}  // namespace

std::shared_ptr<TokenProvider> make_token_provider(std::shared_ptr<os::Clock> clock,
                                                   TokenSource source) {
  return std::make_shared<KeptToken>(std::move(clock), std::move(source));
}

std::shared_ptr<TokenProvider> make_static_token(std::string text, std::string identity) {
  return std::make_shared<StaticToken>(std::move(text), std::move(identity));
}

std::shared_ptr<TokenProvider> make_file_token(std::shared_ptr<os::Clock> clock,
                                               std::filesystem::path file) {
  std::string identity = fmt::format("the token in {}", file.string());
  auto make = [clock, file = std::move(file)](const os::CancelToken&) -> Result<Token> {
    APHEX_TRY(std::string text, read_token(file));
    return Token{.text = std::move(text), .use_until = clock->now() + kFileLifetime};
  };
  return make_token_provider(std::move(clock), TokenSource{.make = std::move(make),
                                                           .identity = std::move(identity),
                                                           .remedy = kAccountRemedy});
}

}  // namespace aphex::k8s
