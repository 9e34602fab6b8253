#pragma once
// Takes the values of secrets out of words that others chose: an API server may quote what it
// refuses.

#include <string>
#include <string_view>
#include <vector>

namespace aphex::provider {

class Redaction {
 public:
  // The value itself and its base64. Short values are left: they would take words apart.
  void add(std::string_view secret);
  std::string apply(std::string text) const;

 private:
  std::vector<std::string> secrets_;  // the longest first
};

}  // namespace aphex::provider
