#pragma once
// XML answers as a small tree. The parser behind it (pugixml) resolves no external entities.

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace aphex::aws {

struct XmlElement {
  std::string name;  // without a namespace prefix
  std::string text;  // of its own character data
  std::vector<XmlElement> children;

  // The first child of that name, or null.
  const XmlElement* child(std::string_view child_name) const;
  // By a path of names: find({"GetCallerIdentityResult", "Arn"}).
  const XmlElement* find(std::initializer_list<std::string_view> path) const;
  // The text of a child, or nothing.
  std::string text_of(std::string_view child_name) const;
  // Children called <member> (query protocol), or any other name.
  std::vector<const XmlElement*> all(std::string_view child_name) const;
};

// The root element. At most 64 MB and 64 levels; anything else is corrupt.
Result<XmlElement> parse_xml(std::string_view text);

// `text` as character data.
std::string xml_escape(std::string_view text);

}  // namespace aphex::aws
