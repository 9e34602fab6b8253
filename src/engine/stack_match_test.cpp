// Configured names against an application's stacks: every message as people read it.
#include "engine/stack_match.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace aphex::engine {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

AssemblyStack stack(std::string name, std::vector<std::size_t> needs = {}) {
  AssemblyStack result;
  result.id = name;
  result.name = name;
  result.physical_name = name;
  result.account = "111122223333";
  result.region = "us-east-1";
  result.needs = std::move(needs);
  return result;
}

plan::Environment environment(const std::vector<std::string>& names) {
  plan::Environment result{
      .name = "dev", .region = "us-east-1", .account = "111122223333", .stacks = {}};
  for (const std::string& name : names)
    result.stacks.push_back({.name = name, .path = "lib/x.ts", .depends_on = {}});
  return result;
}

Assembly assembly(std::vector<AssemblyStack> stacks) {
  return {.directory = {}, .stacks = std::move(stacks), .missing = {}};
}

TEST(MatchStacks, TakesNamesAsTheAppWritesThem) {
  const StackMatch match =
      match_stacks(environment({"Api", "Data"}), assembly({stack("Data"), stack("Api", {0})}));
  EXPECT_THAT(match.problems, IsEmpty());
  EXPECT_THAT(match.notes, IsEmpty());
  EXPECT_THAT(match.stacks, ElementsAre(1, 0));
}

TEST(MatchStacks, SuggestsWhatPeopleMeant) {
  const StackMatch match =
      match_stacks(environment({"ArchonInfrastructureStack", "ArchonAgnetStack", "Billing"}),
                   assembly({stack("ArchonInfrastructure-prod"), stack("ArchonInfrastructure-dev"),
                             stack("ArchonAgentStack")}));
  EXPECT_THAT(
      match.problems,
      ElementsAre("ArchonInfrastructureStack is not in the app; it has ArchonInfrastructure-prod, "
                  "ArchonInfrastructure-dev, ArchonAgentStack; did you mean "
                  "ArchonInfrastructure-dev?",
                  "ArchonAgnetStack is not in the app; did you mean ArchonAgentStack?",
                  "Billing is not in the app"));
}

TEST(MatchStacks, SaysThatAnAppHasNoStacks) {
  const StackMatch match = match_stacks(environment({"Api"}), assembly({}));
  EXPECT_THAT(match.problems, ElementsAre("Api is not in the app, which has no stacks"));
}

TEST(MatchStacks, AcceptsThePhysicalNameWithANote) {
  AssemblyStack api = stack("Dev/Api");
  api.id = "DevApi123";
  api.physical_name = "acme-api";
  const StackMatch match = match_stacks(environment({"acme-api"}), assembly({api}));
  EXPECT_THAT(match.problems, IsEmpty());
  EXPECT_THAT(match.notes, ElementsAre("acme-api is the app's stack Dev/Api (`cdk ls`); "
                                       "CloudFormation calls it acme-api"));
}

TEST(MatchStacks, RefusesAnotherAccountOrRegionNamingBoth) {
  AssemblyStack api = stack("Api");
  api.region = "eu-west-1";
  const StackMatch match = match_stacks(environment({"Api"}), assembly({api}));
  EXPECT_THAT(match.problems,
              ElementsAre("Api goes to aws://111122223333/eu-west-1 in the app, but environment "
                          "dev is aws://111122223333/us-east-1"));
}

TEST(MatchStacks, LetsStacksWithoutEnvironmentGoAnywhere) {
  AssemblyStack api = stack("Api");
  api.account.reset();
  api.region.reset();
  const plan::Environment dev = environment({"Api"});
  const Assembly app = assembly({api});
  const StackMatch match = match_stacks(dev, app);
  EXPECT_THAT(match.problems, IsEmpty());
  EXPECT_THAT(agnostic_stacks(dev, app, match), ElementsAre("Api"));
}

TEST(MatchStacks, ChoosesTheStackOfThisEnvironmentAmongEquals) {
  AssemblyStack dev = stack("Dev/Api");
  dev.physical_name = "api";
  AssemblyStack prod = stack("Prod/Api");
  prod.physical_name = "api";
  prod.account = "333344445555";
  const StackMatch match = match_stacks(environment({"api"}), assembly({prod, dev}));
  EXPECT_THAT(match.problems, IsEmpty());
  EXPECT_THAT(match.stacks, ElementsAre(1));
}

TEST(MatchStacks, RefusesANameThatMeansSeveral) {
  AssemblyStack one = stack("One/Api");
  one.physical_name = "api";
  AssemblyStack two = stack("Two/Api");
  two.physical_name = "api";
  const StackMatch match = match_stacks(environment({"api"}), assembly({one, two}));
  EXPECT_THAT(match.problems, ElementsAre("api means several stacks of the app: One/Api, Two/Api; "
                                          "use one of these names"));
}

TEST(MatchStacks, NotesStacksThatNobodyDeploys) {
  const StackMatch match =
      match_stacks(environment({"Api"}), assembly({stack("Api"), stack("Extra")}));
  EXPECT_THAT(match.notes, ElementsAre("the app also has Extra, which dev does not deploy"));
}

TEST(AssemblyDependencies, LeadThroughStacksThatAreNotDeployed) {
  const plan::Environment dev = environment({"Ui", "Data"});
  const Assembly app = assembly({stack("Data"), stack("Api", {0}), stack("Ui", {1})});
  const StackMatch match = match_stacks(dev, app);
  EXPECT_THAT(assembly_dependencies(dev, app, match),
              ElementsAre(Pair("Data", IsEmpty()), Pair("Ui", ElementsAre("Data"))));
  EXPECT_THAT(foreign_dependencies(dev, app, match),
              ElementsAre("warning: Ui needs Api, which environment dev does not deploy; it must "
                          "be there already"));
}

}  // namespace
}  // namespace aphex::engine
