#include "provider/redaction.hpp"

#include <algorithm>

#include "base/sha256.hpp"
#include "base/text.hpp"
#include "doc/value.hpp"

namespace aphex::provider {
namespace {

// A value shorter than this is no secret, and may be part of any word.
constexpr std::size_t kShortestSecret = 4;

}  // namespace

void Redaction::add(std::string_view secret) {
  if (secret.size() < kShortestSecret) return;
  secrets_.emplace_back(secret);
  secrets_.push_back(to_base64(secret));
  // As it stands within a JSON text, without the quotes.
  const std::string quoted = doc::to_json(doc::Value(secret));
  secrets_.push_back(quoted.substr(1, quoted.size() - 2));
  std::stable_sort(secrets_.begin(), secrets_.end(),
                   [](const std::string& a, const std::string& b) { return a.size() > b.size(); });
}

std::string Redaction::apply(std::string text) const {
  for (const std::string& secret : secrets_)
    text = replace_all(std::move(text), secret, "***");
  return text;
}

}  // namespace aphex::provider
