#include "doc/document.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

namespace aphex::doc {
namespace {

// The document as JSON, or what is wrong with it as a person reads it.
std::string read(std::string text, const YamlLimits& limits = {}) {
  const Source source("f.yaml", std::move(text));
  const YamlResult result = parse_yaml(source, limits);
  if (result.diagnostics.empty()) return to_json(to_value(*result.root));
  return render_text(source, result.diagnostics, Colour::never);
}

// Only the first lines of messages: "2:1 message".
std::string problems(std::string text, const YamlLimits& limits = {}) {
  const Source source("f.yaml", std::move(text));
  std::string out;
  for (const Diagnostic& diagnostic : parse_yaml(source, limits).diagnostics) {
    out += std::to_string(diagnostic.span.begin.line) + ":" +
           std::to_string(diagnostic.span.begin.column) + " " + diagnostic.message + "\n";
  }
  return out;
}

TEST(Yaml, plain_scalars_follow_the_core_schema_of_yaml_1_2) {
  EXPECT_EQ(read("[yes, no, on, off, y, n, ~, null, true, False]"),
            R"(["yes","no","on","off","y","n",null,null,true,false])");
  EXPECT_EQ(read("[1, -2, +3, 0x1F, 0o17, 1.5, .5, 1., 1e3, 1_000, 12:30:45, 0b1, 1e, .]"),
            R"([1,-2,3,31,15,1.5,0.5,1.0,1000.0,"1_000","12:30:45","0b1","1e","."])");
  EXPECT_EQ(read("['1', \"true\", !!str 12, ! 13, !!int \"7\"]"), R"(["1","true","12","13",7])");
  EXPECT_EQ(read("[99999999999999999999, .inf, .nan]"), "[1e+20,null,null]");
}

TEST(Yaml, a_plain_integer_keeps_its_text) {
  const YamlResult result = parse_yaml(Source("f", "account: 012345678901"));
  const Node& account = result.root->find("account")->value;
  EXPECT_EQ(account.kind, NodeKind::integer);
  EXPECT_EQ(account.text, "012345678901");
}

TEST(Yaml, places_count_characters_from_one) {
  const YamlResult result =
      parse_yaml(Source("f", "\xef\xbb\xbf\xc3\xa9: [\xc3\xa9\xc3\xa9, b]\r\nc:\r\n  - d\r\n"));
  const Node& list = result.root->members[0].value;
  EXPECT_EQ(result.root->members[0].key_span, (Span{{1, 1}, {1, 2}}));
  EXPECT_EQ(list.span, (Span{{1, 4}, {1, 11}}));
  EXPECT_EQ(list.items[1].span, (Span{{1, 9}, {1, 10}}));
  EXPECT_EQ(result.root->members[1].value.items[0].span, (Span{{3, 5}, {3, 6}}));
}

TEST(Yaml, carriage_returns_end_lines_too) {
  EXPECT_EQ(read("a: 1\rb:\r\n  - 2\n"), R"({"a":1,"b":[2]})");
}

TEST(Yaml, a_duplicate_key_names_the_first) {
  EXPECT_EQ(read("name: a\nregion: b\nname: c\n"),
            "f.yaml:3:1: error: Duplicate key: name, first at line 1, column 1\n"
            "    3 | name: c\n"
            "      | ^~~~\n"
            "      = hint: remove one of them\n");
}

TEST(Yaml, a_problem_at_the_end_of_the_text_stands_on_its_last_line) {
  EXPECT_EQ(problems("a: [1,"), "1:7 Expected a value here\n");
  EXPECT_EQ(problems("{# comment"), "1:11 Expected a value here\n");
}

TEST(Yaml, duplicates_are_found_in_large_mappings_as_in_small_ones) {
  std::string text;
  for (int i = 0; i < 50; ++i)
    text += "k" + std::to_string(i % 48) + ": 1\n";
  EXPECT_EQ(problems(text),
            "49:1 Duplicate key: k0, first at line 1, column 1\n"
            "50:1 Duplicate key: k1, first at line 2, column 1\n");
}

TEST(Yaml, tabs_in_the_indentation_are_explained) {
  EXPECT_EQ(read("a:\n\tb: 1\n"),
            "f.yaml:2:1: error: A tab stands in the indentation: YAML does not allow tabs there\n"
            "    2 |  b: 1\n"
            "      | ^\n"
            "      = hint: indent with spaces\n");
  EXPECT_EQ(problems("a:\n  - b\n\t- c\n"),
            "3:1 A tab stands in the indentation: YAML does not allow tabs there\n");
}

TEST(Yaml, bytes_that_are_no_utf8_are_named_with_their_place) {
  EXPECT_EQ(problems("a: 1\n\xc3\xa9: \xff\n"),
            "2:4 Not UTF-8: byte 0xff at offset 9 (line 2, column 4)\n");
  EXPECT_EQ(problems(std::string("\xff\xfe"
                                 "a\0",
                                 4)),
            "1:1 Not UTF-8: the file begins with the mark of UTF-16\n");
}

TEST(Yaml, characters_that_no_text_should_hold_are_refused) {
  EXPECT_EQ(problems("a: b\x07\n"), "1:5 Control character U+0007 is not allowed\n");
  EXPECT_EQ(problems("\xef\xbb\xbf"
                     "a: b\x07\n"),
            "1:5 Control character U+0007 is not allowed\n");
  EXPECT_EQ(problems("a: x\xe2\x80\xa8y\n"),
            "1:5 Line separator (U+2028) is a line break to some YAML readers and not to others\n");
  EXPECT_EQ(problems("a: x\nb: \xc2\x85\n"),
            "2:4 Next line (U+0085) is a line break to some YAML readers and not to others\n");
}

TEST(Yaml, a_file_without_a_value_is_empty) {
  for (const char* text : {"", "\n\n", "# comment\n", "---\n", "\xef\xbb\xbf"}) {
    EXPECT_EQ(problems(text), "1:1 The file is empty: it holds no value\n") << text;
  }
}

TEST(Yaml, several_documents_are_refused_at_the_second) {
  EXPECT_EQ(problems("---\na: 1\n---\nb: 2\n"), "3:1 Several documents in one file\n");
  EXPECT_EQ(read("---\na: 1\n...\n"), R"({"a":1})");
}

TEST(Yaml, aliases_are_replaced_by_what_they_name) {
  EXPECT_EQ(read("a: &x {k: [1, &y two]}\nb: *x\nc: *y\n*y : d\n"),
            R"({"a":{"k":[1,"two"]},"b":{"k":[1,"two"]},"c":"two","two":"d"})");
  EXPECT_EQ(read("- &a [1, &b [2, &c [3]]]\n- *b\n- [*c, *a]\n"),
            "[[1,[2,[3]]],[2,[3]],[[3],[1,[2,[3]]]]]");
}

TEST(Yaml, the_last_anchor_of_a_name_stands) {
  EXPECT_EQ(read("[&a 1, *a, &a 2, *a]"), "[1,1,2,2]");
}

TEST(Yaml, undefined_and_recursive_aliases_are_refused) {
  EXPECT_EQ(read("base: &base 1\nb: *bsae\n"),
            "f.yaml:2:4: error: Undefined alias: *bsae\n"
            "    2 | b: *bsae\n"
            "      |    ^~~~~\n"
            "      = hint: did you mean *base\n");
  EXPECT_EQ(problems("a: *.js\n"), "1:5 A name must follow '*'\n");
  EXPECT_EQ(problems("a: &x [1, {b: *x}]\n"),
            "1:15 Alias *x stands inside the value that it names\n");
}

TEST(Yaml, an_alias_bomb_is_refused) {
  std::string text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 10; ++i) {
    const std::string before = "*a" + std::to_string(i - 1);
    text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + before;
    for (int k = 0; k < 9; ++k)
      text += ", " + before;
    text += "]\n";
  }
  EXPECT_EQ(problems(text), "6:50 More than 1048576 values, aliases replaced\n");
}

TEST(Yaml, a_long_text_cannot_be_repeated_without_end) {
  const YamlLimits limits{.max_bytes = 1000, .max_alias_bytes = 100};
  const std::string text = "- &a " + std::string(40, 'x') + "\n- [*a, *a]\n";
  EXPECT_EQ(problems(text, limits), "");
  EXPECT_EQ(problems(text + "- *a\n", limits), "3:3 Aliases repeat more than 100 B of text\n");
}

TEST(Yaml, depth_is_bounded_with_and_without_aliases) {
  const YamlLimits limits{.max_depth = 4};
  EXPECT_EQ(problems("[[[x]]]", limits), "");
  EXPECT_EQ(problems("[[[[x]]]]", limits), "1:4 Nested deeper than 4 levels\n");
  EXPECT_EQ(problems("- &a [[x]]\n- [*a]\n", limits), "2:4 Nested deeper than 4 levels\n");
  EXPECT_EQ(problems(std::string(5000, '[')), "1:64 Nested deeper than 64 levels\n");
}

TEST(Yaml, size_is_bounded) {
  EXPECT_EQ(problems("a: 1", {.max_bytes = 3}), "1:1 The file is larger than 3 B\n");
}

TEST(Yaml, merge_keys_are_replaced_and_own_keys_stand_before_them) {
  EXPECT_EQ(read("x: &a {k: 1, l: 2}\ny: &b {l: 3, m: 4}\nz:\n  <<: [*a, *b]\n  k: 9\n"),
            R"({"x":{"k":1,"l":2},"y":{"l":3,"m":4},"z":{"k":9,"l":2,"m":4}})");
  EXPECT_EQ(read("x: &a {k: 1}\ny: &b {<<: *a, l: 2}\nz: {<<: *b}\n"),
            R"({"x":{"k":1},"y":{"l":2,"k":1},"z":{"l":2,"k":1}})");
  EXPECT_EQ(read("'<<': 1"), R"({"<<":1})");
}

TEST(Yaml, a_merge_key_takes_mappings_only) {
  EXPECT_EQ(problems("a: {<<: text}\nb: {<<: [1, {c: 2}]}\n"),
            "1:9 The merge key << takes a mapping or a list of mappings, found a string\n"
            "2:10 The merge key << takes a mapping or a list of mappings, found an integer\n");
}

TEST(Yaml, keys_are_strings) {
  EXPECT_EQ(problems("1: a\ntrue: b\n~: c\n? [x]\n: d\n"),
            "1:1 A key must be a string, found an integer\n"
            "2:1 A key must be a string, found a boolean\n"
            "3:1 A key must be a string, found nothing\n"
            "4:3 A key must be a string, found a list\n");
  EXPECT_EQ(problems("x: &x [1]\n? *x\n: y\n"), "2:3 A key must be a string, found a list\n");
}

TEST(Yaml, tags_other_than_those_of_the_core_schema_are_refused) {
  EXPECT_EQ(problems("a: !Ref b\nc: !!binary d\ne: !!int f\n"),
            "1:4 Unsupported tag: !Ref\n"
            "2:4 Unsupported tag: !!binary\n"
            "3:4 'f' does not fit its tag !!int\n");
  EXPECT_EQ(problems("a: !!seq {}\n"), "1:4 Unsupported tag: !!seq\n");
}

struct SyntaxCase {
  const char* text;
  const char* problem;
};

class YamlSyntax : public testing::TestWithParam<SyntaxCase> {};

TEST_P(YamlSyntax, is_told_in_plain_words) {
  EXPECT_EQ(problems(GetParam().text), std::string(GetParam().problem) + "\n");
}

INSTANTIATE_TEST_SUITE_P(
    Errors, YamlSyntax,
    testing::Values(
        SyntaxCase{"a: b: c\n", "1:5 A ':' is not allowed here"},
        SyntaxCase{"a: - b\n", "1:4 A list item '-' is not allowed here"},
        SyntaxCase{"- a\nb: 1\n",
                   "2:1 Expected '-', the next item of the list that begins at line 1"},
        SyntaxCase{"a: 1\n  b\nc: 2\n d: 3\n", "4:3 A ':' is not allowed here"},
        SyntaxCase{"a:\n    b: 1\n  c: 2\n",
                   "3:3 Expected a key of the mapping that begins at line 1"},
        SyntaxCase{"a: [1, 2\nb: [3]\n",
                   "2:2 Expected ',' or ']' in the list that begins at line 1"},
        SyntaxCase{"a: {b: 1\n", "2:1 Expected ',' or '}' in the mapping that begins at line 1"},
        SyntaxCase{"a: \"b\n", "1:4 This quote is never closed"},
        SyntaxCase{"a: 'b\n---\n", "1:4 This quote is never closed"},
        SyntaxCase{"a: \"\\q\"\n", "1:5 Unknown escape in a double-quoted text"},
        SyntaxCase{"a: \"\\xzz\"\n", "1:7 Wrong escape in a double-quoted text"},
        SyntaxCase{"a: @b\n", "1:4 A plain text cannot begin with '@'"},
        SyntaxCase{"a: `b\n", "1:4 A plain text cannot begin with '`'"},
        SyntaxCase{"a: %b\n", "1:4 A plain text cannot begin with '%'"},
        SyntaxCase{"a: }\n", "1:4 Expected a value here"},
        SyntaxCase{"a: * b\n", "1:5 A name must follow '*'"},
        SyntaxCase{"a: & b\n", "1:5 A name must follow '&'"},
        SyntaxCase{"a: !x!y b\n", "1:4 Unsupported tag"},
        SyntaxCase{"a: |x\n", "1:5 This block of text cannot be read"},
        SyntaxCase{"%YAML 3.0\n---\na: 1\n", "1:1 This version of YAML is not supported"},
        SyntaxCase{"a: 1\n...\nb\n- c\n", "3:1 Text behind the end of the document"}));

RC_GTEST_PROP(Yaml, any_bytes_are_a_document_or_a_problem, (const std::string& bytes)) {
  const Source source("f", bytes);
  const YamlResult result = parse_yaml(source);
  RC_ASSERT(result.root.has_value() || has_errors(result.diagnostics));
  render_text(source, result.diagnostics, Colour::never);
}

RC_GTEST_PROP(Yaml, any_line_of_special_characters_is_a_document_or_a_problem, ()) {
  const auto text = *rc::gen::container<std::string>(
      rc::gen::elementOf(std::string("ab1 \t\n\r:-?[]{},&*!|>'\"%@`#<~.\\")));
  const Source source("f", text);
  const YamlResult result = parse_yaml(source);
  RC_ASSERT(result.root.has_value() || has_errors(result.diagnostics));
  for (const Diagnostic& diagnostic : result.diagnostics) {
    RC_ASSERT(diagnostic.span.begin.line <= source.line_count());
  }
}

// JSON is YAML: what our writer writes reads back as the same values.
RC_GTEST_PROP(Yaml, json_text_reads_back_as_the_same_values,
              (const std::vector<std::string>& texts)) {
  Value list = Value::array();
  for (const std::string& text : texts) {
    std::string plain;
    for (char c : text)
      plain += static_cast<char>(0x20 + (static_cast<unsigned char>(c) % 0x5f));
    list.push_back(Value::object({{"k", plain}}));
  }
  const YamlResult result = parse_yaml(Source("f", to_json(list)));
  RC_ASSERT(result.root.has_value());
  RC_ASSERT(to_value(*result.root) == list);
}

}  // namespace
}  // namespace aphex::doc
