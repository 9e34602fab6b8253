#include "changes/replacement.hpp"

#include <unordered_map>
#include <vector>

#include "base/text.hpp"
#include "changes/replacing_properties_txt.hpp"

namespace aphex::changes {
namespace {

struct Property {
  std::vector<std::string> steps;
  Replacement replacement = Replacement::will;
};
using Table = std::unordered_map<std::string_view, std::string_view>;  // type → its properties

// A line for each type: its name, then its properties; '#' begins a comment.
Table read_table(std::string_view text) {
  Table table;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    const std::size_t space = line.find(' ');
    if (line.starts_with('#') || space == std::string_view::npos) continue;
    table.emplace(line.substr(0, space), line.substr(space + 1));
  }
  return table;
}

// One is a part of the other: either the property or something in it changes.
bool meet(const std::vector<std::string>& pattern, const std::vector<std::string>& path) {
  for (std::size_t i = 0; i < pattern.size() && i < path.size(); ++i) {
    if (pattern[i] != "*" && pattern[i] != path[i]) return false;
  }
  return true;
}

}  // namespace

Replacement replacement_of(std::string_view resource_type, std::string_view path) {
  static const Table table = read_table(kReplacingPropertiesText);
  // Another function behind a custom resource is another resource.
  if (resource_type.starts_with("Custom::") && path == "ServiceToken") return Replacement::will;
  const auto found = table.find(resource_type);
  if (found == table.end()) return Replacement::never;
  const std::vector<std::string> steps = split(path, '/');
  Replacement worst = Replacement::never;
  for (std::string word : split(found->second, ' ')) {
    Property property;
    if (word.starts_with('?')) {
      property.replacement = Replacement::may;
      word.erase(0, 1);
    }
    property.steps = split(word, '/');
    if (meet(property.steps, steps)) worst = std::max(worst, property.replacement);
  }
  return worst;
}

}  // namespace aphex::changes
