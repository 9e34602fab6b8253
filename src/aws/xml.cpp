#include "aws/xml.hpp"

#include <exception>
#include <pugixml.hpp>

#include "base/text.hpp"

namespace aphex::aws {
namespace {

constexpr std::size_t kMaxBytes = 64U << 20U;  // as much as an in-memory answer may have
constexpr int kMaxDepth = 64;                  // AWS's answers have ten levels; recursion must end

std::string local_name(std::string_view name) {
  const std::size_t colon = name.find(':');
  return std::string(colon == std::string_view::npos ? name : name.substr(colon + 1));
}

bool copy_tree(const pugi::xml_node& from, XmlElement& to, int depth) {
  if (depth > kMaxDepth) return false;
  to.name = local_name(from.name());
  for (const pugi::xml_node& node : from.children()) {
    if (node.type() == pugi::node_element) {
      if (!copy_tree(node, to.children.emplace_back(), depth + 1)) return false;
    } else if (node.type() == pugi::node_pcdata || node.type() == pugi::node_cdata) {
      to.text += node.value();
    }
  }
  return true;
}

}  // namespace

const XmlElement* XmlElement::child(std::string_view child_name) const {
  for (const XmlElement& element : children) {
    if (element.name == child_name) return &element;
  }
  return nullptr;
}

const XmlElement* XmlElement::find(std::initializer_list<std::string_view> path) const {
  const XmlElement* at = this;
  for (const std::string_view step : path) {
    at = at->child(step);
    if (at == nullptr) return nullptr;
  }
  return at;
}

std::string XmlElement::text_of(std::string_view child_name) const {
  const XmlElement* element = child(child_name);
  return element == nullptr ? std::string() : element->text;
}

std::vector<const XmlElement*> XmlElement::all(std::string_view child_name) const {
  std::vector<const XmlElement*> out;
  for (const XmlElement& element : children) {
    if (element.name == child_name) out.push_back(&element);
  }
  return out;
}

Result<XmlElement> parse_xml(std::string_view text) {
  if (text.size() > kMaxBytes) {
    return fail(ErrorCode::corrupt, "an XML answer is larger than " + human_bytes(kMaxBytes));
  }
  try {
    pugi::xml_document document;
    const pugi::xml_parse_result parsed =
        document.load_buffer(text.data(), text.size(), pugi::parse_default, pugi::encoding_utf8);
    if (!parsed) {
      return fail(ErrorCode::corrupt,
                  std::string("an answer is not well-formed XML: ") + parsed.description());
    }
    XmlElement root;
    if (!copy_tree(document.document_element(), root, 0)) {
      return fail(ErrorCode::corrupt,
                  "an XML answer nests deeper than " + std::to_string(kMaxDepth) + " levels");
    }
    return root;
  } catch (const std::exception& error) {  // std::bad_alloc is all that pugixml throws
    return fail(ErrorCode::corrupt, std::string("an XML answer cannot be read: ") + error.what());
  }
}

std::string xml_escape(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

}  // namespace aphex::aws
