#include "pipeline/setting_values.hpp"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "base/text.hpp"
#include "doc/value.hpp"

namespace aphex::pipeline {
namespace {

// A value in a message: short, whatever somebody put there.
constexpr std::size_t kMaxShown = 60;

std::string shown(const Value& value) {
  const std::string text = value.is_string() ? *value.as_string() : doc::to_json(value);
  const bool cut = utf8_length(text) > kMaxShown;
  return "'" + utf8_substr(text, 0, kMaxShown) + (cut ? "…'" : "'");
}

tl::unexpected<Error> refuse(const std::string& expectation, const Value& given) {
  return fail(ErrorCode::invalid_config,
              fmt::format("must be {}, not {}", expectation, shown(given)));
}

Result<Value> read_text(const config::Shape& shape, const Value& given) {
  const std::string expectation(shape.text->expectation);
  if (!given.is_string()) return refuse(expectation, given);
  if (!config::accepts(*shape.text, *given.as_string())) return refuse(expectation, given);
  if (shape.text->id == config::RuleId::duration) {
    const auto duration = config::parse_duration(*given.as_string());
    if (!duration || *duration < config::kMinTimeout || *duration > config::kMaxTimeout) {
      return refuse("from 1s to 24h", given);
    }
  }
  return given;
}

std::string expectation_of_integer(const config::Shape& shape) {
  if (shape.allowed.empty()) {
    return fmt::format("an integer from {} to {}", shape.least, shape.most);
  }
  std::vector<std::string> numbers;
  for (const std::int64_t number : shape.allowed)
    numbers.push_back(std::to_string(number));
  return "one of " + join(numbers, ", ");
}

Result<Value> read_integer(const config::Shape& shape, const Value& given) {
  std::int64_t number = 0;
  if (const std::string* text = given.as_string()) {
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
    if (error != std::errc{} || end != text->data() + text->size()) {
      return refuse(expectation_of_integer(shape), given);
    }
  } else if (given.as_int() != nullptr) {
    number = *given.as_int();
  } else {
    return refuse(expectation_of_integer(shape), given);
  }
  const auto& allowed = shape.allowed;
  const bool fits = allowed.empty()
                        ? number >= shape.least && number <= shape.most
                        : std::find(allowed.begin(), allowed.end(), number) != allowed.end();
  return fits ? Result<Value>(number) : refuse(expectation_of_integer(shape), given);
}

Result<Value> read_boolean(const Value& given) {
  if (given.as_bool() != nullptr) return given;
  if (const std::string* text = given.as_string()) {
    if (*text == "true") return Value(true);
    if (*text == "false") return Value(false);
  }
  return refuse("true or false", given);
}

// "a=b,c=d"; nothing where a part has no '='.
std::optional<Value> read_pairs(std::string_view text) {
  Value object = Value::object();
  for (const std::string& part : split(text, ',')) {
    const std::size_t at = part.find('=');
    if (at == std::string::npos) return std::nullopt;
    object.set(std::string(trim(std::string_view(part).substr(0, at))),
               trim(std::string_view(part).substr(at + 1)));
  }
  return object;
}

// A text for a list or a mapping: JSON, or the short form.
Value from_text(const config::Shape& shape, const Value& given) {
  const std::string* text = given.as_string();
  if (text == nullptr) return given;
  const bool json = text->starts_with('{') || text->starts_with('[');
  if (json) {
    if (auto parsed = doc::parse_json(*text)) return *parsed;
    return given;
  }
  if (shape.kind == config::ShapeKind::dictionary) {
    return read_pairs(*text).value_or(given);
  }
  return Value::strings(split(*text, ','));
}

Result<Value> read_list(const config::Shape& shape, const Value& given) {
  const Value value = from_text(shape, given);
  if (!value.is_array()) return refuse("a list", given);
  Value list = Value::array();
  for (const Value& item : *value.as_array()) {
    APHEX_TRY(Value read, read_setting(*shape.item, item));
    list.push_back(std::move(read));
  }
  return list;
}

std::string expectation_of_keys(const config::Shape& shape) {
  std::vector<std::string> keys;
  for (const config::Field& field : shape.fields)
    keys.emplace_back(field.key);
  return "a mapping with the keys " + join(keys, ", ");
}

// Keys of a mapping, or of a record within one.
Result<Value> read_mapping(const config::Shape& shape, const Value& given) {
  const Value value = from_text(shape, given);
  if (!value.is_object()) return refuse("a mapping, such as key=value,key=value or JSON", given);
  Value mapping = Value::object();
  for (const Member& member : *value.as_object()) {
    const config::Shape* inner = shape.item;
    if (shape.kind == config::ShapeKind::record) {
      const auto field =
          std::find_if(shape.fields.begin(), shape.fields.end(),
                       [&](const config::Field& known) { return known.key == member.first; });
      if (field == shape.fields.end()) return refuse(expectation_of_keys(shape), member.first);
      inner = field->shape;
    } else if (!config::accepts(*shape.text, member.first)) {
      return refuse("a mapping whose keys are each " + std::string(shape.text->expectation),
                    member.first);
    }
    Result<Value> read = read_setting(*inner, member.second);
    if (!read) {
      return fail(ErrorCode::invalid_config,
                  fmt::format("has a wrong '{}': it {}", member.first, read.error().message));
    }
    mapping.set(member.first, std::move(*read));
  }
  return mapping;
}

}  // namespace

Result<Value> read_setting(const config::Shape& shape, const Value& given) {
  switch (shape.kind) {
    case config::ShapeKind::text:
      return read_text(shape, given);
    case config::ShapeKind::integer:
      return read_integer(shape, given);
    case config::ShapeKind::boolean:
      return read_boolean(given);
    case config::ShapeKind::list:
      return read_list(shape, given);
    case config::ShapeKind::record:
    case config::ShapeKind::dictionary:
      return read_mapping(shape, given);
  }
  return refuse("a value of a known kind", given);
}

}  // namespace aphex::pipeline
