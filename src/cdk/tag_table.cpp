#include "cdk/tag_table.hpp"

#include <unordered_map>

#include "base/text.hpp"
#include "cdk/taggable_types_txt.hpp"

namespace aphex::cdk {
namespace {

using TagTable = std::unordered_map<std::string_view, TagProperty>;

TagForm form_named(std::string_view name) {
  if (name == "map") return TagForm::map;
  return name == "launch" ? TagForm::launch : TagForm::list;
}

// "<form> <property>", then its types, indented; '#' begins a comment.
TagTable read_table(std::string_view text) {
  TagTable table;
  TagProperty property;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.empty() || line.front() == '#') continue;
    if (line.front() == ' ') {
      table.emplace(trim(line), property);
      continue;
    }
    const std::size_t space = line.find(' ');
    property = {.form = form_named(line.substr(0, space)), .name = line.substr(space + 1)};
  }
  return table;
}

}  // namespace

const TagProperty* find_tag_property(std::string_view resource_type) {
  static const TagTable table = read_table(kTaggableTypesText);
  const auto found = table.find(resource_type);
  return found == table.end() ? nullptr : &found->second;
}

}  // namespace aphex::cdk
