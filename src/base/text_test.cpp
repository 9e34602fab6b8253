#include "base/text.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

namespace aphex {
namespace {

using Strings = std::vector<std::string>;

TEST(Split, keeps_empty_parts) {
  EXPECT_EQ(split("a,,b,", ','), (Strings{"a", "", "b", ""}));
  EXPECT_EQ(split("", ','), (Strings{""}));
}

RC_GTEST_PROP(Split, join_undoes_it, (const std::string& text)) {
  RC_ASSERT(join(split(text, ','), ",") == text);
}

TEST(Trim, removes_white_space_at_both_ends) {
  EXPECT_EQ(trim(" \t a b\r\n"), "a b");
  EXPECT_EQ(trim(" \n "), "");
}

TEST(ReplaceAll, does_not_read_what_it_wrote) {
  EXPECT_EQ(replace_all("aXbX", "X", "XX"), "aXXbXX");
  EXPECT_EQ(replace_all("aaa", "aa", "b"), "ba");
}

TEST(Case, only_ascii_letters_change) {
  EXPECT_EQ(to_upper("a-z\xc3\xa9"), "A-Z\xc3\xa9");
  EXPECT_EQ(to_lower("A-Z\xc3\x89"), "a-z\xc3\x89");
}

TEST(Utf8, lengths_and_substrings_count_characters) {
  const std::string text = "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80z";
  EXPECT_EQ(utf8_length(text), 5U);
  EXPECT_EQ(utf8_substr(text, 1, 3), "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
  EXPECT_EQ(utf8_substr(text, 4, 9), "z");
  EXPECT_EQ(utf8_substr(text, 5, 1), "");
  EXPECT_EQ(utf8_length("\xff\xfe"), 2U);
}

TEST(Utf8, ill_formed_sequences_are_found) {
  EXPECT_EQ(find_invalid_utf8("a\xc3\xa9\xf4\x8f\xbf\xbf"), std::nullopt);
  EXPECT_EQ(find_invalid_utf8("ab\x80"), 2U);            // a continuation alone
  EXPECT_EQ(find_invalid_utf8("\xc0\xaf"), 0U);          // overlong
  EXPECT_EQ(find_invalid_utf8("\xe0\x80\xaf"), 0U);      // overlong
  EXPECT_EQ(find_invalid_utf8("a\xed\xa0\x80"), 1U);     // a surrogate
  EXPECT_EQ(find_invalid_utf8("\xf4\x90\x80\x80"), 0U);  // past U+10FFFF
  EXPECT_EQ(find_invalid_utf8("\xe2\x82"), 0U);          // cut short
}

RC_GTEST_PROP(Utf8, parts_make_the_whole_again, (const std::string& text)) {
  const auto at = *rc::gen::inRange<std::size_t>(0, text.size() + 1);
  const std::size_t length = utf8_length(text);
  RC_ASSERT(utf8_substr(text, 0, at) + utf8_substr(text, at, length) == text);
}

TEST(ClosestMatch, finds_what_a_person_meant) {
  const Strings regions{"us-east-1", "us-east-2", "eu-west-1"};
  EXPECT_EQ(closest_match("us-esat-1", regions), "us-east-1");
  EXPECT_EQ(closest_match("US-EAST-2", regions), "us-east-2");
  EXPECT_EQ(closest_match("moon", regions), std::nullopt);
  EXPECT_EQ(closest_match("", regions), std::nullopt);
  EXPECT_EQ(closest_match("abc", {}), std::nullopt);
}

TEST(ClosestMatch, a_swap_counts_one_and_a_third_of_the_word_is_the_limit) {
  EXPECT_EQ(closest_match("ab", Strings{"ba"}), "ba");
  EXPECT_EQ(closest_match("abcdef", Strings{"abcdxy"}), "abcdxy");
  EXPECT_EQ(closest_match("abcdef", Strings{"abcxyz"}), std::nullopt);
}

RC_GTEST_PROP(ClosestMatch, one_changed_character_is_found, ()) {
  const auto word = *rc::gen::container<std::string>(
      8, rc::gen::elementOf(std::string("abcdefghijklmnopqrstuvwxyz")));
  std::string changed = word;
  changed[*rc::gen::inRange<std::size_t>(0, word.size())] = '-';
  RC_ASSERT(closest_match(changed, Strings{"????????", word}) == word);
}

TEST(ShellQuote, leaves_plain_words_and_quotes_the_rest) {
  EXPECT_EQ(shell_quote("lib/a-b_c.ts"), "lib/a-b_c.ts");
  EXPECT_EQ(shell_quote(""), "''");
  EXPECT_EQ(shell_quote("it's $HOME"), "'it'\\''s $HOME'");
}

RC_GTEST_PROP(ShellQuote, a_shell_reads_back_the_same_word, ()) {
  const auto text = *rc::gen::container<std::string>(
      rc::gen::elementOf(std::string("ab'\"\\$`!*? \n\t;&|<>(){}[]~#=")));
  // A quoted word ends where it should: outside of quotes only \' may stand.
  const std::string quoted = shell_quote(text);
  std::string read;
  bool inside = false;
  for (std::size_t i = 0; i < quoted.size(); ++i) {
    if (quoted[i] == '\'') {
      inside = !inside;
    } else if (!inside && quoted[i] == '\\') {
      read += quoted[++i];
    } else {
      RC_ASSERT(inside ||
                std::string("'\"\\$`!*? \n\t;&|<>(){}[]~#").find(quoted[i]) == std::string::npos);
      read += quoted[i];
    }
  }
  RC_ASSERT(!inside);
  RC_ASSERT(read == text);
}

TEST(HumanBytes, has_two_digits_at_most_below_ten) {
  EXPECT_EQ(human_bytes(0), "0 B");
  EXPECT_EQ(human_bytes(999), "999 B");
  EXPECT_EQ(human_bytes(1234), "1.2 KB");
  EXPECT_EQ(human_bytes(34'000'000), "34 MB");
  EXPECT_EQ(human_bytes(999'999), "1.0 MB");
}

TEST(HumanDuration, FitsItsUnitToItsLength) {
  EXPECT_EQ(human_duration(0), "0.0s");
  EXPECT_EQ(human_duration(1'249), "1.2s");
  EXPECT_EQ(human_duration(59'949), "59.9s");
  EXPECT_EQ(human_duration(59'950), "1m 00s");
  EXPECT_EQ(human_duration(61'400), "1m 01s");
  EXPECT_EQ(human_duration(3'599'499), "59m 59s");
  EXPECT_EQ(human_duration(3'600'000), "1h 00m");
  EXPECT_EQ(human_duration(9'000'000), "2h 30m");
}

TEST(Text, BytesThatAreNoUtf8BecomeQuestionMarks) {
  EXPECT_EQ(valid_utf8("bad line length character: \xcf\xcf\xce\xcd"),
            "bad line length character: ????");
  EXPECT_EQ(valid_utf8("\xc3\xa9t\xc3"), "\xc3\xa9t?");
  EXPECT_EQ(valid_utf8("été"), "été");
}

}  // namespace
}  // namespace aphex
