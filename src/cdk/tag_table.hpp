#pragma once
// Which resource types carry tags, and how (taggable_types.txt).

#include <string_view>

namespace aphex::cdk {

enum class TagForm {
  list,    // [{"Key": …, "Value": …}]
  launch,  // the same with "PropagateAtLaunch": true
  map,     // {"key": "value"}
};

struct TagProperty {
  TagForm form = TagForm::list;
  std::string_view name;  // "Tags"
};

// Null where the type carries no tags.
const TagProperty* find_tag_property(std::string_view resource_type);

}  // namespace aphex::cdk
