#include <gtest/gtest.h>

#include "engine/fake_step.hpp"
#include "engine/steps/steps.hpp"

namespace aphex::engine {
namespace {

constexpr const char* kConfiguration = R"(version: "1.0"
build:
  commands: [npm ci]
environments:
  - name: dev
    region: us-east-1
    account: "111122223333"
    stacks:
      - {name: Api, path: lib/app.ts}
)";

// The stage's part of a plan, in a working copy of the commit.
class UpdatePipeline : public testing::Test {
 protected:
  UpdatePipeline() : step_(fake_plan({})) {
    step_.write(step_.paths.work() / "aphex-config.yaml", kConfiguration);
    step_.write(step_.paths.work() / "lib/app.ts", "");
    step_.write(
        step_.paths.root / "work.json",
        R"({"version":1,"commit":")" + step_.parameters.commit_sha + R"(","artifacts":false})");
  }
  Result<StepOutcome> update(const std::string& digest_of_run) {
    StepContext& context = step_.context(plan::StageKind::pipeline, plan::UpdatePipeline{});
    context.plan_digest = digest_of_run;
    return steps::update_pipeline(context);
  }
  std::string wanted() {
    step_.plans.stored_digest.clear();
    EXPECT_TRUE(update("another"));
    return step_.plans.stored_digest;
  }

  FakeStep step_;
};

TEST_F(UpdatePipeline, GoesOnWhereTheWholePlanIsTheCommits) {
  const auto outcome = update(wanted());
  ASSERT_TRUE(outcome) << describe(outcome.error());
  EXPECT_EQ(outcome->kind, StepOutcome::Kind::done);
  EXPECT_EQ(outcome->summary, "unchanged");
}

TEST_F(UpdatePipeline, HandsOverWhereItIsAnother) {
  const auto outcome = update("another");
  ASSERT_TRUE(outcome) << describe(outcome.error());
  EXPECT_EQ(outcome->kind, StepOutcome::Kind::hand_over);
}

TEST_F(UpdatePipeline, GoesOnUnderItsOwnPlanWhereANewerCommitsStands) {
  step_.plans.change = PlanStore::Change::superseded;
  const auto outcome = update("another");
  ASSERT_TRUE(outcome) << describe(outcome.error());
  EXPECT_EQ(outcome->kind, StepOutcome::Kind::done);
  EXPECT_EQ(outcome->summary, "kept: a newer commit has changed the pipeline");
}

TEST_F(UpdatePipeline, SaysThatTheOldPlanStaysWhereItCannotBeStored) {
  Error refusal;
  refusal.code = ErrorCode::permission;
  refusal.message = "forbidden";
  step_.plans.refusal = refusal;
  const auto outcome = update("another");
  ASSERT_FALSE(outcome);
  EXPECT_EQ(describe(outcome.error()),
            "the new plan could not be stored; the old one stays: forbidden");
  EXPECT_EQ(outcome.error().code, ErrorCode::permission);
}

}  // namespace
}  // namespace aphex::engine
