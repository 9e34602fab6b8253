#include "cli/exit_code.hpp"

#include <gtest/gtest.h>

#include "cli/session.hpp"

namespace aphex::cli {
namespace {

ExitCode code_of(ErrorCode code) {
  Error error;
  error.code = code;
  return exit_code_for(error);
}

TEST(ExitCodeFor, TellsUsageConfigurationAndInterruptionFromFailedWork) {
  EXPECT_EQ(code_of(ErrorCode::usage), ExitCode::usage);
  EXPECT_EQ(code_of(ErrorCode::invalid_config), ExitCode::invalid_config);
  EXPECT_EQ(code_of(ErrorCode::cancelled), ExitCode::interrupted);
  EXPECT_EQ(code_of(ErrorCode::timeout), ExitCode::failed);
  EXPECT_EQ(code_of(ErrorCode::deploy_failed), ExitCode::failed);
}

TEST(ParseRunNumber, TakesPositiveNumbersAlone) {
  EXPECT_EQ(parse_run_number("12"), 12);
  for (const char* wrong : {"", "0", "-1", "1x", " 1", "99999999999999999999"}) {
    const auto number = parse_run_number(wrong);
    ASSERT_FALSE(number) << wrong;
    EXPECT_EQ(number.error().code, ErrorCode::usage);
    EXPECT_EQ(number.error().message, std::string("'") + wrong + "' is no run's number");
  }
}

}  // namespace
}  // namespace aphex::cli
