#include "plan/plan_diff.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.hpp"

namespace aphex::plan {
namespace {

using Kind = PlanChange::Kind;
using Changes = std::vector<PlanChange>;

struct Values {
  std::string before;
  std::string after;
};

void compare(Changes& changes, const std::string& where, std::string what, const Values& values) {
  if (values.before == values.after) return;
  changes.push_back({Kind::changed, where, std::move(what), values.before, values.after});
}

std::string list_text(const std::vector<std::string>& names) {
  return names.empty() ? "nothing" : join(names, ", ");
}

template <typename Item>
const Item* find_named(const std::vector<Item>& items, const std::string& name) {
  for (const Item& item : items) {
    if (item.name == name) return &item;
  }
  return nullptr;
}

std::string member_text(const doc::Value& object, const std::string& key) {
  const doc::Value* value = object.find(key);
  if (value == nullptr) return "not set";
  return value->is_string() ? *value->as_string() : doc::to_json(*value);
}

void compare_settings(Changes& changes, const doc::Value& before, const doc::Value& after) {
  std::vector<std::string> keys;
  for (const doc::Value* object : {&before, &after}) {
    if (object->as_object() == nullptr) continue;
    for (const doc::Member& member : *object->as_object()) {
      if (std::find(keys.begin(), keys.end(), member.first) == keys.end())
        keys.push_back(member.first);
    }
  }
  for (const std::string& key : keys) {
    compare(changes, "pipeline", "setting " + key,
            {member_text(before, key), member_text(after, key)});
  }
}

void compare_pipelines(Changes& changes, const Plan& before, const Plan& after) {
  compare(changes, "pipeline", "name", {before.pipeline, after.pipeline});
  const auto on_change = [](const Plan& plan) {
    return std::string(plan.on_change == config::OnChange::restart ? "restart" : "continue");
  };
  compare(changes, "pipeline", "on change", {on_change(before), on_change(after)});
  compare(changes, "pipeline", "stacks side by side",
          {std::to_string(before.max_parallel_stacks), std::to_string(after.max_parallel_stacks)});
  compare(changes, "pipeline", "bootstrap qualifier",
          {before.bootstrap_qualifier, after.bootstrap_qualifier});
  const auto store = [](const Plan& plan) {
    return plan.artifact_store.empty() ? "this machine" : plan.artifact_store;
  };
  compare(changes, "pipeline", "artifact store", {store(before), store(after)});
  compare_settings(changes, before.stack_settings, after.stack_settings);
}

void compare_stacks(Changes& changes, const Environment& before, const Environment& after) {
  const auto where = [&](const config::Stack& stack) {
    return fmt::format("stack {} of {}", stack.name, after.name);
  };
  for (const config::Stack& stack : after.stacks) {
    const config::Stack* old = find_named(before.stacks, stack.name);
    if (old == nullptr) {
      changes.push_back({Kind::added, where(stack), "", "", stack.path});
      continue;
    }
    compare(changes, where(stack), "file", {old->path, stack.path});
    compare(changes, where(stack), "depends on",
            {list_text(old->depends_on), list_text(stack.depends_on)});
  }
  for (const config::Stack& stack : before.stacks) {
    if (find_named(after.stacks, stack.name) == nullptr)
      changes.push_back({Kind::removed, where(stack), "", stack.path, ""});
  }
}

void compare_environments(Changes& changes, const Plan& before, const Plan& after) {
  for (const Environment& environment : after.environments) {
    const std::string where = "environment " + environment.name;
    const Environment* old = find_named(before.environments, environment.name);
    if (old == nullptr) {
      changes.push_back(
          {Kind::added, where, "", "",
           fmt::format("{} {}, {} stack{}", environment.account, environment.region,
                       environment.stacks.size(), environment.stacks.size() == 1 ? "" : "s")});
      continue;
    }
    compare(changes, where, "account", {old->account, environment.account});
    compare(changes, where, "region", {old->region, environment.region});
    compare_stacks(changes, *old, environment);
  }
  for (const Environment& environment : before.environments) {
    if (find_named(after.environments, environment.name) != nullptr) continue;
    changes.push_back({Kind::removed, "environment " + environment.name, "",
                       environment.account + " " + environment.region, ""});
  }
}

// What a step is for a person; a command by its words, whatever its number.
std::string step_text(const Step& step) {
  if (const auto* command = std::get_if<RunCommand>(&step.body)) return command->command;
  const auto* cache = std::get_if<RestoreCache>(&step.body);
  const auto* upload = std::get_if<UploadArtifacts>(&step.body);
  if (cache == nullptr && upload == nullptr) return step.title;
  const std::vector<std::string>& paths = cache != nullptr ? cache->paths : upload->paths;
  return paths.empty() ? step.title : step.title + ": " + join(paths, ", ");
}

std::vector<std::string> step_texts(const Stage& stage) {
  std::vector<std::string> texts;
  for (const Step& step : stage.steps)
    texts.push_back(step_text(step));
  return texts;
}

// The longest sequence that both have is what stays; the rest went or came.
void compare_steps(Changes& changes, const Stage& before, const Stage& after) {
  const std::vector<std::string> old = step_texts(before);
  const std::vector<std::string> now = step_texts(after);
  std::vector<std::vector<std::size_t>> longest(old.size() + 1,
                                                std::vector<std::size_t>(now.size() + 1, 0));
  for (std::size_t i = old.size(); i-- > 0;) {
    for (std::size_t j = now.size(); j-- > 0;) {
      longest[i][j] = old[i] == now[j] ? longest[i + 1][j + 1] + 1
                                       : std::max(longest[i + 1][j], longest[i][j + 1]);
    }
  }
  const std::string where = "stage " + after.id;
  std::size_t i = 0;
  std::size_t j = 0;
  while (i < old.size() || j < now.size()) {
    if (i < old.size() && j < now.size() && old[i] == now[j]) {
      ++i;
      ++j;
    } else if (j == now.size() || (i < old.size() && longest[i + 1][j] >= longest[i][j + 1])) {
      changes.push_back({Kind::removed, where, "step", old[i++], ""});
    } else {
      changes.push_back({Kind::added, where, "step", "", now[j++]});
    }
  }
}

void compare_stages(Changes& changes, const Plan& before, const Plan& after) {
  for (const Stage& stage : after.stages) {
    const std::string where = "stage " + stage.id;
    const Stage* old = find_stage(before, stage.id);
    if (old == nullptr) {
      changes.push_back(
          {Kind::added, where, "", "",
           fmt::format("{} step{}", stage.steps.size(), stage.steps.size() == 1 ? "" : "s")});
      continue;
    }
    compare(changes, where, "time limit",
            {human_duration(old->timeout.count() * 1000),
             human_duration(stage.timeout.count() * 1000)});
    compare(changes, where, "comes after", {list_text(old->needs), list_text(stage.needs)});
    compare_steps(changes, *old, stage);
  }
  for (const Stage& stage : before.stages) {
    if (find_stage(after, stage.id) == nullptr)
      changes.push_back({Kind::removed, "stage " + stage.id, "", "", ""});
  }
}

}  // namespace

std::vector<PlanChange> differences(const Plan& before, const Plan& after) {
  Changes changes;
  compare_pipelines(changes, before, after);
  compare_environments(changes, before, after);
  compare_stages(changes, before, after);
  // Whatever is not told above: an order, a name that stands for a number.
  if (changes.empty() && digest(before) != digest(after))
    changes.push_back({Kind::changed, "pipeline", "order or names of the same parts", "", ""});
  return changes;
}

}  // namespace aphex::plan
