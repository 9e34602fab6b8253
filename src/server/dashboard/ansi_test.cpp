#include "server/dashboard/ansi.hpp"

#include <gtest/gtest.h>

namespace aphex::server {
namespace {

std::string html(std::string_view line) {
  AnsiText text;
  return text.html(line);
}

TEST(AnsiText, PlainTextIsEscapedAndNothingElse) {
  EXPECT_EQ(html("a <b> & \"c\" 'd'"), "a &lt;b&gt; &amp; &quot;c&quot; &#39;d&#39;");
  EXPECT_EQ(html("a\tb"), "a\tb");
  EXPECT_EQ(html("grün – 日本"), "grün – 日本");
  EXPECT_EQ(html("ends\r"), "ends");
}

TEST(AnsiText, ColoursAndStylesBecomeClasses) {
  EXPECT_EQ(html("\x1b[32mok\x1b[0m rest"), "<span class=\"f2\">ok</span> rest");
  EXPECT_EQ(html("\x1b[1;91;44mx\x1b[m"), "<span class=\"b f9 g4\">x</span>");
  EXPECT_EQ(html("\x1b[38;5;208mx\x1b[39my"), "<span class=\"f208\">x</span>y");
  EXPECT_EQ(html("\x1b[48;2;255;0;0mx"), "<span class=\"g196\">x</span>");
  EXPECT_EQ(html("\x1b[38:2::0:255:0mx"), "<span class=\"f46\">x</span>");
  EXPECT_EQ(html("\x1b[7mx"), "<span class=\"fi gi\">x</span>");
  EXPECT_EQ(html("\x1b[7;31mx"), "<span class=\"g1 fi\">x</span>");
  EXPECT_EQ(html("\x1b[3;4;9;2mx"), "<span class=\"d i u s\">x</span>");
}

TEST(AnsiText, AColourThatALineLeavesOnIsOnInTheNext) {
  AnsiText text;
  EXPECT_EQ(text.html("\x1b[31mone"), "<span class=\"f1\">one</span>");
  EXPECT_EQ(text.html("two\x1b[0m three"), "<span class=\"f1\">two</span> three");
  text.skip("\x1b[1munseen <\x1b[35m");
  EXPECT_EQ(text.html("four"), "<span class=\"b f5\">four</span>");
}

TEST(AnsiText, OtherEscapesAreDropped) {
  EXPECT_EQ(html("\x1b[2Ja\x1b[10;10Hb\x1b[?25lc"), "abc");
  EXPECT_EQ(html("\x1b]0;title\a<\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\>"), "&lt;link&gt;");
  EXPECT_EQ(html("\x1b(Ba\x1b=b\x1bMc"), "abc");
  EXPECT_EQ(html("a\x1b"), "a");
  EXPECT_EQ(html("a\x1b[31"), "a");
  EXPECT_EQ(html("a\x1b]never ended"), "a");
  EXPECT_EQ(html(std::string_view("a\0b\x7f", 4)), "ab");
}

TEST(AnsiText, ACarriageReturnWritesOverWhatWasThere) {
  EXPECT_EQ(html("10%\r20%\r100%"), "100%");
  EXPECT_EQ(html("loading\rok"), "okading");
  EXPECT_EQ(html("loading\r\x1b[Kok"), "ok");
  EXPECT_EQ(html("loading\x1b[2K\rok"), "ok");
  EXPECT_EQ(html("ab\bc"), "ac");
  EXPECT_EQ(html("a\x1b[5Gb"), "a   b");
}

TEST(AnsiText, PlainIsWhatAPersonReads) {
  AnsiText text;
  EXPECT_EQ(text.plain("\x1b[31m<err>\x1b[0m"), "<err>");
  EXPECT_EQ(text.plain("10%\r20%"), "20%");
}

TEST(AnsiText, HugeNumbersDoNoHarm) {
  EXPECT_EQ(html("\x1b[99999999999999999999;38;5;999mx"), "<span class=\"f255\">x</span>");
  EXPECT_EQ(html("\x1b[999999999Cx").size(), 10'001U);
  EXPECT_EQ(html("\x1b[38;5mx"), "x");
}

}  // namespace
}  // namespace aphex::server
