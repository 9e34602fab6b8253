// The CLI's words (collected from 2.1148.1) and what becomes of them.
#include "engine/cdk_failure.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/text.hpp"

namespace aphex::engine {
namespace {

using os::Stream;
using testing::ElementsAre;

CliTail tail_of(std::string_view err, std::string_view out = {}) {
  CliTail tail;
  for (const std::string& line : split(out, '\n'))
    tail.add(Stream::out, line);
  for (const std::string& line : split(err, '\n'))
    tail.add(Stream::err, line);
  return tail;
}

TEST(TellingLines, AreTheComplaintWithoutItsStackTrace) {
  const CliTail tail = tail_of(
      "/app/build/lib/agent.js:12\n"
      "        throw new Error('x');\n"
      "        ^\n\n"
      "Error: Context \"environment\" is \"Prod\": use lower-case letters\n"
      "    at archonEnvironment (/app/build/lib/archon-environment.js:20:15)\n"
      "    at node:internal/main/run_main_module:28:49\n\n"
      "Node.js v20.20.2\n"
      "Subprocess exited with error 1\n");
  EXPECT_THAT(telling_lines(tail),
              ElementsAre("Error: Context \"environment\" is \"Prod\": use lower-case letters"));
}

TEST(TellingLines, OfADeploymentAreTheFailureAndItsResource) {
  const CliTail tail = tail_of(
      "❌  Data failed to deploy\n"
      "‣ DeploymentError: Resource updates failed:\n"
      "Data/Documents/Policy  (AWS::S3::BucketPolicy DocumentsPolicy2E972B69)\n"
      "  already exists\n"
      "Source Location: ...new Bucket2 in aws-cdk-lib...\n",
      "Data: deploying... [1/1]\n");
  EXPECT_THAT(telling_lines(tail),
              ElementsAre("DeploymentError: Resource updates failed:",
                          "Data/Documents/Policy  (AWS::S3::BucketPolicy DocumentsPolicy2E972B69)",
                          "already exists"));
}

TEST(TellingLines, ComeFromStandardOutputWhereStandardErrorIsSilent) {
  EXPECT_THAT(telling_lines(tail_of("", "one\ntwo\n")), ElementsAre("one", "two"));
}

TEST(CliError, IsRetryableForTransientTroublesOnly) {
  const Error throttled = cli_error("Api was not deployed", tail_of("Throttling: Rate exceeded"));
  EXPECT_EQ(throttled.retry, Retry::retryable);
  EXPECT_EQ(throttled.code, ErrorCode::unavailable);
  EXPECT_EQ(throttled.message, "Api was not deployed: Throttling: Rate exceeded");
  const Error connection = cli_error("x", tail_of("connect ECONNREFUSED 127.0.0.1:80"));
  EXPECT_EQ(connection.retry, Retry::retryable);
  const Error other = cli_error("x", tail_of("No stacks match the name(s) Nope"));
  EXPECT_EQ(other.retry, Retry::terminal);
  EXPECT_EQ(other.code, ErrorCode::deploy_failed);
}

TEST(CliError, SaysWhatMendsKnownTroubles) {
  EXPECT_EQ(recognize(tail_of("ExpiredToken: The security token included in the request is "
                              "expired")),
            CliTrouble::expired);
  EXPECT_EQ(recognize(tail_of("SSM parameter /cdk-bootstrap/hnb659fds/version not found. Has the "
                              "environment been bootstrapped? Please run 'cdk bootstrap'")),
            CliTrouble::not_bootstrapped);
  EXPECT_EQ(recognize(tail_of("Could not assume role in target account using current credentials "
                              "(which are for account 999988887777)")),
            CliTrouble::not_bootstrapped);
  EXPECT_EQ(recognize(tail_of("Stack:arn:aws:cloudformation:… is in UPDATE_IN_PROGRESS state and "
                              "can not be updated.")),
            CliTrouble::in_progress);
  const Error old = cli_error(
      "x", tail_of("This CDK CLI is not compatible with the CDK library used by your application. "
                   "Please upgrade the CLI to the latest version."));
  EXPECT_EQ(old.code, ErrorCode::unsupported);
  EXPECT_EQ(old.hint, "npm install --save-dev aws-cdk@2 takes the newest CLI");
}

TEST(CliChatter, LeavesOutWhatIsToldElsewhere) {
  CliChatter chatter;
  std::vector<std::string> shown;
  for (const char* line : {"", "✨  Synthesis time: 0.01s", "Api: deploying... [1/1]", "✅  Api",
                           "Outputs:", "Api.Url = https://x",
                           "Stack ARN:", "arn:aws:cloudformation:…", "Api | 1/2 | UPDATE"}) {
    if (chatter.shows(line)) shown.emplace_back(line);
  }
  EXPECT_THAT(shown, ElementsAre("Api: deploying... [1/1]", "✅  Api", "Api | 1/2 | UPDATE"));
}

TEST(CliTail, KeepsOnlyTheLastLines) {
  CliTail tail;
  for (std::size_t i = 0; i < CliTail::kMaxLines + 5; ++i)
    tail.add(Stream::out, std::to_string(i));
  EXPECT_EQ(tail.out().size(), CliTail::kMaxLines);
  EXPECT_EQ(tail.out().front(), "5");
}

}  // namespace
}  // namespace aphex::engine
