#include "base/graph.hpp"

#include <algorithm>
#include <set>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

namespace aphex {
namespace {

using Path = std::vector<std::size_t>;
using Paths = std::vector<Path>;

TEST(TopologicalOrder, ties_keep_the_order_of_the_indices) {
  EXPECT_EQ(topological_order({{}, {}, {}}), (Path{0, 1, 2}));
  EXPECT_EQ(topological_order({{2}, {}, {}}), (Path{1, 2, 0}));
  EXPECT_EQ(topological_order({}), Path{});
}

TEST(TopologicalOrder, there_is_none_with_a_cycle) {
  EXPECT_EQ(topological_order({{1}, {0}}), std::nullopt);
  EXPECT_EQ(topological_order({{0}}), std::nullopt);
}

TEST(FindCycles, a_cycle_starts_at_its_smallest_index_and_follows_the_needs) {
  EXPECT_EQ(find_cycles({{1}, {2}, {0}}), (Paths{{0, 1, 2}}));
  EXPECT_EQ(find_cycles({{}, {3}, {1}, {2}}), (Paths{{1, 3, 2}}));
  EXPECT_EQ(find_cycles({{0}}), (Paths{{0}}));
  EXPECT_EQ(find_cycles({{}, {0}}), Paths{});
}

TEST(FindCycles, separate_cycles_are_all_found) {
  EXPECT_EQ(find_cycles({{1}, {0}, {3}, {2}, {4}}), (Paths{{0, 1}, {2, 3}, {4}}));
}

TEST(FindCycles, of_connected_cycles_the_shortest_through_the_smallest_is_shown) {
  EXPECT_EQ(find_cycles({{1}, {2, 0}, {0}}), (Paths{{0, 1}}));
}

TEST(FindCycles, a_chain_of_100000_and_50000_small_cycles_take_no_long) {
  Needs chain(100000);
  for (std::size_t i = 1; i < chain.size(); ++i)
    chain[i] = {i - 1};
  EXPECT_TRUE(find_cycles(chain).empty());
  EXPECT_EQ(topological_order(chain)->back(), chain.size() - 1);
  Needs pairs(100000);
  for (std::size_t i = 0; i < pairs.size(); ++i)
    pairs[i] = {i ^ 1U};
  EXPECT_EQ(find_cycles(pairs).size(), pairs.size() / 2);
}

Needs any_graph() {
  const auto nodes = *rc::gen::inRange<std::size_t>(0, 12);
  Needs needs(nodes);
  for (auto& list : needs) {
    list = *rc::gen::container<Path>(rc::gen::inRange<std::size_t>(0, nodes));
    if (list.size() > 2) list.resize(2);
  }
  return needs;
}

RC_GTEST_PROP(Graph, either_there_is_an_order_or_there_are_cycles, ()) {
  const Needs needs = any_graph();
  RC_ASSERT(topological_order(needs).has_value() == find_cycles(needs).empty());
}

RC_GTEST_PROP(Graph, in_an_order_everything_stands_behind_what_it_needs, ()) {
  const Needs needs = any_graph();
  const auto order = topological_order(needs);
  RC_PRE(order.has_value());
  RC_ASSERT(order->size() == needs.size());
  std::set<std::size_t> done;
  for (const std::size_t node : *order) {
    for (const std::size_t need : needs[node])
      RC_ASSERT(done.count(need) == 1U);
    RC_ASSERT(done.insert(node).second);
  }
}

RC_GTEST_PROP(Graph, every_cycle_follows_the_needs_and_returns, ()) {
  const Needs needs = any_graph();
  for (const Path& cycle : find_cycles(needs)) {
    RC_ASSERT(*std::min_element(cycle.begin(), cycle.end()) == cycle.front());
    for (std::size_t i = 0; i < cycle.size(); ++i) {
      const auto& from = needs[cycle[i]];
      const std::size_t to = cycle[(i + 1) % cycle.size()];
      RC_ASSERT(std::find(from.begin(), from.end(), to) != from.end());
    }
  }
}

}  // namespace
}  // namespace aphex
