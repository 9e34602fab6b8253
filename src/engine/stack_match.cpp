#include "engine/stack_match.hpp"

#include <algorithm>
#include <optional>
#include <set>
#include <unordered_map>

#include <fmt/format.h>

#include "base/text.hpp"

namespace aphex::engine {
namespace {

// Longer lists are cut: a person reads the suggestion first.
constexpr std::size_t kMaxListed = 12;

using NameIndex = std::unordered_map<std::string, std::vector<std::size_t>>;

struct Names {
  NameIndex by_name;
  NameIndex by_id;
  NameIndex by_physical_name;
};

Names index_names(const Assembly& assembly) {
  Names names;
  for (std::size_t i = 0; i < assembly.stacks.size(); ++i) {
    names.by_name[assembly.stacks[i].name].push_back(i);
    names.by_id[assembly.stacks[i].id].push_back(i);
    names.by_physical_name[assembly.stacks[i].physical_name].push_back(i);
  }
  return names;
}

std::string list_names(const std::vector<std::string>& names) {
  if (names.size() <= kMaxListed) return join(names, ", ");
  const std::span<const std::string> shown(names.data(), kMaxListed);
  return fmt::format("{} and {} more", join(shown, ", "), names.size() - kMaxListed);
}

std::vector<std::string> all_names(const Assembly& assembly) {
  std::vector<std::string> names;
  for (const AssemblyStack& stack : assembly.stacks)
    names.push_back(stack.name);
  return names;
}

void erase_word(std::string& text, std::string_view word) {
  if (word.empty()) return;
  if (const std::size_t at = text.find(word); at != std::string::npos) text.erase(at, word.size());
}

// What people mean by a name: ArchonInfrastructure-dev, Dev/ArchonInfrastructureStack and
// ArchonInfrastructureStack are the same to them.
std::string stem(std::string_view name, const std::string& environment) {
  std::string result = to_lower(name.substr(name.rfind('/') + 1));
  std::erase_if(result, [](char c) { return !((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')); });
  erase_word(result, "stack");
  const std::string rest = to_lower(environment);
  if (result.size() > rest.size()) erase_word(result, rest);
  return result;
}

std::optional<std::string> suggestion(const std::string& name, const std::string& environment,
                                      const std::vector<std::string>& candidates) {
  std::vector<std::string> stems;
  for (const std::string& candidate : candidates)
    stems.push_back(stem(candidate, environment));
  const std::string wanted = stem(name, environment);
  std::optional<std::string> near;
  if (std::find(stems.begin(), stems.end(), wanted) != stems.end()) {
    near = wanted;
  } else if (auto close = closest_match(name, candidates)) {
    return close;
  } else {
    near = closest_match(wanted, stems);
  }
  if (!near) return std::nullopt;
  // Of several with the same stem, the one that names this environment.
  std::optional<std::string> found;
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    if (stems[i] != *near) continue;
    const bool ours = to_lower(candidates[i]).find(to_lower(environment)) != std::string::npos;
    if (!found || ours) found = candidates[i];
    if (ours) break;
  }
  return found;
}

std::string address(const plan::Environment& environment) {
  return fmt::format("aws://{}/{}", environment.account, environment.region);
}

bool goes_elsewhere(const plan::Environment& environment, const AssemblyStack& stack) {
  return stack.account.value_or(environment.account) != environment.account ||
         stack.region.value_or(environment.region) != environment.region;
}

class Matcher {
 public:
  Matcher(const plan::Environment& environment, const Assembly& assembly)
      : environment_(environment), assembly_(assembly), names_(index_names(assembly)) {}

  StackMatch run() {
    for (const config::Stack& stack : environment_.stacks) {
      if (const auto found = find(stack.name)) {
        accept(stack.name, *found);
      } else {
        missing_.push_back(stack.name);
      }
    }
    report_missing();
    note_unused();
    return std::move(match_);
  }

 private:
  std::optional<std::size_t> find(const std::string& name) {
    for (const NameIndex* index : {&names_.by_name, &names_.by_id, &names_.by_physical_name}) {
      const auto found = index->find(name);
      if (found == index->end()) continue;
      std::vector<std::size_t> here;
      for (std::size_t i : found->second) {
        if (!goes_elsewhere(environment_, assembly_.stacks[i])) here.push_back(i);
      }
      const std::vector<std::size_t>& chosen = here.empty() ? found->second : here;
      if (chosen.size() == 1) return chosen.front();
      std::vector<std::string> names;
      for (std::size_t i : chosen)
        names.push_back(assembly_.stacks[i].name);
      match_.problems.push_back(
          fmt::format("{} means several stacks of the app: {}; use one of "
                      "these names",
                      name, list_names(names)));
      return chosen.front();
    }
    return std::nullopt;
  }

  void accept(const std::string& name, std::size_t index) {
    const AssemblyStack& stack = assembly_.stacks[index];
    if (!used_.insert(index).second) {
      match_.problems.push_back(
          fmt::format("{} is configured twice, the second time as {}", stack.name, name));
    }
    if (stack.name != name) {
      match_.notes.push_back(
          fmt::format("{} is the app's stack {} (`cdk ls`); CloudFormation calls it {}", name,
                      stack.name, stack.physical_name));
    }
    if (goes_elsewhere(environment_, stack)) {
      match_.problems.push_back(fmt::format("{} goes to {} in the app, but environment {} is {}",
                                            name, environment_address(stack), environment_.name,
                                            address(environment_)));
    }
    match_.stacks.push_back(index);
  }

  void report_missing() {
    const std::vector<std::string> candidates = all_names(assembly_);
    for (std::size_t i = 0; i < missing_.size(); ++i) {
      std::string problem = missing_[i] + " is not in the app";
      if (i == 0) {
        problem +=
            candidates.empty() ? ", which has no stacks" : "; it has " + list_names(candidates);
      }
      if (const auto near = suggestion(missing_[i], environment_.name, candidates)) {
        problem += fmt::format("; did you mean {}?", *near);
      }
      match_.problems.push_back(std::move(problem));
    }
  }

  void note_unused() {
    std::vector<std::string> unused;
    for (std::size_t i = 0; i < assembly_.stacks.size(); ++i) {
      const AssemblyStack& stack = assembly_.stacks[i];
      if (!used_.contains(i) && !goes_elsewhere(environment_, stack)) unused.push_back(stack.name);
    }
    if (unused.empty()) return;
    match_.notes.push_back(fmt::format("the app also has {}, which {} does not deploy",
                                       list_names(unused), environment_.name));
  }

  const plan::Environment& environment_;
  const Assembly& assembly_;
  Names names_;
  std::set<std::size_t> used_;
  std::vector<std::string> missing_;
  StackMatch match_;
};

}  // namespace

StackMatch match_stacks(const plan::Environment& environment, const Assembly& assembly) {
  return Matcher(environment, assembly).run();
}

plan::AssemblyDependencies assembly_dependencies(const plan::Environment& environment,
                                                 const Assembly& assembly,
                                                 const StackMatch& match) {
  std::unordered_map<std::size_t, std::string> configured;
  for (std::size_t i = 0; i < match.stacks.size(); ++i)
    configured.emplace(match.stacks[i], environment.stacks[i].name);
  plan::AssemblyDependencies result;
  for (std::size_t i = 0; i < match.stacks.size(); ++i) {
    std::vector<std::string>& needs = result[environment.stacks[i].name];
    // Through stacks that are not deployed here: their order still binds those that are.
    std::set<std::size_t> seen{match.stacks[i]};
    std::vector<std::size_t> open = assembly.stacks[match.stacks[i]].needs;
    for (std::size_t at = 0; at < open.size(); ++at) {
      if (!seen.insert(open[at]).second) continue;
      if (const auto name = configured.find(open[at]); name != configured.end()) {
        needs.push_back(name->second);
        continue;
      }
      const std::vector<std::size_t>& next = assembly.stacks[open[at]].needs;
      open.insert(open.end(), next.begin(), next.end());
    }
  }
  return result;
}

std::vector<std::string> foreign_dependencies(const plan::Environment& environment,
                                              const Assembly& assembly, const StackMatch& match) {
  const std::set<std::size_t> configured(match.stacks.begin(), match.stacks.end());
  std::vector<std::string> notes;
  for (std::size_t i = 0; i < match.stacks.size(); ++i) {
    for (std::size_t need : assembly.stacks[match.stacks[i]].needs) {
      if (configured.contains(need)) continue;
      notes.push_back(
          fmt::format("warning: {} needs {}, which environment {} does not deploy; it "
                      "must be there already",
                      environment.stacks[i].name, assembly.stacks[need].name, environment.name));
    }
  }
  return notes;
}

std::vector<std::string> agnostic_stacks(const plan::Environment& environment,
                                         const Assembly& assembly, const StackMatch& match) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < match.stacks.size(); ++i) {
    const AssemblyStack& stack = assembly.stacks[match.stacks[i]];
    if (!stack.account || !stack.region) names.push_back(environment.stacks[i].name);
  }
  return names;
}

}  // namespace aphex::engine
