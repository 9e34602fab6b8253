#include "engine/prepared_stacks.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "aws/services.hpp"
#include "base/text.hpp"
#include "engine/run_scope.hpp"

namespace aphex::engine {
namespace {

// Edges of the assembly that make a stack wait where dependsOn alone would not, not even through
// other stacks.
void note_added_edges(const plan::Environment& environment, const plan::StackOrder& order,
                      std::vector<std::string>& notes) {
  std::vector<std::set<std::size_t>> behind(order.edges.size());  // by stack, through any path
  for (std::size_t i : order.order) {
    for (const plan::StackEdge& edge : order.edges[i]) {
      behind[i].insert(edge.needs);
      behind[i].insert(behind[edge.needs].begin(), behind[edge.needs].end());
    }
  }
  for (std::size_t i : order.order) {
    for (const plan::StackEdge& edge : order.edges[i]) {
      const bool implied = std::any_of(
          order.edges[i].begin(), order.edges[i].end(),
          [&](const plan::StackEdge& other) { return behind[other.needs].contains(edge.needs); });
      if (edge.source != plan::EdgeSource::assembly || implied) continue;
      notes.push_back(
          fmt::format("{} waits for {}: the app's references need it (dependsOn does "
                      "not say so)",
                      environment.stacks[i].name, environment.stacks[edge.needs].name));
    }
  }
}

// The CLI deploys a stack without account and region to where its own credentials lead, which is
// the pipeline's account.
Status check_agnostic(StepContext& context, const plan::Environment& environment,
                      const std::vector<std::string>& names) {
  if (names.empty()) return {};
  APHEX_TRY(const aws::CallerIdentity caller,
            aws::get_caller_identity(context.services.aws, environment.region, context.cancel));
  if (caller.account == environment.account) return {};
  return fail(ErrorCode::invalid_config,
              fmt::format("{} of environment {} {} no account or region of {} own: the CDK would "
                          "deploy to account {} instead of {}",
                          join(names, ", "), environment.name, names.size() == 1 ? "has" : "have",
                          names.size() == 1 ? "its" : "their", caller.account, environment.account),
              "give the stack its environment in the app: env: { account: "
              "process.env.CDK_DEFAULT_ACCOUNT, region: process.env.CDK_DEFAULT_REGION }");
}

tl::unexpected<Error> problems(const plan::Environment& environment,
                               const std::vector<std::string>& found) {
  const std::string text = found.size() == 1
                               ? found.front()
                               : fmt::format("{} problems: {}", found.size(), join(found, "; "));
  return fail(
      ErrorCode::invalid_config,
      fmt::format("the stacks of environment {} do not match the app: {}", environment.name, text),
      "`cdk ls -c environment=" + environment.name + "` lists the app's stacks");
}

}  // namespace

Needs PreparedStacks::needs() const {
  Needs needs(order.edges.size());
  for (std::size_t i = 0; i < order.edges.size(); ++i) {
    for (const plan::StackEdge& edge : order.edges[i])
      needs[i].push_back(edge.needs);
  }
  return needs;
}

Result<PreparedStacks> prepare_stacks(StepContext& context, std::size_t environment) {
  const plan::Environment& of = context.plan.environments.at(environment);
  PreparedStacks prepared;
  APHEX_TRY(prepared.assembly, read_assembly(context.paths.assembly(of.name)));
  prepared.match = match_stacks(of, prepared.assembly);
  if (!prepared.match.problems.empty()) return problems(of, prepared.match.problems);
  std::vector<AssemblyStack> configured;
  for (const std::size_t stack : prepared.match.stacks)
    configured.push_back(prepared.assembly.stacks[stack]);
  APHEX_CHECK(check_branch_stacks(context, configured));
  APHEX_CHECK(check_agnostic(context, of, agnostic_stacks(of, prepared.assembly, prepared.match)));
  APHEX_TRY(prepared.order,
            plan::order_stacks(of, assembly_dependencies(of, prepared.assembly, prepared.match)));
  note_added_edges(of, prepared.order, prepared.match.notes);
  for (std::string& note : foreign_dependencies(of, prepared.assembly, prepared.match))
    prepared.match.notes.push_back(std::move(note));
  return prepared;
}

}  // namespace aphex::engine
