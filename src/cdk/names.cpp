#include "cdk/names.hpp"

#include <algorithm>

#include "base/legacy_hash.hpp"
#include "base/text.hpp"

namespace aphex::cdk {
namespace {

constexpr std::string_view kHidden = "Default";             // counts for nothing
constexpr std::string_view kHiddenFromPeople = "Resource";  // counts for the hash only
constexpr std::size_t kHashLength = 8;
constexpr std::size_t kMaxHumanLength = 240;
constexpr std::size_t kMaxIdLength = 255;
constexpr std::size_t kMaxStackNameLength = 128;

bool is_alphanumeric(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

void append_alphanumeric(std::string& out, std::string_view text) {
  std::copy_if(text.begin(), text.end(), std::back_inserter(out), is_alphanumeric);
}

std::string path_hash(const PathComponents& components) {
  std::string path;
  for (const std::string_view& component : components) {
    if (&component != &components.front()) path += '/';
    path += component;
  }
  return to_upper(md5_hex(path).substr(0, kHashLength));
}

// "BucketBucketPolicy" reads no better than "BucketPolicy": a component that ends the one before it
// is left out.
std::string human_part(const PathComponents& components) {
  std::string human;
  const std::string_view* last = nullptr;
  for (const std::string_view& component : components) {
    if (last != nullptr && last->ends_with(component)) continue;
    last = &component;
    if (component != kHiddenFromPeople) append_alphanumeric(human, component);
  }
  return human;
}

}  // namespace

std::string unique_id(PathComponents components) {
  std::erase(components, kHidden);
  if (components.empty()) return {};
  if (components.size() == 1) {
    std::string alone;
    append_alphanumeric(alone, components.front());
    if (alone.size() <= kMaxIdLength) return alone;
  }
  return human_part(components).substr(0, kMaxHumanLength) + path_hash(components);
}

std::string unique_resource_name(PathComponents components, std::string_view prefix,
                                 std::size_t max_length) {
  std::erase(components, kHidden);
  if (components.empty()) return {};
  std::string name(prefix);
  if (components.size() == 1) {
    append_alphanumeric(name, components.front());
    if (name.size() <= max_length) return name;
    name = prefix;
  }
  name += human_part(components);
  const std::size_t room = max_length - kHashLength;
  if (name.size() > room) name = name.substr(0, room / 2) + name.substr(name.size() - room / 2);
  return name + path_hash(components);
}

std::string stack_name_of(const PathComponents& components, std::string_view prefix) {
  if (components.size() == 1) {
    std::string name(prefix);
    name += components.front();
    if (name.size() <= kMaxStackNameLength) return name;
  }
  return unique_resource_name(components, prefix, kMaxStackNameLength);
}

std::string artifact_name(std::string_view text) {
  std::string name;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x80 && byte < 0xc0) continue;  // the rest of a character
    // JavaScript counts a character outside of the first plane twice.
    if (byte >= 0xf0) name += '_';
    name += is_alphanumeric(c) || c == '_' || c == '-' || c == '.' ? c : '_';
  }
  return name;
}

std::string address_of(const PathComponents& components) {
  std::string text;
  for (const std::string_view component : components) {
    if (component == kHidden) continue;
    text += component;
    text += '\n';
  }
  return "c8" + sha1_hex(text);
}

}  // namespace aphex::cdk
