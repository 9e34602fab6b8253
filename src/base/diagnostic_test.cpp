#include "base/diagnostic.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "base/text.hpp"

namespace aphex {
namespace {

Diagnostic problem(Span span, std::string message = "Wrong", std::string hint = {}) {
  return {.id = "test/wrong",
          .severity = Severity::error,
          .span = span,
          .message = std::move(message),
          .hint = std::move(hint)};
}

std::string render(const std::string& text, Diagnostic diagnostic) {
  return render_text(Source("f", text), {std::move(diagnostic)}, Colour::never);
}

TEST(Diagnostic, shows_place_line_caret_message_and_hint) {
  EXPECT_EQ(render("a\n    account: 123\n", problem({{2, 14}, {2, 17}}, "Wrong", "quote it")),
            "f:2:14: error: Wrong\n"
            "    2 |     account: 123\n"
            "      |              ^~~\n"
            "      = hint: quote it\n");
}

TEST(Diagnostic, a_warning_says_so) {
  Diagnostic warning = problem({{1, 1}, {1, 2}});
  warning.severity = Severity::warning;
  EXPECT_EQ(render("a", warning),
            "f:1:1: warning: Wrong\n"
            "    1 | a\n"
            "      | ^\n");
}

TEST(Diagnostic, the_caret_counts_characters_and_skips_the_byte_order_mark) {
  EXPECT_EQ(render("\xef\xbb\xbf\xc3\xa9\xc3\xa9: x", problem({{1, 5}, {1, 6}})),
            "f:1:5: error: Wrong\n"
            "    1 | \xc3\xa9\xc3\xa9: x\n"
            "      |     ^\n");
}

TEST(Diagnostic, a_span_over_several_lines_marks_the_first_to_its_end) {
  EXPECT_EQ(render("a: |\n  b\n", problem({{1, 4}, {3, 1}})),
            "f:1:4: error: Wrong\n"
            "    1 | a: |\n"
            "      |    ^\n");
  EXPECT_EQ(render("a: bcd\n  e\n", problem({{1, 4}, {2, 4}})),
            "f:1:4: error: Wrong\n"
            "    1 | a: bcd\n"
            "      |    ^~~\n");
}

TEST(Diagnostic, control_characters_of_the_line_do_not_reach_the_terminal) {
  EXPECT_EQ(render("a\tb\x1b[31m", problem({{1, 3}, {1, 4}})),
            "f:1:3: error: Wrong\n"
            "    1 | a b [31m\n"
            "      |   ^\n");
}

TEST(Diagnostic, a_long_line_is_cut_around_the_caret) {
  const std::string text = std::string(500, 'x') + "Y" + std::string(500, 'z');
  const std::string shown = render(text, problem({{1, 501}, {1, 502}}));
  EXPECT_NE(shown.find("…" + std::string(40, 'x') + "Y"), std::string::npos);
  EXPECT_EQ(shown.find(std::string(200, 'z')), std::string::npos);
  const std::vector<std::string> lines = split(shown, '\n');
  const std::size_t quoted = utf8_length(lines[1].substr(0, lines[1].find('Y')));
  EXPECT_EQ(utf8_length(lines[2].substr(0, lines[2].find('^'))), quoted);
}

TEST(Diagnostic, a_place_beyond_the_text_has_no_excerpt) {
  EXPECT_EQ(render("a\n", problem({{9, 1}, {9, 2}})), "f:9:1: error: Wrong\n");
}

TEST(Diagnostic, colour_marks_severity_and_is_reset) {
  const std::string shown =
      render_text(Source("f", "a"), {problem({{1, 1}, {1, 2}})}, Colour::always);
  EXPECT_NE(shown.find("\033[1;31merror:\033[0m"), std::string::npos);
}

TEST(Diagnostics, are_sorted_by_place_and_otherwise_keep_their_order) {
  std::vector<Diagnostic> all{problem({{2, 1}, {2, 2}}, "c"), problem({{1, 5}, {1, 6}}, "a"),
                              problem({{1, 5}, {1, 9}}, "b")};
  sort_by_place(all);
  EXPECT_EQ(all[0].message + all[1].message + all[2].message, "abc");
}

TEST(Source, lines_end_with_lf_crlf_or_cr) {
  const Source source("f", "a\r\nb\rc\n\nd");
  ASSERT_EQ(source.line_count(), 5U);
  EXPECT_EQ(source.line(1), "a");
  EXPECT_EQ(source.line(2), "b");
  EXPECT_EQ(source.line(3), "c");
  EXPECT_EQ(source.line(4), "");
  EXPECT_EQ(source.line(5), "d");
  EXPECT_EQ(source.line(6), "");
  EXPECT_EQ(source.line(0), "");
}

RC_GTEST_PROP(Diagnostic, any_text_and_place_can_be_shown, (const std::string& text)) {
  const auto line = *rc::gen::inRange<std::uint32_t>(0, 6);
  const auto column = *rc::gen::inRange<std::uint32_t>(1, 400);
  const auto width = *rc::gen::inRange<std::uint32_t>(0, 400);
  render(text, problem({{line, column}, {line, column + width}}));
}

}  // namespace
}  // namespace aphex
