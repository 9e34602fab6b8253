#include "stage/cluster_gate.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/fake_step.hpp"

namespace aphex::stage {
namespace {

using testing::HasSubstr;

class ClusterGateTest : public testing::Test {
 protected:
  ClusterGate gate(os::EnvironmentVariables more = {}) {
    more["APHEX_WORKFLOW"] = "shop-1";
    more["APHEX_NAMESPACE"] = "argo";
    return ClusterGate(std::move(more), layout_);
  }
  engine::StepContext& context() {
    return step_.context(plan::StageKind::approve, plan::AwaitApproval{0, config::Approval{}});
  }

  engine::FakeStep step_{engine::fake_plan({})};
  Layout layout_{step_.root() / "pod"};
};

TEST_F(ClusterGateTest, asking_leaves_word_for_the_node_that_waits) {
  changes::ChangeSet changes{"dev", "111122223333", "us-east-1", std::string(40, 'a'), {}};
  changes.stacks.push_back({.name = "Api",
                            .physical_name = "Api",
                            .state = changes::StackState::created,
                            .before = "",
                            .after = "x",
                            .entries = {},
                            .permissions = {},
                            .warnings = {}});
  const config::Approval approval;
  const auto asked = gate().ask({changes, approval, context()});
  ASSERT_TRUE(asked) << asked.error().message;
  EXPECT_EQ(*os::read_file(layout_.changes_digest()), changes::digest(changes));
  EXPECT_EQ(*os::read_file(layout_.changes_summary()), "1 stack is new");
  EXPECT_THAT(*os::read_file(layout_.changes_text()), HasSubstr("Api  is new"));
  EXPECT_THAT(step_.log.lines().back(),
              HasSubstr("'aphex approve --workflow shop-1 --namespace argo'"));
}

TEST_F(ClusterGateTest, what_a_node_has_no_room_for_is_cut) {
  changes::ChangeSet changes{"dev", "1", "us-east-1", "c", {}};
  changes::StackChanges stack;
  stack.name = "Api";
  for (int i = 0; i < 1000; ++i)
    stack.warnings.push_back("ü warning " + std::to_string(i));
  changes.stacks.push_back(stack);
  const config::Approval approval;
  ASSERT_TRUE(gate().ask({changes, approval, context()}));
  const std::string text = *os::read_file(layout_.changes_text());
  EXPECT_LT(text.size(), argo::kMaxChangesText + 200);
  EXPECT_THAT(text, HasSubstr("… the rest is in " + std::string(40, 'a') + "/changes/dev-"));
}

TEST_F(ClusterGateTest, only_an_approval_lets_a_deployment_pass) {
  EXPECT_EQ(*gate({{"APHEX_APPROVAL_DECISION", "approved"}, {"APHEX_APPROVAL_DIGEST", "d1"}})
                 .approved(context(), "prod"),
            "d1");
  const auto expired =
      gate({{"APHEX_APPROVAL_DECISION", "expired"}, {"APHEX_APPROVAL_DIGEST", "none"}})
          .approved(context(), "prod");
  EXPECT_EQ(expired.error().code, ErrorCode::timeout);
  EXPECT_THAT(expired.error().message, HasSubstr("nobody decided in time"));
  for (const char* decision : {"", "yes", "Approved", "rejected"}) {
    const auto refused = gate({{"APHEX_APPROVAL_DECISION", decision},
                               {"APHEX_APPROVAL_DIGEST", "d1"},
                               {"APHEX_APPROVAL_PEOPLE", "mallory"}})
                             .approved(context(), "prod");
    EXPECT_EQ(refused.error().code, ErrorCode::permission) << decision;
  }
}

}  // namespace
}  // namespace aphex::stage
