#pragma once
// Keeps what must not be read by others out of every log.

#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "os/process.hpp"

namespace aphex::engine {

// Replaces each known secret by ***. Thread-safe.
class SecretMasker {
 public:
  // Shorter values occur by chance and would tear holes into innocent text.
  static constexpr std::size_t kMinSecretBytes = 8;

  // Also remembers the secret's lines and its base64, URL-encoded and JSON-escaped forms.
  void add(std::string_view secret);
  // The values of variables whose names say that they are secret (…TOKEN, …PASSWORD, …_KEY, …), and
  // the password in an address (scheme://user:password@host).
  void add_from(const os::EnvironmentVariables& environment);
  std::string mask(std::string_view line) const;
  // Message, hint and every cause; the causes become part of the message.
  Error mask(const Error& error) const;

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> secrets_;  // longest first
};

}  // namespace aphex::engine
