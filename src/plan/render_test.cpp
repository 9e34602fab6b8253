#include "plan/render.hpp"

#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "base/text.hpp"
#include "plan/plan_test_support.hpp"

namespace aphex::plan {
namespace {

const std::filesystem::path kSource = APHEX_SOURCE_DIR;

// Every stack file is there.
class AnyRepository final : public config::RepositoryView {
 public:
  config::PathKind classify(const std::string&) const override { return config::PathKind::file; }
  std::vector<std::string> similar_files(const std::string&) const override { return {}; }
};

std::string read(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

Plan example(const std::string& file) {
  const Source source(file, read(kSource / "examples/archon-agent" / file));
  const config::LoadResult loaded = config::load(source, AnyRepository());
  if (!loaded.config) {
    ADD_FAILURE() << render_text(source, loaded.diagnostics, Colour::never);
    std::abort();
  }
  return make_plan(*loaded.config, "archon-agent");
}

// Compares with tests/golden/plan/<name>; APHEX_UPDATE_GOLDEN=1 writes it instead.
void expect_golden(const std::string& name, const std::string& text) {
  const std::filesystem::path path = kSource / "tests/golden/plan" / name;
  if (const char* update = std::getenv("APHEX_UPDATE_GOLDEN");
      update != nullptr && std::string_view(update) == "1") {
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
    return;
  }
  EXPECT_EQ(text, read(path)) << "APHEX_UPDATE_GOLDEN=1 refreshes " << path.filename();
}

class Golden : public testing::TestWithParam<std::string> {
 protected:
  const Plan plan_ = example("aphex-config" + GetParam() + ".yaml");
  std::string name(const std::string& rendering) const {
    return "example" + GetParam() + rendering;
  }
};

TEST_P(Golden, text_is_as_reviewed) {
  expect_golden(name(".txt"), *render_text(plan_, Detail::stages));
  expect_golden(name(".steps.txt"), *render_text(plan_, Detail::steps));
}

TEST_P(Golden, json_is_as_reviewed) {
  expect_golden(name(".json"), doc::to_json(*render_json(plan_), 2) + "\n");
}

TEST_P(Golden, graphviz_is_as_reviewed) {
  expect_golden(name(".dot"), render_graphviz(plan_));
}

TEST_P(Golden, mermaid_is_as_reviewed) {
  expect_golden(name(".mmd"), render_mermaid(plan_));
}

INSTANTIATE_TEST_SUITE_P(Example, Golden, testing::Values("", ".three-environments"),
                         [](const auto& parameter) {
                           return parameter.param.empty() ? "one" : "three";
                         });

// Names that no configuration allows, but a stored plan could hold.
config::Config hostile_config() {
  config::Config config = small_config();
  const std::string name = "a\"b\\c<d>&e#35;`;\nend";
  config.environments[0].stacks = {stack(name), stack("B", {name})};
  config.environments[0].name = "x\"] --> y";
  return config;
}

TEST(Mermaid, labels_cannot_leave_their_quotes) {
  const std::string text = render_mermaid(make_plan(hostile_config(), "repo"));
  EXPECT_NE(text.find("    e0_0[\"a#34;b#92;c#60;d#62;#38;e#35;35#59;#96;#59; end\"]\n"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("  subgraph e0[\"x#34;] --#62; y\"]\n"), std::string::npos) << text;
  for (const std::string& line : split(text, '\n')) {
    const auto quotes = std::count(line.begin(), line.end(), '"');
    EXPECT_TRUE(quotes == 0 || quotes == 2) << line;
  }
}

// `dot` of Graphviz on `text`; nothing where it is not installed.
std::optional<int> run_dot(const std::string& text) {
  if (std::system("command -v dot >/dev/null 2>&1") != 0) return std::nullopt;
  std::FILE* dot = ::popen("dot -Tplain >/dev/null", "w");
  if (dot == nullptr) return -1;
  std::fwrite(text.data(), 1, text.size(), dot);
  return ::pclose(dot);
}

TEST(Graphviz, dot_accepts_the_examples_and_any_name) {
  for (const Plan& plan :
       {example("aphex-config.yaml"), example("aphex-config.three-environments.yaml"),
        make_plan(hostile_config(), "digraph \"\\")}) {
    const std::optional<int> code = run_dot(render_graphviz(plan));
    if (!code) GTEST_SKIP() << "dot is not installed";
    EXPECT_EQ(*code, 0) << render_graphviz(plan);
  }
}

TEST(Graphviz, quotes_and_backslashes_in_names_stay_inside_their_quotes) {
  const std::string text = render_graphviz(make_plan(hostile_config(), "re\"po\\"));
  EXPECT_EQ(text.substr(0, text.find('\n')), "digraph \"re\\\"po\\\\\" {");
}

TEST(Graphviz, an_environment_without_stacks_is_an_empty_box) {
  config::Config config = small_config();
  config.environments[1].stacks.clear();
  const std::string text = render_graphviz(make_plan(config, "repo"));
  EXPECT_TRUE(text.ends_with("    label=\"prod\";\n  }\n}\n")) << text;
}

TEST(RenderText, a_stack_explains_why_it_stands_where_it_stands) {
  config::Config config = small_config();
  config.environments[0].stacks = {stack("A"), stack("B"), stack("C", {"B", "A"})};
  const std::string text = *render_text(make_plan(config, "repo"), Detail::stages);
  EXPECT_NE(text.find("       1. A  needs no other stack; side by side with B\n"
                      "       2. B  needs no other stack; side by side with A\n"
                      "       3. C  after B, A; the last of them is B\n"),
            std::string::npos)
      << text;
}

TEST(RenderText, of_many_stacks_side_by_side_only_their_number_is_shown) {
  config::Config config = small_config();
  config.environments[0].stacks.clear();
  for (int i = 0; i < 6; ++i)
    config.environments[0].stacks.push_back(stack("S" + std::to_string(i)));
  const std::string text = *render_text(make_plan(config, "repo"), Detail::stages);
  EXPECT_NE(text.find("side by side with 5 others"), std::string::npos) << text;
}

TEST(RenderText, hooks_stand_before_and_after_the_stacks) {
  const std::string text = *render_text(make_plan(small_config(), "repo"), Detail::stages);
  EXPECT_NE(text.find("deploy-prod  account 222233334444, eu-west-1\n"
                      "     $ ./announce\n"
                      "       1. Data  needs no other stack\n"
                      "     $ ./warm-up\n"
                      "     $ ./tell\n"),
            std::string::npos)
      << text;
}

TEST(RenderJson, the_digest_is_the_plans_own_and_the_order_names_waves_and_reasons) {
  const Plan plan = make_plan(small_config(), "repo");
  const doc::Value value = *render_json(plan);
  EXPECT_EQ(value.string_or("digest", ""), digest(plan));
  EXPECT_EQ(doc::to_json(value.find("deploymentOrder")->as_array()->front()),
            R"({"environment":"dev","stacks":[)"
            R"({"name":"Data","wave":0,"reason":"needs no other stack"},)"
            R"({"name":"Api","wave":1,"reason":"after Data"}]})");
}

TEST(RenderJson, what_it_adds_does_not_hinder_reading_the_plan_back) {
  const Plan plan = make_plan(small_config(), "repo");
  const auto again = from_value(*render_json(plan));
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(digest(*again), digest(plan));
}

RC_GTEST_PROP(Render, every_plan_has_each_rendering, ()) {
  const Plan plan = make_plan(any_config(), "repo");
  RC_ASSERT(render_text(plan, Detail::steps).has_value());
  RC_ASSERT(render_json(plan).has_value());
  RC_ASSERT(render_graphviz(plan).ends_with("}\n"));
  RC_ASSERT(render_mermaid(plan).starts_with("flowchart LR\n"));
}

}  // namespace
}  // namespace aphex::plan
