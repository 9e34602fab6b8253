#include "engine/secret_masker.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/sha256.hpp"
#include "base/text.hpp"
#include "doc/value.hpp"

namespace aphex::engine {
namespace {

// Parts of variable names that mark their values as secret.
constexpr std::array<std::string_view, 8> kSecretNames{
    "SECRET", "TOKEN", "PASSWORD", "PASSWD", "PASSPHRASE", "API_KEY", "PRIVATE_KEY", "CREDENTIAL"};
// … and names that hold one of those words but a file or an address, which logs may show.
constexpr std::array<std::string_view, 3> kSecretEnds{"_KEY", "_PAT", "_AUTH"};
constexpr std::array<std::string_view, 5> kHarmlessEnds{"_FILE", "_PATH", "_URI", "_URL", "_NAME"};

std::string url_encoded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                       c == '-' || c == '_' || c == '.' || c == '~';
    if (plain) {
      out += c;
    } else {
      fmt::format_to(std::back_inserter(out), "%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

std::string json_escaped(std::string_view text) {
  const std::string quoted = doc::to_json(doc::Value(text));
  return quoted.substr(1, quoted.size() - 2);
}

// Of "scheme://user:password@host"; empty where there is none.
std::string_view password_of(std::string_view value) {
  const std::size_t scheme = value.find("://");
  if (scheme == std::string_view::npos) return {};
  const std::string_view rest = value.substr(scheme + 3);
  const std::string_view authority = rest.substr(0, rest.find_first_of("/?#"));
  const std::size_t at = authority.rfind('@');
  const std::size_t colon = authority.find(':');
  if (at == std::string_view::npos || colon == std::string_view::npos || colon > at) return {};
  return authority.substr(colon + 1, at - colon - 1);
}

}  // namespace

void SecretMasker::add(std::string_view secret) {
  std::vector<std::string> forms{std::string(secret), to_base64(secret), url_encoded(secret),
                                 json_escaped(secret)};
  // Logs are cut into lines, so a secret of several lines must be found line by line.
  for (const std::string& line : split(secret, '\n'))
    forms.emplace_back(trim(line));
  const std::lock_guard lock(mutex_);
  for (std::string& form : forms) {
    if (form.size() < kMinSecretBytes) continue;
    if (std::find(secrets_.begin(), secrets_.end(), form) != secrets_.end()) continue;
    secrets_.push_back(std::move(form));
  }
  std::sort(secrets_.begin(), secrets_.end(), [](const std::string& a, const std::string& b) {
    return a.size() != b.size() ? a.size() > b.size() : a < b;
  });
}

void SecretMasker::add_from(const os::EnvironmentVariables& environment) {
  for (const auto& [name, value] : environment) {
    const std::string upper = to_upper(name);
    if (const std::string_view password = password_of(value); !password.empty()) add(password);
    const bool ends = std::any_of(kSecretEnds.begin(), kSecretEnds.end(),
                                  [&](auto end) { return upper.ends_with(end); });
    const bool secret =
        ends || std::any_of(kSecretNames.begin(), kSecretNames.end(),
                            [&](auto part) { return upper.find(part) != std::string::npos; });
    const bool harmless = std::any_of(kHarmlessEnds.begin(), kHarmlessEnds.end(),
                                      [&](auto end) { return upper.ends_with(end); });
    if (secret && !harmless) add(value);
  }
}

std::string SecretMasker::mask(std::string_view line) const {
  const std::lock_guard lock(mutex_);
  std::string masked(line);
  for (const std::string& secret : secrets_) {
    if (masked.find(secret) != std::string::npos) {
      masked = replace_all(std::move(masked), secret, "***");
    }
  }
  return masked;
}

Error SecretMasker::mask(const Error& error) const {
  Error masked = error;
  masked.message = mask(describe(error));
  masked.hint = mask(error.hint);
  masked.cause = nullptr;
  return masked;
}

}  // namespace aphex::engine
