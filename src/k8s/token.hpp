#pragma once
// The bearer token of a request, and where it comes from.

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "base/result.hpp"
#include "os/cancel.hpp"
#include "os/clock.hpp"

namespace aphex::k8s {

class TokenProvider {
 public:
  virtual ~TokenProvider() = default;
  // Good for at least a minute. Thread-safe.
  virtual Result<std::string> get(const os::CancelToken& cancel) = 0;
  // The server did not accept the last one: the next get() makes another.
  virtual void refused() = 0;
  // Whose it is, for messages: "the IAM role arn:…", "the token in /var/run/…".
  virtual std::string identity() const = 0;
  // What mends it where the server knows nobody of that identity.
  virtual std::string remedy() const = 0;
};

struct Token {
  std::string text;
  os::WallTime use_until;
};

// Makes tokens when they are needed, and keeps each until its time.
struct TokenSource {
  std::function<Result<Token>(const os::CancelToken& cancel)> make;
  std::string identity;
  std::string remedy;
};
std::shared_ptr<TokenProvider> make_token_provider(std::shared_ptr<os::Clock> clock,
                                                   TokenSource source);

// Of a kubeconfig: always the same one.
std::shared_ptr<TokenProvider> make_static_token(std::string text, std::string identity);

// A service account's, mounted into the pod: read anew every minute, because it rotates.
std::shared_ptr<TokenProvider> make_file_token(std::shared_ptr<os::Clock> clock,
                                               std::filesystem::path file);

}  // namespace aphex::k8s
