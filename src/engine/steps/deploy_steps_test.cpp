// The steps of a deployment, one after the other, with a CLI that is played.
#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/assembly_record.hpp"
#include "engine/fake_step.hpp"
#include "engine/outputs.hpp"
#include "engine/steps/steps.hpp"

namespace aphex::engine::steps {
namespace {

using os::FakeProcessRunner;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;
using testing::SizeIs;

namespace fs = std::filesystem;

const fs::path kData = fs::path(APHEX_SOURCE_DIR) / "tests" / "data" / "assemblies";

config::Stack stack(std::string name, std::vector<std::string> depends_on = {}) {
  return {.name = std::move(name), .path = "lib/x.ts", .depends_on = std::move(depends_on)};
}

std::string argument_after(const os::ProcessSpec& spec, std::string_view flag) {
  const auto found = std::find(spec.argv.begin(), spec.argv.end(), flag);
  return found == spec.argv.end() ? std::string() : *(found + 1);
}

class DeploySteps : public testing::Test {
 protected:
  DeploySteps()
      : step_(fake_plan({stack("ArchonInfrastructureStack"), stack("ArchonKnowledgeBaseStack"),
                         stack("ArchonAgentStack"), stack("ArchonMonitoringDashboard")})) {
    step_.write(step_.paths.work() / "node_modules" / ".bin" / "cdk", "");
    step_.write(step_.paths.work() / "node_modules" / "package.json",
                R"({"name": "aws-cdk", "version": "2.1148.1"})");
    step_.http->otherwise([](const aws::HttpRequest&) {
      return aws::FakeHttpClient::answers(
          400, service_error_answer("ValidationError", "Stack does not exist"));
    });
    plays_synth("archon");
  }

