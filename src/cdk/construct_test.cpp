#include "aphex/construct.hpp"

#include <gtest/gtest.h>

#include "aphex/app.hpp"
#include "aphex/stack.hpp"

namespace aphex {
namespace {

App pure_app() {
  return App(AppProps{});
}

std::vector<std::string> messages(const App& app) {
  std::vector<std::string> messages;
  for (const Problem& problem : app.node().problems_of_tree())
    messages.push_back(problem.path + ": " + problem.message);
  return messages;
}

TEST(Construct, KnowsItsPlaceInTheTree) {
  App app = pure_app();
  Construct outer(app, "Outer");
  auto& inner = outer.make<Construct>("Inner");
  EXPECT_EQ(inner.node().path(), "Outer/Inner");
  EXPECT_EQ(inner.node().scope(), &outer);
  EXPECT_EQ(&inner.node().root(), &app);
  EXPECT_EQ(outer.node().find_child("Inner"), &inner);
  EXPECT_EQ(outer.node().find_child("Nobody"), nullptr);
  EXPECT_EQ(inner.node().scopes(), (std::vector<const Construct*>{&app, &outer, &inner}));
}

TEST(Construct, KeepsItsChildrenInTheOrderOfTheirMaking) {
  App app = pure_app();
  auto& b = app.make<Construct>("b");
  Construct a(app, "a");
  auto& c = app.make<Construct>("c");
  EXPECT_EQ(app.node().children(), (std::vector<Construct*>{&b, &a, &c}));
}

TEST(Construct, LeavesItsScopeWhenItIsDestroyed) {
  App app = pure_app();
  {
    const Construct passing(app, "Passing");
    EXPECT_EQ(app.node().children().size(), 1U);
  }
  EXPECT_TRUE(app.node().children().empty());
  const Construct again(app, "Passing");
  EXPECT_EQ(messages(app), std::vector<std::string>{});
}

TEST(Construct, OutlivesItsScopeWithoutATree) {
  App app = pure_app();
  auto scope = std::make_unique<Stack>(app, "Scope");
  auto child = std::make_unique<Construct>(*scope, "Child");
  Construct grandchild(*child, "Grandchild");
  scope.reset();
  EXPECT_EQ(child->node().scope(), nullptr);
  EXPECT_EQ(child->node().stack(), nullptr);
  EXPECT_EQ(grandchild.node().stack(), nullptr);
  EXPECT_EQ(&grandchild.node().root(), child.get());
  EXPECT_TRUE(app.node().children().empty());
}

TEST(Construct, WrongIdsAreProblemsAndNothingIsThrown) {
  App app = pure_app();
  const Construct empty(app, "");
  const Construct slash(app, "a/b");
  const Construct first(app, "Twin");
  const Construct second(app, "Twin");
  EXPECT_EQ(messages(app),
            (std::vector<std::string>{": a construct with an empty id was added",
                                      ": the id 'a/b' holds a '/', which separates ids in a path",
                                      ": there are two constructs with the id 'Twin'"}));
  EXPECT_EQ(app.node().find_child("Twin"), &first);
}

TEST(Construct, ALockedPartOfTheTreeTakesNoMoreChildren) {
  App app = pure_app();
  Construct outer(app, "Outer");
  Construct inner(outer, "Inner");
  outer.node().lock();
  EXPECT_TRUE(inner.node().locked());
  EXPECT_FALSE(app.node().locked());
  const Construct late(inner, "Late");
  EXPECT_EQ(messages(app),
            std::vector<std::string>{
                "Outer/Inner: 'Late' was added after this part of the tree was locked"});
}

TEST(Construct, ContextIsInheritedAndTheNearestCounts) {
  App app(AppProps{.context = {{"size", "large"}, {"colour", "red"}}});
  Construct outer(app, "Outer");
  outer.node().set_context("size", "small");
  const Construct inner(outer, "Inner");
  EXPECT_EQ(inner.node().context("size"), Value("small"));
  EXPECT_EQ(inner.node().context("colour"), Value("red"));
  EXPECT_EQ(inner.node().context("weight"), std::nullopt);
  outer.node().set_context("late", true);
  EXPECT_EQ(messages(app).size(), 1U);
}

TEST(Construct, ForgetsDependenciesOnWhatIsGone) {
  App app = pure_app();
  Construct a(app, "A");
  {
    const Construct b(app, "B");
    a.node().add_dependency(b);
    EXPECT_EQ(a.node().dependencies(), std::vector<const Construct*>{&b});
  }
  EXPECT_TRUE(a.node().dependencies().empty());
  EXPECT_TRUE(app.assemble().ok());
}

TEST(Construct, ValidationsAreAskedAtSynthesis) {
  App app = pure_app();
  Construct picky(app, "Picky");
  int asked = 0;
  picky.node().add_validation([&asked] {
    ++asked;
    return std::vector<std::string>{"first", "second"};
  });
  EXPECT_EQ(asked, 0);
  const Synthesis synthesis = app.assemble();
  EXPECT_EQ(asked, 1);
  EXPECT_EQ(synthesis.problems,
            (std::vector<Problem>{{"Picky", "first", ""}, {"Picky", "second", ""}}));
}

TEST(Construct, ATreeAsDeepAsALoopIsAProblem) {
  App app = pure_app();
  Construct* at = &app;
  for (int depth = 0; depth < 1000; ++depth)
    at = &at->make<Construct>("x");
  const Synthesis synthesis = app.assemble();
  ASSERT_EQ(synthesis.problems.size(), 1U);
  EXPECT_EQ(synthesis.problems[0].message, "the tree is deeper than 200 constructs");
}

}  // namespace
}  // namespace aphex
