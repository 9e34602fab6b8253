#include "pipeline/images.hpp"

#include <set>

namespace aphex::pipeline {
namespace {

void collect(const Value& value, std::set<std::string>& images) {
  if (const Value::Array* items = value.as_array()) {
    for (const Value& item : *items)
      collect(item, images);
  }
  if (const Value::Object* members = value.as_object()) {
    for (const auto& [key, member] : *members) {
      if (key == "image" && member.is_string()) images.insert(*member.as_string());
      collect(member, images);
    }
  }
}

}  // namespace

std::vector<std::string> images_of(const std::vector<argo::Object>& objects) {
  std::set<std::string> images;
  for (const argo::Object& object : objects)
    collect(object.manifest, images);
  return {images.begin(), images.end()};
}

}  // namespace aphex::pipeline
