#include "cli/terminal.hpp"

#include <gtest/gtest.h>

namespace aphex::cli {
namespace {

TEST(RenderTable, AlignsColumnsByCharactersAndEndsNoLineWithSpaces) {
  EXPECT_EQ(render_table({{"STAGE", "RESULT", ""}, {"prüfen", "ok", "x"}, {"a", "", ""}}),
            "STAGE   RESULT\n"
            "prüfen  ok      x\n"
            "a\n");
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

TEST(Styled, AddsCodesOnlyWhereColourIsWanted) {
  EXPECT_EQ(styled("run", Style::bold, Colour::always), "\033[1mrun\033[0m");
  EXPECT_EQ(styled("run", Style::bold, Colour::never), "run");
  EXPECT_EQ(styled("run", Style::plain, Colour::always), "run");
}

}  // namespace
}  // namespace aphex::cli
