#include "doc/yaml_text.hpp"

#include <gtest/gtest.h>

namespace aphex::doc {
namespace {

TEST(YamlText, QuotesWhatAReaderWouldTakeForSomethingElse) {
  EXPECT_EQ(yaml_quote("npm run test:integration"), "npm run test:integration");
  EXPECT_EQ(yaml_quote("yes"), "\"yes\"");
  EXPECT_EQ(yaml_quote("012"), "\"012\"");
  EXPECT_EQ(yaml_quote(""), "\"\"");
  EXPECT_EQ(yaml_quote("a: b"), "\"a: b\"");
  EXPECT_EQ(yaml_quote("a # b"), "\"a # b\"");
  EXPECT_EQ(yaml_quote("[ \"$X\" ] || a"), "'[ \"$X\" ] || a'");
  EXPECT_EQ(yaml_quote("it's \"so\""), "\"it's \\\"so\\\"\"");
  EXPECT_EQ(yaml_quote("two\nlines"), "\"two\\nlines\"");
  EXPECT_EQ(yaml_quote("trailing:"), "\"trailing:\"");
}

TEST(YamlText, EscapesWhatYamlCannotPrint) {
  EXPECT_EQ(yaml_quote("a\xc2\x85z"), "\"a\\u0085z\"");
  EXPECT_EQ(yaml_quote("a\xe2\x80\xa8z"), "\"a\\u2028z\"");
  EXPECT_EQ(yaml_quote("\xef\xbb\xbfz"), "\"\\ufeffz\"");
  EXPECT_EQ(yaml_quote("a\x7fz"), "\"a\\x7fz\"");
  EXPECT_EQ(yaml_quote("caf\xc3\xa9"), "\"caf\xc3\xa9\"");
}

TEST(YamlText, WritesAnyValue) {
  const Value value = Value::object(
      {{"on", "y"},
       {"count", 3},
       {"share", 0.5},
       {"ready", false},
       {"none", nullptr},
       {"map", Value::object()},
       {"list", Value::array()},
       {"nested", Value::array({Value::array({1, "1"}), Value::object({{"a", "b"}})})}});
  EXPECT_EQ(to_yaml(value),
            "\"on\": \"y\"\ncount: 3\nshare: 0.5\nready: false\nnone: null\nmap: {}\nlist: []\n"
            "nested:\n  - - 1\n    - \"1\"\n  - a: b\n");
}

}  // namespace
}  // namespace aphex::doc
