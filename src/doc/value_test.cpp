#include "doc/value.hpp"

#include <limits>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

namespace aphex::doc {
namespace {

std::string error_of(std::string_view text, const JsonLimits& limits = {}) {
  const auto value = parse_json(text, limits);
  return value ? "no error" : value.error().message;
}

Value any_value(int depth) {
  switch (*rc::gen::inRange(0, depth > 0 ? 7 : 5)) {
    case 0:
      return {};
    case 1:
      return *rc::gen::arbitrary<bool>();
    case 2:
      return *rc::gen::arbitrary<std::int64_t>();
    case 3:
      return *rc::gen::arbitrary<double>();
    case 4:
      return *rc::gen::string<std::string>();
    case 5: {
      Value list = Value::array();
      for (int i = *rc::gen::inRange(0, 4); i > 0; --i)
        list.push_back(any_value(depth - 1));
      return list;
    }
    default: {
      Value object = Value::object();
      for (int i = *rc::gen::inRange(0, 4); i > 0; --i) {
        object.set("key " + std::to_string(i), any_value(depth - 1));
      }
      return object;
    }
  }
}

RC_GTEST_PROP(Json, what_is_written_reads_back_the_same, ()) {
  const Value value = any_value(3);
  const std::string line = to_json(value);
  const auto again = parse_json(line);
  RC_ASSERT(again.has_value());
  RC_ASSERT(to_json(*again) == line);
  const auto indented = parse_json(to_json(value, 2));
  RC_ASSERT(indented.has_value());
  RC_ASSERT(*indented == *again);
}

RC_GTEST_PROP(Json, any_bytes_are_a_value_or_an_error, (const std::string& bytes)) {
  const auto value = parse_json(bytes);
  RC_ASSERT(value.has_value() || value.error().code == ErrorCode::corrupt);
}

TEST(Json, members_keep_their_order) {
  EXPECT_EQ(to_json(*parse_json(R"({"z":1,"a":2,"m":3})")), R"({"z":1,"a":2,"m":3})");
}

TEST(Json, of_duplicate_keys_the_last_value_stands_in_the_first_place) {
  EXPECT_EQ(to_json(*parse_json(R"({"a":1,"b":2,"a":3})")), R"({"a":3,"b":2})");
  std::string many = "{";
  for (int i = 0; i < 40; ++i)
    many += "\"k" + std::to_string(i % 20) + "\":" + std::to_string(i) + ",";
  many.back() = '}';
  const auto value = parse_json(many);
  ASSERT_EQ(value->as_object()->size(), 20U);
  EXPECT_EQ(*value->find("k3")->as_int(), 23);
}

TEST(Json, numbers_keep_their_type) {
  EXPECT_EQ(to_json(*parse_json("[1,1.0,-0.0,1e3,9223372036854775807]")),
            "[1,1.0,-0.0,1000.0,9223372036854775807]");
  EXPECT_NE(parse_json("9223372036854775808")->as_double(), nullptr);
  EXPECT_EQ(to_json(Value(std::numeric_limits<double>::quiet_NaN())), "null");
}

TEST(Json, indented_output_has_one_member_a_line) {
  const Value value = Value::object(
      {{"a", Value::array({1, Value::object()})}, {"b", Value::array()}, {"c", "x\n\"\x01\""}});
  EXPECT_EQ(
      to_json(value, 2),
      "{\n  \"a\": [\n    1,\n    {}\n  ],\n  \"b\": [],\n  \"c\": \"x\\n\\\"\\u0001\\\"\"\n}");
}

TEST(Json, bytes_that_are_no_utf8_become_the_replacement_character) {
  EXPECT_EQ(to_json(Value("a\xff\xc3"
                          "b\xc3\xa9")),
            "\"a\xef\xbf\xbd\xef\xbf\xbd"
            "b\xc3\xa9\"");
}

TEST(Json, an_error_names_line_and_column) {
  EXPECT_EQ(error_of("{\n  \"\xc3\xa9\": ,"),
            "not valid JSON: line 2, column 8: unexpected ','; expected '[', '{', or a literal");
  EXPECT_EQ(error_of(""),
            "not valid JSON: line 1, column 1: unexpected end of input; expected '[', '{', or a "
            "literal");
  EXPECT_EQ(error_of("[1] x"),
            "not valid JSON: line 1, column 5: invalid literal; expected end of input");
}

TEST(Json, depth_and_size_are_bounded) {
  EXPECT_EQ(error_of("[[[]]]", {.max_bytes = 100, .max_depth = 2}),
            "not valid JSON: nested deeper than 2 levels");
  EXPECT_EQ(error_of("[[1]]", {.max_bytes = 100, .max_depth = 2}), "no error");
  EXPECT_EQ(error_of("[100]", {.max_bytes = 4, .max_depth = 2}),
            "not read as JSON: larger than 4 B");
}

TEST(Value, find_follows_a_path_of_keys) {
  const Value value = *parse_json(R"({"a":{"b":{"c":"deep"}}})");
  EXPECT_EQ(value.find({"a", "b"})->string_or("c", "none"), "deep");
  EXPECT_EQ(value.find({"a", "x", "c"}), nullptr);
  EXPECT_EQ(value.string_or("a", "no string"), "no string");
}

TEST(Value, set_replaces_a_member_and_makes_an_object_of_null) {
  Value value;
  value.set("a", 1);
  value.set("b", 2);
  value.set("a", 3);
  EXPECT_EQ(to_json(value), R"({"a":3,"b":2})");
}

}  // namespace
}  // namespace aphex::doc
