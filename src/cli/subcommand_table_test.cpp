#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/subcommand.hpp"

namespace aphex::cli {
namespace {

using testing::HasSubstr;

TEST(SubcommandTable, NamesEachCommandOnceWithSummaryAndExamplesOfItsOwn) {
  std::set<std::string_view> names;
  for (const SubcommandEntry& entry : subcommand_table()) {
    SCOPED_TRACE(entry.name);
    EXPECT_TRUE(names.insert(entry.name).second);
    EXPECT_FALSE(entry.summary.empty());
    EXPECT_THAT(std::string(entry.examples), HasSubstr("aphex " + std::string(entry.name)));
    EXPECT_TRUE(entry.examples.starts_with("  ") && entry.examples.ends_with('\n'));
  }
}

TEST(SubcommandTable, EveryArgumentIsExplained) {
  for (const SubcommandEntry& entry : subcommand_table()) {
    Arguments arguments;
    const auto subcommand = entry.make();
    subcommand->declare(arguments);
    for (const Argument& argument : arguments.list()) {
      SCOPED_TRACE(std::string(entry.name) + " " + argument.names);
      EXPECT_FALSE(argument.help.empty());
      EXPECT_TRUE(argument.kind == ArgumentKind::positional || argument.names.starts_with("-"));
    }
  }
}

}  // namespace
}  // namespace aphex::cli
