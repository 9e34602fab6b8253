#include <gtest/gtest.h>

#include "aphex/plan.hpp"
#include "doc/value.hpp"

namespace aphex {
namespace {

constexpr std::string_view kGood = R"(version: "1.0"
build:
  commands: [npm ci]
environments:
  - name: dev
    region: us-east-1
    account: "111122223333"
    stacks:
      - name: AppStack
        path: lib/app-stack.ts
)";

TEST(PublicApi, GivenAValidTextThenThereIsNoDiagnosticAndAPlan) {
  EXPECT_EQ(validate_text(kGood), "[]");
  const auto plan = plan_json(kGood, "shop");
  ASSERT_TRUE(plan.has_value());
  const auto value = doc::parse_json(*plan);
  ASSERT_TRUE(value.has_value());
  EXPECT_EQ(*value->find({"pipeline", "name"})->as_string(), "shop");
}

TEST(PublicApi, GivenAMissingFieldThenItIsReportedAndThereIsNoPlan) {
  const std::string text = "version: \"1.0\"\nenvironments: []\n";
  const auto diagnostics = doc::parse_json(validate_text(text));
  ASSERT_TRUE(diagnostics.has_value() && diagnostics->is_array());
  ASSERT_FALSE(diagnostics->as_array()->empty());
  EXPECT_EQ(diagnostics->as_array()->front().string_or("severity", ""), "error");
  EXPECT_FALSE(plan_json(text, "shop").has_value());
}

TEST(PublicApi, GivenTextThatIsNoYamlThenItIsADiagnosticToo) {
  EXPECT_NE(validate_text("a: [1"), "[]");
  EXPECT_NE(validate_text(""), "[]");
}

}  // namespace
}  // namespace aphex
