#include "server/notify/reason.hpp"

#include <gtest/gtest.h>

#include "base/text.hpp"

namespace aphex::server::notify {
namespace {

constexpr std::size_t kRoom = 60;

std::string reason(const std::string& error, const std::string& stage = "build") {
  Event event;
  event.error = error;
  event.stage = stage;
  return reason_of(event, kRoom);
}

TEST(Reason, ACommandSaysHowItEnded) {
  EXPECT_EQ(reason("stage build failed: step 'npm test': build command failed with exit code 1"),
            "'npm test' ended with exit code 1");
  EXPECT_EQ(reason("stage test-dev failed: step 'make it': test command was ended by signal 9",
                   "test-dev"),
            "'make it' was ended by signal 9");
  EXPECT_EQ(reason("step 'echo 'a': b': hook after deployment failed with exit code 7"),
            "'echo 'a': b' ended with exit code 7");
}

TEST(Reason, ACommandIsCutBeforeItsEndIs) {
  const std::string text = reason("stage build failed: step '" + std::string(200, 'x') +
                                  "': build command failed with exit code 127");
  EXPECT_EQ(utf8_length(text), kRoom);
  EXPECT_TRUE(text.ends_with("x…' ended with exit code 127")) << text;
}

TEST(Reason, TheStageStandsBesideIt) {
  EXPECT_EQ(reason("stage build failed: step 'clone the commit': no such commit"),
            "step 'clone the commit': no such commit");
  EXPECT_EQ(reason("stage build was cancelled: step 'make': by ada"), "step 'make': by ada");
  EXPECT_EQ(reason("stage build took longer than its timeout of 5m"),
            "took longer than its timeout of 5m");
}

TEST(Reason, WhatIsOfNoStageStaysAsItIs) {
  EXPECT_EQ(reason("stage build failed: x", ""), "stage build failed: x");
  EXPECT_EQ(reason("stage other failed: x"), "stage other failed: x");
  EXPECT_EQ(reason("it cannot be read"), "it cannot be read");
  EXPECT_EQ(utf8_length(reason(std::string(100, 'x'))), kRoom);
}

}  // namespace
}  // namespace aphex::server::notify