  void plays_synth(const std::string& assembly) {
    FakeProcessRunner::Reply reply = FakeProcessRunner::exits(0);
    reply.effect = [this, assembly](const os::ProcessSpec& spec) {
      ASSERT_TRUE(os::copy_tree(kData / assembly, argument_after(spec, "--output")));
      synth_environment_ = spec.environment;
    };
    step_.processes.on_match([](const auto& spec) { return spec.argv[1] == "synth"; }, reply);
  }
  void plays_deploy(const std::string& name, FakeProcessRunner::Reply reply) {
    reply.effect = [name](const os::ProcessSpec& spec) {
      ASSERT_TRUE(os::write_file_atomic(argument_after(spec, "--outputs-file"),
                                        R"({")" + name + R"(": {"Url": "https://x"}})"));
    };
    step_.processes.on_match(
        [name](const auto& spec) { return spec.argv[1] == "deploy" && spec.argv[2] == name; },
        reply);
  }
  void plays_all_deployments() {
    for (const config::Stack& each : step_.plan.environments[0].stacks)
      plays_deploy(each.name, FakeProcessRunner::prints("✅  " + each.name + "\n"));
  }
  std::string synth(plan::StageKind kind) {
    const auto outcome = synthesize(step_.context(kind, plan::Synthesize{0}));
    return outcome ? outcome->summary : describe(outcome.error());
  }
  std::vector<std::string> deployed() const {
    std::vector<std::string> names;
    for (const auto& call : step_.processes.calls()) {
      if (call.argv[1] == "deploy") names.push_back(call.argv[2]);
    }
    return names;
  }

  FakeStep step_;
  os::EnvironmentVariables synth_environment_;
};

TEST_F(DeploySteps, SynthesizeOnceAndTakeTheAssemblyThatFits) {
  EXPECT_EQ(synth(plan::StageKind::build), "4 stacks");
  EXPECT_EQ(synth_environment_.at("CDK_VALIDATION"), "true");
  EXPECT_EQ(synth_environment_.at("CDK_DEFAULT_ACCOUNT"), "111122223333");
  EXPECT_EQ(synth(plan::StageKind::deploy), "4 stacks, already synthesized");
  EXPECT_THAT(step_.processes.calls(), SizeIs(1));
}

TEST_F(DeploySteps, SynthesizeAnewForAnotherCommit) {
  EXPECT_EQ(synth(plan::StageKind::build), "4 stacks");
  step_.parameters.commit_sha = std::string(40, 'b');
  EXPECT_EQ(synth(plan::StageKind::deploy), "4 stacks");
  EXPECT_EQ(synth_environment_.at("CDK_VALIDATION"), "false");
  EXPECT_THAT(step_.log.lines(), Contains(HasSubstr("does not fit: it is of commit aaaa")));
}

TEST_F(DeploySteps, SynthesisLeavesTheWorkingCopyAsItWas) {
  FakeProcessRunner::Reply reply = FakeProcessRunner::exits(0);
  reply.effect = [this](const os::ProcessSpec& spec) {
    ASSERT_TRUE(os::copy_tree(kData / "archon", argument_after(spec, "--output")));
    step_.write(step_.paths.work() / "cdk.context.json", "{}");
  };
  step_.processes.on_match([](const auto& spec) { return spec.argv[1] == "synth"; }, reply);
  EXPECT_EQ(synth(plan::StageKind::build), "4 stacks");
  EXPECT_FALSE(fs::exists(step_.paths.work() / "cdk.context.json"));
  EXPECT_THAT(step_.log.lines(), Contains(HasSubstr("commit the file that `cdk synth` writes")));
}

TEST_F(DeploySteps, ShowTheApplicationsOwnErrorWhereSynthesisFails) {
  step_.processes.on_match([](const auto& spec) { return spec.argv[1] == "synth"; },
                           FakeProcessRunner::complains("Error: no such parameter\n", 1));
  EXPECT_EQ(synth(plan::StageKind::build),
            "cdk synth failed for environment dev (exit code 1): Error: no such parameter");
  EXPECT_FALSE(fs::exists(step_.paths.assembly("dev")));
  EXPECT_TRUE(fs::is_empty(step_.paths.assembly("dev").parent_path()));
}

TEST_F(DeploySteps, CheckStacksSaysWhatTheAppAddsToDependsOn) {
  ASSERT_EQ(synth(plan::StageKind::build), "4 stacks");
  const auto outcome = check_stacks(step_.context(plan::StageKind::build, plan::CheckStacks{0}));
  ASSERT_TRUE(outcome) << describe(outcome.error());
  EXPECT_EQ(outcome->summary, "4 of the app's 4 stacks");
  EXPECT_THAT(step_.log.lines(),
              Contains("ArchonAgentStack waits for ArchonInfrastructureStack: the app's "
                       "references need it (dependsOn does not say so)"));
}

TEST_F(DeploySteps, CheckStacksRefusesANameThatTheAppDoesNotHave) {
  step_.plan.environments[0].stacks[2].name = "ArchonAgentsStack";
  ASSERT_EQ(synth(plan::StageKind::build), "4 stacks");
  const auto outcome = check_stacks(step_.context(plan::StageKind::build, plan::CheckStacks{0}));
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::invalid_config);
  EXPECT_EQ(outcome.error().message,
            "the stacks of environment dev do not match the app: ArchonAgentsStack is not in the "
            "app; it has ArchonInfrastructureStack, ArchonKnowledgeBaseStack, ArchonAgentStack, "
            "ArchonMonitoringDashboard; did you mean ArchonAgentStack?");
}

TEST_F(DeploySteps, DeployFollowsTheGraphAndCapturesOutputs) {
  plays_all_deployments();
  plays_deploy("ArchonAgentStack", FakeProcessRunner::prints("✅  ArchonAgentStack (no changes)\n"));
  ASSERT_EQ(synth(plan::StageKind::build), "4 stacks");
  const auto outcome = deploy_stacks(step_.context(plan::StageKind::deploy, plan::DeployStacks{0}));
  ASSERT_TRUE(outcome) << describe(outcome.error());
  EXPECT_EQ(outcome->summary, "4 stacks: 3 changed, 1 unchanged");
  ASSERT_THAT(deployed(), SizeIs(4));
  EXPECT_EQ(deployed().front(), "ArchonInfrastructureStack");
  EXPECT_EQ(deployed().back(), "ArchonMonitoringDashboard");

  const auto captured =
      capture_outputs(step_.context(plan::StageKind::deploy, plan::CaptureOutputs{0}));
  ASSERT_TRUE(captured) << describe(captured.error());
  EXPECT_EQ(captured->summary, "4 outputs of 4 stacks");
  // As in a pod that has nothing but the artifacts.
  fs::remove(step_.paths.outputs("dev"));
  const auto provided =
      provide_outputs(step_.context(plan::StageKind::test, plan::ProvideOutputs{0}));
  ASSERT_TRUE(provided) << describe(provided.error());
  const auto variables = output_variables(step_.paths.outputs("dev"));
  ASSERT_TRUE(variables);
  EXPECT_THAT(*variables, Contains(Pair("APHEX_OUTPUT_ARCHONAGENTSTACK_URL", "https://x")));
  EXPECT_THAT(*variables,
              Contains(Pair("APHEX_OUTPUTS_FILE", step_.paths.outputs("dev").string())));
}

TEST_F(DeploySteps, DeployStopsBehindAFailure) {
  plays_all_deployments();
  step_.plan.max_parallel_stacks = 1;
  plays_deploy("ArchonKnowledgeBaseStack", FakeProcessRunner::complains("Error: no\n"));
  ASSERT_EQ(synth(plan::StageKind::build), "4 stacks");
  const auto outcome = deploy_stacks(step_.context(plan::StageKind::deploy, plan::DeployStacks{0}));
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::deploy_failed);
  EXPECT_EQ(outcome.error().message,
            "ArchonKnowledgeBaseStack was not deployed (cdk exit code 1): Error: no; not started: "
            "ArchonAgentStack, ArchonMonitoringDashboard");
  EXPECT_THAT(deployed(), ElementsAre("ArchonInfrastructureStack", "ArchonKnowledgeBaseStack"));
}

TEST_F(DeploySteps, DeployRefusesToPutAnOpenStackIntoTheWrongAccount) {
  plays_synth("agnostic");
  step_.plan.environments[0].stacks = {stack("Base"), stack("Web")};
  step_.http->otherwise([](const aws::HttpRequest&) {
    return aws::FakeHttpClient::answers(
        200,
        "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn</Arn><UserId>U</UserId>"
        "<Account>999988887777</Account></GetCallerIdentityResult></GetCallerIdentityResponse>");
  });
  ASSERT_EQ(synth(plan::StageKind::build), "2 stacks");
  const auto outcome = deploy_stacks(step_.context(plan::StageKind::deploy, plan::DeployStacks{0}));
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().message,
            "Base, Web of environment dev have no account or region of their own: the CDK would "
            "deploy to account 999988887777 instead of 111122223333");
}

TEST_F(DeploySteps, ProvideOutputsSaysWhereItLooked) {
  const auto provided =
      provide_outputs(step_.context(plan::StageKind::test, plan::ProvideOutputs{0}));
  ASSERT_FALSE(provided);
  EXPECT_THAT(provided.error().message,
              HasSubstr("there are no outputs of environment dev (" + std::string(40, 'a') +
                        "/outputs/dev.json in file://"));
}

TEST_F(DeploySteps, CheckAppNamesEverythingThatIsWrong) {
  step_.write(step_.paths.work() / "cdk.context.json", "{");
  const auto outcome = check_app(step_.context(plan::StageKind::validate, plan::CheckApp{}));
  ASSERT_FALSE(outcome);
  EXPECT_THAT(outcome.error().message,
              HasSubstr("there is no cdk.json at the root of the repository; cdk.context.json is "
                        "not JSON: "));
}

TEST_F(DeploySteps, CheckToolsNamesEverythingThatIsMissing) {
  step_.write(step_.paths.work() / "package.json", "{}");
  step_.write(step_.paths.work() / "pnpm-lock.yaml", "");
  const auto outcome = check_tools(step_.context(plan::StageKind::validate, plan::CheckTools{}));
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().message,
            "tools are needed here: bash is not in PATH; git is not in "
            "PATH; node is not in PATH; pnpm is not in PATH");
  EXPECT_THAT(outcome.error().hint, HasSubstr("corepack enable pnpm"));
}

TEST_F(DeploySteps, CheckAccessIsNotRepeatedForTheSameAccountAndRegion) {
  step_.plan.environments.push_back(step_.plan.environments[0]);
  step_.plan.environments[1].name = "blue";
  const auto outcome = check_access(step_.context(plan::StageKind::validate, plan::CheckAccess{1}));
  ASSERT_TRUE(outcome) << describe(outcome.error());
  EXPECT_EQ(outcome->kind, StepOutcome::Kind::skipped);
  EXPECT_EQ(outcome->summary, "same account and region as dev");
}

}  // namespace
}  // namespace aphex::engine::steps
