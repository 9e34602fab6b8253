// A run's stages: their graph, their steps, their stacks.
#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "base/text.hpp"
#include "engine/outputs.hpp"
#include "plan/stack_order.hpp"
#include "server/dashboard/query.hpp"
#include "server/dashboard/run_page.hpp"
#include "server/dashboard/stage_graph.hpp"
#include "store/run_text.hpp"

namespace aphex::server {
namespace {

using store::WorkState;

std::string anchor_of(const std::string& stage, int attempt) {
  return fmt::format("{}-{}", stage, attempt);
}

// By the directory that the deployment leaves its traces in (engine/run_paths.hpp).
std::string state_of_stack(const engine::RunPaths& paths, const plan::Environment& environment,
                           const std::string& stack, WorkState step) {
  if (step == WorkState::succeeded || step == WorkState::skipped) return "succeeded";
  std::error_code error;
  if (std::filesystem::exists(engine::stack_outputs_file(paths, environment.name, stack), error))
    return "succeeded";
  const std::filesystem::path events =
      paths.events(environment.name) / (engine::file_name_for(stack) + ".json");
  if (step == WorkState::failed && std::filesystem::exists(events, error)) return "failed";
  return "pending";
}

// What is under way is not recorded by stack; it is what may start: everything that it needs is
// there.
void mark_running(std::vector<GraphNode>& nodes) {
  for (GraphNode& node : nodes) {
    const bool ready = std::all_of(node.needs.begin(), node.needs.end(), [&](std::size_t need) {
      return nodes[need].state == "succeeded";
    });
    if (node.state == "pending" && ready) node.state = "running";
  }
}

std::string stacks_svg(const plan::Environment& environment, const engine::RunPaths& paths,
                       WorkState step) {
  const Result<plan::StackOrder> order = plan::order_stacks(environment);
  if (!order) return "";
  std::vector<GraphNode> nodes(environment.stacks.size());
  // Nodes in the order of deployment, so that a column reads from top to bottom.
  std::vector<std::size_t> place(environment.stacks.size());
  for (std::size_t i = 0; i < order->order.size(); ++i)
    place[order->order[i]] = i;
  for (std::size_t index = 0; index < environment.stacks.size(); ++index) {
    GraphNode& node = nodes[place[index]];
    node.name = environment.stacks[index].name;
    node.state = state_of_stack(paths, environment, node.name, step);
    node.column = order->wave[index];
    for (const plan::StackEdge& edge : order->edges[index])
      node.needs.push_back(place[edge.needs]);
  }
  if (step == WorkState::running) mark_running(nodes);
  return graph_svg(fmt::format("Stacks of {} in the order of their deployment", environment.name),
                   nodes);
}

View step_row(const RunFacts& facts, const store::StepRecord& step) {
  View row;
  const std::string_view state = store::to_string(step.state);
  row.set("sign", sign(state));
  row.set("state", std::string(state));
  row.set("title", step.title);
  row.set("id", step.id);
  row.set("lasted", lasted_html(step.started_at, step.ended_at));
  if (step.tries > 1) row.set("tries", std::to_string(step.tries));
  if (step.error) {
    row.set("error", *step.error);
  } else if (step.summary) {
    row.set("summary", *step.summary);
  }
  std::string path;
  for (const std::string& part : split(step.log, '/'))
    path += "/" + percent_encode(part);
  row.set("log", fmt::format("/runs/{}{}", facts.run.id, path));
  return row;
}

View attempt_of(const RunFacts& facts, const std::string& stage, int attempt) {
  View rows = list();
  for (const store::StepRecord& step : facts.steps) {
    if (step.stage_id == stage && step.attempt == attempt) rows.push_back(step_row(facts, step));
  }
  View view;
  view.set("attempt", std::to_string(attempt));
  view.set("steps", rows);
  return view;
}

std::string stacks_of(const RunFacts& facts, const store::StageRecord& stage,
                      const engine::RunPaths& paths) {
  if (!facts.plan || stage.kind != "deploy") return "";
  const plan::Stage* planned = plan::find_stage(*facts.plan, stage.id);
  if (planned == nullptr || !planned->environment) return "";
  WorkState state = stage.state == WorkState::pending ? WorkState::pending : WorkState::skipped;
  for (const store::StepRecord& step : facts.steps) {
    if (step.stage_id == stage.id && step.attempt == stage.attempt && step.kind == "deploy-stacks")
      state = step.state;
  }
  // Not begun: whether the stage waits, runs or failed before it.
  if (state == WorkState::skipped && stage.state != WorkState::succeeded)
    state = WorkState::pending;
  return stacks_svg(facts.plan->environments[*planned->environment], paths, state);
}

// What a stage will do that has not begun: the steps of its plan.
View planned_steps(const RunFacts& facts, const std::string& stage) {
  View rows = list();
  if (!facts.plan) return rows;
  const plan::Stage* planned = plan::find_stage(*facts.plan, stage);
  if (planned == nullptr) return rows;
  for (const plan::Step& step : planned->steps)
    rows.push_back(View("title", step.title));
  return rows;
}

}  // namespace

std::string stage_chain(const RunFacts& facts) {
  std::vector<GraphNode> nodes;
  std::map<std::string, std::size_t> index;
  for (const store::StageRecord& stage : facts.stages) {
    GraphNode node;
    node.name = stage.id;
    node.state = std::string(store::to_string(stage.state));
    node.detail = store::lasted(stage.started_at, stage.ended_at, now_millis());
    node.link = "#" + anchor_of(stage.id, stage.attempt);
    node.column = nodes.size();
    // Stages come one after another, whatever they need.
    if (!nodes.empty()) node.needs.push_back(nodes.size() - 1);
    nodes.push_back(std::move(node));
  }
  return nodes.empty() ? "" : graph_svg("Stages of the run", nodes);
}

View stage_sections(const RunFacts& facts, const engine::RunPaths& paths) {
  View sections = list();
  for (const store::StageRecord& stage : facts.stages) {
    View section;
    section.set("anchor", anchor_of(stage.id, stage.attempt));
    section.set("id", stage.id);
    section.set("badge", badge(store::to_string(stage.state)));
    section.set("lasted", lasted_html(stage.started_at, stage.ended_at));
    if (stage.attempt > 1) section.set("attempt", std::to_string(stage.attempt));
    if (stage.started_at) section.set("began", time_html(*stage.started_at));
    const View now = attempt_of(facts, stage.id, stage.attempt);
    section.set("steps", *now.get("steps"));
    section.set("has_steps", truth(!now.get("steps")->is_empty_list()));
    if (stage.state == WorkState::pending) {
      const View planned = planned_steps(facts, stage.id);
      section.set("planned", planned);
      section.set("has_planned", truth(!planned.is_empty_list()));
    }
    View earlier = list();
    for (int attempt = stage.attempt - 1; attempt >= 1; --attempt)
      earlier.push_back(attempt_of(facts, stage.id, attempt));
    section.set("earlier", earlier);
    if (std::string svg = stacks_of(facts, stage, paths); !svg.empty())
      section.set("stacks", std::move(svg));
    sections.push_back(section);
  }
  return sections;
}

}  // namespace aphex::server
