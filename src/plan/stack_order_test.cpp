#include "plan/stack_order.hpp"

#include <algorithm>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "plan/plan_test_support.hpp"

namespace aphex::plan {
namespace {

using Texts = std::vector<std::string>;
using Waves = std::vector<std::size_t>;

Texts ordered(const Environment& environment, const AssemblyDependencies& assembly = {}) {
  const auto order = order_stacks(environment, assembly);
  if (!order) return {order.error().message};
  Texts names;
  for (std::size_t index : order->order)
    names.push_back(environment.stacks[index].name);
  return names;
}

TEST(StackOrder, ties_keep_the_order_of_the_file) {
  EXPECT_EQ(ordered(environment_of({stack("C"), stack("A"), stack("B")})), (Texts{"C", "A", "B"}));
}

TEST(StackOrder, a_stack_comes_after_what_it_depends_on) {
  EXPECT_EQ(ordered(environment_of({stack("Api", {"Data"}), stack("Other"), stack("Data")})),
            (Texts{"Other", "Data", "Api"}));
}

TEST(StackOrder, waves_count_the_longest_way_to_a_stack_that_needs_nothing) {
  const Environment environment = environment_of(
      {stack("Top", {"Left", "Base"}), stack("Left", {"Base"}), stack("Base"), stack("Lone")});
  EXPECT_EQ(order_stacks(environment)->wave, (Waves{2, 1, 0, 0}));
}

TEST(StackOrder, the_assembly_adds_edges_that_the_file_does_not_name) {
  const Environment environment = environment_of({stack("Api"), stack("Data")});
  const AssemblyDependencies assembly{{"Api", {"Data"}}};
  EXPECT_EQ(ordered(environment, assembly), (Texts{"Data", "Api"}));
  const auto order = order_stacks(environment, assembly);
  ASSERT_EQ(order->edges[0].size(), 1U);
  EXPECT_EQ(order->edges[0][0].source, EdgeSource::assembly);
}

TEST(StackOrder, an_edge_of_both_sources_is_the_configurations) {
  const Environment environment = environment_of({stack("Data"), stack("Api", {"Data"})});
  const auto order = order_stacks(environment, {{"Api", {"Data", "Data"}}});
  ASSERT_EQ(order->edges[1].size(), 1U);
  EXPECT_EQ(order->edges[1][0].source, EdgeSource::configuration);
}

TEST(StackOrder, stacks_of_the_assembly_that_are_not_deployed_do_not_count) {
  const Environment environment = environment_of({stack("Api")});
  EXPECT_EQ(ordered(environment, {{"Api", {"Shared"}}, {"Shared", {"Api"}}}), Texts{"Api"});
}

TEST(StackOrder, a_cycle_of_both_sources_is_shown_as_a_path) {
  const Environment environment = environment_of({stack("A", {"B"}), stack("B"), stack("C")});
  const auto order = order_stacks(environment, {{"B", {"A"}}});
  ASSERT_FALSE(order.has_value());
  EXPECT_EQ(order.error().code, ErrorCode::invalid_config);
  EXPECT_EQ(order.error().message,
            "Circular dependency detected: A → B → A (environment dev; dependsOn together with the "
            "references between stacks that the CDK found)");
  EXPECT_EQ(order.error().hint,
            "remove the dependsOn that runs against the application's own references");
}

TEST(StackOrder, a_stack_that_needs_itself_is_a_cycle) {
  EXPECT_FALSE(order_stacks(environment_of({stack("A")}), {{"A", {"A"}}}).has_value());
}

// The place of each stack in the order.
std::vector<std::size_t> places(const StackOrder& order) {
  std::vector<std::size_t> place(order.order.size());
  for (std::size_t i = 0; i < order.order.size(); ++i)
    place[order.order[i]] = i;
  return place;
}

RC_GTEST_PROP(StackOrder, no_stack_comes_before_what_it_needs, ()) {
  const Environment environment = environment_of(any_stacks(20));
  const auto order = order_stacks(environment);
  RC_ASSERT(order.has_value());
  const std::vector<std::size_t> place = places(*order);
  for (std::size_t i = 0; i < environment.stacks.size(); ++i) {
    RC_ASSERT(order->edges[i].size() == environment.stacks[i].depends_on.size());
    for (const StackEdge& edge : order->edges[i]) {
      RC_ASSERT(place[edge.needs] < place[i]);
      RC_ASSERT(order->wave[edge.needs] < order->wave[i]);
    }
  }
}

RC_GTEST_PROP(StackOrder, every_stack_is_there_once, ()) {
  const Environment environment = environment_of(any_stacks(20));
  std::vector<std::size_t> order = order_stacks(environment)->order;
  std::sort(order.begin(), order.end());
  RC_ASSERT(order.size() == environment.stacks.size());
  for (std::size_t i = 0; i < order.size(); ++i)
    RC_ASSERT(order[i] == i);
}

RC_GTEST_PROP(StackOrder, of_two_neighbours_out_of_file_order_the_second_needs_something_newer,
              ()) {
  // A stack with a later place in the file goes first only where the other had to wait for it,
  // directly or not: in the order, a step back in the file is a dependency on the one before.
  const Environment environment = environment_of(any_stacks(20));
  const auto order = order_stacks(environment);
  for (std::size_t i = 1; i < order->order.size(); ++i) {
    const std::size_t before = order->order[i - 1];
    const std::size_t here = order->order[i];
    if (here > before) continue;
    const auto& edges = order->edges[here];
    RC_ASSERT(std::any_of(edges.begin(), edges.end(),
                          [&](const StackEdge& edge) { return edge.needs == before; }));
  }
}

}  // namespace
}  // namespace aphex::plan
