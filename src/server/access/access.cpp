#include "server/access/access.hpp"

#include <array>

namespace aphex::server {
namespace {

constexpr std::array<std::string_view, 5> kWords{"open", "read", "run", "approve", "admin"};

}  // namespace

std::string_view to_string(Access access) {
  return kWords[static_cast<std::size_t>(access)];
}

std::optional<Access> role_from(std::string_view word) {
  for (std::size_t i = 1; i < kWords.size(); ++i) {
    if (kWords[i] == word) return static_cast<Access>(i);
  }
  return std::nullopt;
}

}  // namespace aphex::server
