#include "plan/stack_order.hpp"

#include <algorithm>
#include <unordered_map>

#include <fmt/format.h>

namespace aphex::plan {
namespace {

using Index = std::unordered_map<std::string, std::size_t>;

void add_edges(std::vector<StackEdge>& edges, const std::vector<std::string>& names,
               EdgeSource source, const Index& index) {
  for (const std::string& name : names) {
    const auto found = index.find(name);
    if (found == index.end()) continue;  // a stack that this environment does not deploy
    const bool known = std::any_of(edges.begin(), edges.end(), [&](const StackEdge& edge) {
      return edge.needs == found->second;
    });
    if (!known) edges.push_back({found->second, source});
  }
}

tl::unexpected<Error> cycle_error(const Environment& environment, const Needs& needs) {
  const std::vector<std::size_t> cycle = find_cycles(needs).front();
  std::string path;
  for (std::size_t node : cycle)
    path += environment.stacks[node].name + " → ";
  path += environment.stacks[cycle.front()].name;
  return fail(ErrorCode::invalid_config,
              fmt::format("Circular dependency detected: {} (environment {}; dependsOn together "
                          "with the references between stacks that the CDK found)",
                          path, environment.name),
              "remove the dependsOn that runs against the application's own references");
}

}  // namespace

Result<StackOrder> order_stacks(const Environment& environment,
                                const AssemblyDependencies& assembly) {
  const std::size_t count = environment.stacks.size();
  Index index;
  for (std::size_t i = 0; i < count; ++i)
    index.emplace(environment.stacks[i].name, i);

  StackOrder result;
  result.edges.resize(count);
  Needs needs(count);
  for (std::size_t i = 0; i < count; ++i) {
    const config::Stack& stack = environment.stacks[i];
    add_edges(result.edges[i], stack.depends_on, EdgeSource::configuration, index);
    if (const auto found = assembly.find(stack.name); found != assembly.end()) {
      add_edges(result.edges[i], found->second, EdgeSource::assembly, index);
    }
    for (const StackEdge& edge : result.edges[i])
      needs[i].push_back(edge.needs);
  }
  std::optional<std::vector<std::size_t>> order = topological_order(needs);
  if (!order) return cycle_error(environment, needs);
  result.order = std::move(*order);
  result.wave.assign(count, 0);
  for (std::size_t node : result.order) {
    for (std::size_t need : needs[node]) {
      result.wave[node] = std::max(result.wave[node], result.wave[need] + 1);
    }
  }
  return result;
}

}  // namespace aphex::plan
