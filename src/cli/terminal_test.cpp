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

TEST(Styled, AddsCodesOnlyWhereColourIsWanted) {
  EXPECT_EQ(styled("run", Style::bold, Colour::always), "\033[1mrun\033[0m");
  EXPECT_EQ(styled("run", Style::bold, Colour::never), "run");
  EXPECT_EQ(styled("run", Style::plain, Colour::always), "run");
}

}  // namespace
}  // namespace aphex::cli
