#include "plan/render.hpp"

#include <algorithm>
#include <unordered_map>

#include <fmt/format.h>

#include "base/text.hpp"
#include "plan/stack_order.hpp"

namespace aphex::plan {
namespace {

using doc::Value;

// An environment's order with what is asked of it again and again, so that a plan of thousands of
// stacks renders in linear time.
class Explanation {
 public:
  static Result<Explanation> of(const Environment& environment) {
    APHEX_TRY(StackOrder order, order_stacks(environment));
    return Explanation(environment, std::move(order));
  }

  const StackOrder& order() const { return order_; }

  std::string reason(std::size_t stack) const {
    const std::vector<StackEdge>& edges = order_.edges[stack];
    if (edges.empty()) return "needs no other stack";
    std::vector<std::string> names;
    names.reserve(edges.size());
    for (const StackEdge& edge : edges)
      names.push_back(name(edge.needs));
    std::string text = "after " + join(names, ", ");
    // Of several, the one that stands last in the order is what it really waits for.
    if (edges.size() > 1) {
      const auto last =
          std::max_element(edges.begin(), edges.end(), [&](const StackEdge& a, const StackEdge& b) {
            return place_[a.needs] < place_[b.needs];
          });
      text += fmt::format("; the last of them is {}", name(last->needs));
    }
    return text;
  }

  // Those of its wave, in order; empty where it stands alone.
  std::string beside(std::size_t stack) const {
    // A line of fifty names explains nothing.
    constexpr std::size_t kMaxNames = 4;
    const std::vector<std::size_t>& wave = waves_[order_.wave[stack]];
    if (wave.size() - 1 > kMaxNames) return fmt::format("{} others", wave.size() - 1);
    std::vector<std::string> names;
    for (std::size_t other : wave) {
      if (other != stack) names.push_back(name(other));
    }
    return join(names, ", ");
  }

 private:
  Explanation(const Environment& environment, StackOrder order)
      : environment_(environment), order_(std::move(order)), place_(order_.order.size()) {
    for (std::size_t place = 0; place < order_.order.size(); ++place) {
      const std::size_t stack = order_.order[place];
      place_[stack] = place;
      if (order_.wave[stack] >= waves_.size()) waves_.resize(order_.wave[stack] + 1);
      waves_[order_.wave[stack]].push_back(stack);
    }
  }
  const std::string& name(std::size_t stack) const { return environment_.stacks[stack].name; }

