#include "stage/exit_status.hpp"

#include <gtest/gtest.h>

#include "argo/stage_interface.hpp"

namespace aphex::stage {
namespace {

Error error_of(ErrorCode code, Retry retry = Retry::terminal, int exit_code = 0) {
  Error error;
  error.code = code;
  error.retry = retry;
  error.exit_code = exit_code;
  return error;
}

TEST(ExitStatus, SaysWhetherTryingAgainMayHelp) {
  EXPECT_EQ(exit_status(error_of(ErrorCode::unavailable)), argo::kExitInfrastructure);
  EXPECT_EQ(exit_status(error_of(ErrorCode::deploy_failed, Retry::retryable)),
            argo::kExitInfrastructure);
  EXPECT_EQ(exit_status(error_of(ErrorCode::deploy_failed)), kFailed);
  EXPECT_EQ(exit_status(error_of(ErrorCode::permission)), kFailed);
  EXPECT_EQ(exit_status(error_of(ErrorCode::timeout)), kFailed);
  EXPECT_EQ(exit_status(error_of(ErrorCode::usage)), kUsage);
  EXPECT_EQ(exit_status(error_of(ErrorCode::invalid_config)), kInvalidConfiguration);
  EXPECT_EQ(exit_status(error_of(ErrorCode::cancelled)), kInterrupted);
}

TEST(ExitStatus, IsNeverAUsersCommands) {
  for (const int code : {2, 3, 75, 130, 137, 255}) {
    EXPECT_EQ(exit_status(error_of(ErrorCode::command_failed, Retry::terminal, code)), kFailed);
    EXPECT_EQ(exit_status(error_of(ErrorCode::command_failed, Retry::retryable, code)), kFailed);
  }
}

}  // namespace
}  // namespace aphex::stage
