#include "engine/run_json.hpp"

#include <gtest/gtest.h>

namespace aphex::engine {
namespace {

TEST(RunJson, SaysWhatIsNotThereByNull) {
  store::RunRecord run;
  run.id = 3;
  run.pipeline = "archon";
  run.commit_sha = "c0ffee";
  run.created_at = 1'000;

  EXPECT_EQ(
      doc::to_json(to_value(run)),
      R"({"id":3,"pipeline":"archon","state":"queued","commitSha":"c0ffee",)"
      R"("source":"commit","repositoryUrl":"","branch":"","author":"","message":"",)"
      R"("planDigest":"","restartedFrom":null,"restartedAs":null,)"
      R"("createdAt":"1970-01-01T00:00:01.000Z","startedAt":null,"endedAt":null,"exitCode":null})");
}

TEST(RunJson, NamesTheRunsBeforeAndBehindAHandover) {
  store::RunRecord run;
  run.restarted_from = 21;
  run.restarted_as = 23;

  const doc::Value value = to_value(run);

  EXPECT_EQ(doc::to_json(*value.find("restartedFrom")), "21");
  EXPECT_EQ(doc::to_json(*value.find("restartedAs")), "23");
}

TEST(RunJson, CarriesTheFailure) {
  store::RunRecord run;
  run.state = store::RunState::failed;
  run.exit_code = 7;
  run.failure = store::Failure{"command_failed", "stage build failed", "mend it"};

  const doc::Value value = to_value(run);

  EXPECT_EQ(doc::to_json(*value.find("error")),
            R"({"code":"command_failed","message":"stage build failed","hint":"mend it"})");
  EXPECT_EQ(doc::to_json(*value.find("exitCode")), "7");
}

TEST(RunJson, TellsAStepsTriesLogAndExitCode) {
  store::StepRecord step;
  step.stage_id = "build";
  step.id = "build-1";
  step.kind = "run-command";
  step.title = "make";
  step.state = store::WorkState::failed;
  step.tries = 2;
  step.exit_code = 2;
  step.log = "logs/build.1/01-build-1.log";

  EXPECT_EQ(doc::to_json(to_value(step)),
            R"({"stage":"build","attempt":1,"id":"build-1","kind":"run-command","title":"make",)"
            R"("state":"failed","tries":2,"startedAt":"1970-01-01T00:00:00.000Z","endedAt":null,)"
            R"("exitCode":2,"summary":null,"error":null,"log":"logs/build.1/01-build-1.log"})");
}

}  // namespace
}  // namespace aphex::engine
