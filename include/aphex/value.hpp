#pragma once
// A JSON value as a tree: what every JSON that aphex reads or writes passes through.
// Objects keep the order of their members, so that output is deterministic.

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "aphex/result.hpp"

namespace aphex {

class Value;
using Member = std::pair<std::string, Value>;

class Value {
 public:
  using Array = std::vector<Value>;
  using Object = std::vector<Member>;

  Value() = default;                                          // null
  Value(std::nullptr_t) {}                                    // NOLINT: literals read as JSON
  Value(bool boolean) : data_(boolean) {}                     // NOLINT
  Value(int number) : data_(std::int64_t{number}) {}          // NOLINT
  Value(std::int64_t number) : data_(number) {}               // NOLINT
  Value(double number) : data_(number) {}                     // NOLINT
  Value(std::string text) : data_(std::move(text)) {}         // NOLINT
  Value(std::string_view text) : data_(std::string(text)) {}  // NOLINT
  Value(const char* text) : data_(std::string(text)) {}       // NOLINT
  Value(Array items) : data_(std::move(items)) {}             // NOLINT
  Value(Object members) : data_(std::move(members)) {}        // NOLINT
  static Value object(std::initializer_list<Member> members = {}) { return Value(Object(members)); }
  static Value array(std::initializer_list<Value> items = {}) { return Value(Array(items)); }
  static Value strings(const std::vector<std::string>& items);

  bool is_null() const { return std::holds_alternative<std::monostate>(data_); }
  bool is_object() const { return as_object() != nullptr; }
  bool is_array() const { return as_array() != nullptr; }
  bool is_string() const { return as_string() != nullptr; }

  // Null pointers where the value is of another type.
  const bool* as_bool() const { return std::get_if<bool>(&data_); }
  const std::int64_t* as_int() const { return std::get_if<std::int64_t>(&data_); }
  const double* as_double() const { return std::get_if<double>(&data_); }
  const std::string* as_string() const { return std::get_if<std::string>(&data_); }
  const Array* as_array() const { return std::get_if<Array>(&data_); }
  const Object* as_object() const { return std::get_if<Object>(&data_); }
  Array* as_array() { return std::get_if<Array>(&data_); }
  Object* as_object() { return std::get_if<Object>(&data_); }

  // The member of an object, or null where there is none or this is no object.
  const Value* find(std::string_view key) const;
  Value* find(std::string_view key);
  // By a path of keys: find({"properties", "templateFile"}).
  const Value* find(std::initializer_list<std::string_view> path) const;
  // The string at `key`, or `fallback`.
  std::string string_or(std::string_view key, std::string_view fallback) const;

  // Replaces or appends a member; makes an object of null.
  Value& set(std::string key, Value value);
  // Appends an item; makes an array of null.
  Value& push_back(Value value);

  friend bool operator==(const Value&, const Value&) = default;

 private:
  std::variant<std::monostate, bool, std::int64_t, double, std::string, Array, Object> data_;
};

}  // namespace aphex