  const Environment& environment_;
  StackOrder order_;
  std::vector<std::size_t> place_;               // by stack index: where it stands in the order
  std::vector<std::vector<std::size_t>> waves_;  // the stacks of each wave, in order
};

void append_stacks(std::string& out, const Environment& environment,
                   const Explanation& explanation) {
  std::size_t width = 0;
  for (const config::Stack& stack : environment.stacks) {
    width = std::max(width, utf8_length(stack.name));
  }
  const std::vector<std::size_t>& order = explanation.order().order;
  for (std::size_t place = 0; place < order.size(); ++place) {
    const std::string& name = environment.stacks[order[place]].name;
    std::string why = explanation.reason(order[place]);
    const std::string others = explanation.beside(order[place]);
    if (!others.empty()) why += "; side by side with " + others;
    fmt::format_to(std::back_inserter(out), "     {:>3}. {}{}  {}\n", place + 1, name,
                   std::string(width - utf8_length(name), ' '), why);
  }
}

std::string dot_quote(std::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

// In quotes everything stands for itself but these; Mermaid writes its entities with '#'.
// https://mermaid.js.org/syntax/flowchart.html#entity-codes-to-escape-characters
std::string mermaid_label(std::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    if (std::string_view("\"#&<>`\\;").find(c) != std::string_view::npos) {
      fmt::format_to(std::back_inserter(out), "#{};", static_cast<int>(c));
    } else {
      out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
  }
  return out + "\"";
}

std::string stage_label(const Plan& plan, const Stage& stage) {
  if (!stage.environment) return stage.id;
  const Environment& environment = plan.environments[*stage.environment];
  return fmt::format("{} ({} {})", stage.id, environment.account, environment.region);
}

void append_mermaid_stacks(std::string& out, const Environment& environment, std::size_t number) {
  fmt::format_to(std::back_inserter(out), "  subgraph e{}[{}]\n", number,
                 mermaid_label(environment.name));
  std::unordered_map<std::string_view, std::size_t> index;
  for (std::size_t i = 0; i < environment.stacks.size(); ++i) {
    index.emplace(environment.stacks[i].name, i);
    fmt::format_to(std::back_inserter(out), "    e{}_{}[{}]\n", number, i,
                   mermaid_label(environment.stacks[i].name));
  }
  for (std::size_t i = 0; i < environment.stacks.size(); ++i) {
    for (const std::string& need : environment.stacks[i].depends_on) {
      const auto found = index.find(need);
      if (found == index.end()) continue;
      fmt::format_to(std::back_inserter(out), "    e{0}_{1} --> e{0}_{2}\n", number, found->second,
                     i);
    }
  }
  out += "  end\n";
}

}  // namespace

Result<std::string> render_text(const Plan& plan, Detail detail) {
  std::string out =
      fmt::format("Pipeline {}: {} stages, {} environment{}\nPlan {}\n\n", plan.pipeline,
                  plan.stages.size(), plan.environments.size(),
                  plan.environments.size() == 1 ? "" : "s", digest(plan).substr(0, 12));
  for (std::size_t i = 0; i < plan.stages.size(); ++i) {
    const Stage& stage = plan.stages[i];
    fmt::format_to(std::back_inserter(out), "{:>2}. {}", i + 1, stage.id);
    if (stage.environment) {
      const Environment& environment = plan.environments[*stage.environment];
      fmt::format_to(std::back_inserter(out), "  account {}, {}", environment.account,
                     environment.region);
    }
    out += '\n';
    for (const Step& step : stage.steps) {
      const bool command = std::holds_alternative<RunCommand>(step.body);
      if (detail == Detail::steps || command) {
        fmt::format_to(std::back_inserter(out), "     {} {}\n", command ? "$" : "-", step.title);
      }
      // In their place, so that one sees which hooks come before and which after.
      if (std::holds_alternative<DeployStacks>(step.body) && stage.environment) {
        const Environment& environment = plan.environments[*stage.environment];
        APHEX_TRY(const Explanation explanation, Explanation::of(environment));
        append_stacks(out, environment, explanation);
      }
    }
  }
  return out;
}

Result<Value> render_json(const Plan& plan) {
  Value value = to_value(plan);
  value.set("digest", digest(plan));
  Value::Array orders;
  for (const Environment& environment : plan.environments) {
    APHEX_TRY(const Explanation explanation, Explanation::of(environment));
    const StackOrder& order = explanation.order();
    Value::Array stacks;
    stacks.reserve(order.order.size());
    for (std::size_t stack : order.order) {
      stacks.push_back(Value::object({{"name", environment.stacks[stack].name},
                                      {"wave", static_cast<std::int64_t>(order.wave[stack])},
                                      {"reason", explanation.reason(stack)}}));
    }
    orders.push_back(
        Value::object({{"environment", environment.name}, {"stacks", std::move(stacks)}}));
  }
  value.set("deploymentOrder", std::move(orders));
  return value;
}

std::string render_graphviz(const Plan& plan) {
  std::string out =
      fmt::format("digraph {} {{\n  rankdir=LR;\n  node [shape=box];\n", dot_quote(plan.pipeline));
  for (const Stage& stage : plan.stages) {
    fmt::format_to(std::back_inserter(out), "  {} [label={}, style=filled, fillcolor={}];\n",
                   dot_quote(stage.id), dot_quote(stage_label(plan, stage)),
                   stage.environment ? "\"#e8f5e9\"" : "\"#e1f5ff\"");
    for (const std::string& need : stage.needs) {
      fmt::format_to(std::back_inserter(out), "  {} -> {};\n", dot_quote(need),
                     dot_quote(stage.id));
    }
  }
  for (const Environment& environment : plan.environments) {
    fmt::format_to(std::back_inserter(out), "  subgraph {} {{\n    label={};\n",
                   dot_quote("cluster_" + environment.name), dot_quote(environment.name));
    for (const config::Stack& stack : environment.stacks) {
      const std::string id = environment.name + "/" + stack.name;
      fmt::format_to(std::back_inserter(out), "    {} [label={}];\n", dot_quote(id),
                     dot_quote(stack.name));
      for (const std::string& need : stack.depends_on) {
        fmt::format_to(std::back_inserter(out), "    {} -> {};\n",
                       dot_quote(environment.name + "/" + need), dot_quote(id));
      }
    }
    out += "  }\n";
    if (environment.stacks.empty()) continue;
    fmt::format_to(std::back_inserter(out), "  {} -> {} [style=dotted];\n",
                   dot_quote("deploy-" + environment.name),
                   dot_quote(environment.name + "/" + environment.stacks.front().name));
  }
  return out + "}\n";
}

std::string render_mermaid(const Plan& plan) {
  std::string out = "flowchart LR\n";
  std::vector<std::string> deploy_nodes(plan.environments.size());
  for (std::size_t i = 0; i < plan.stages.size(); ++i) {
    const Stage& stage = plan.stages[i];
    fmt::format_to(std::back_inserter(out), "  s{}[{}]\n", i,
                   mermaid_label(stage_label(plan, stage)));
    // The stages are a chain, so what a stage needs is the one before it.
    if (!stage.needs.empty() && i > 0) {
      fmt::format_to(std::back_inserter(out), "  s{} --> s{}\n", i - 1, i);
    }
    if (stage.kind == StageKind::deploy && stage.environment) {
      deploy_nodes[*stage.environment] = fmt::format("s{}", i);
    }
  }
  for (std::size_t e = 0; e < plan.environments.size(); ++e) {
    append_mermaid_stacks(out, plan.environments[e], e);
    if (!deploy_nodes[e].empty()) {
      fmt::format_to(std::back_inserter(out), "  {} -.-> e{}\n", deploy_nodes[e], e);
    }
  }
  return out;
}

}  // namespace aphex::plan
