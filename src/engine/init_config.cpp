#include "engine/init_config.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <set>

#include <fmt/format.h>

#include "base/graph.hpp"
#include "base/text.hpp"
#include "config/config.hpp"
#include "config/placeholder.hpp"
#include "doc/yaml_text.hpp"

namespace aphex::engine {
namespace {

using doc::YamlText;

// Stands in for what the application does not say, as config::kPlaceholderAccount does.
constexpr std::string_view kPlaceholderRegion = "us-east-1";

// Words that name environments, in the order in which people deploy to them.
constexpr std::array<std::string_view, 11> kEnvironmentWords{
    "dev",     "development", "test", "qa",   "uat",       "stage",
    "staging", "preprod",     "beta", "prod", "production"};

struct Group {
  std::string word;  // from the stage or the stacks' names; may be empty
  std::optional<std::string> account;
  std::optional<std::string> region;
  std::vector<std::size_t> stacks;  // indices into Assembly::stacks
  std::string name;

  bool fits(const AssemblyStack& stack) const {
    return account == stack.account && region == stack.region;
  }
};

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// Words of "ArchonAgent-dev", "Prod/Api" and "ApiProdStack", in lower case.
std::vector<std::string> words_of(std::string_view name) {
  std::vector<std::string> words(1);
  char before = '-';
  for (const char c : name) {
    const bool upper = c >= 'A' && c <= 'Z';
    const bool after_lower = (before >= 'a' && before <= 'z') || (before >= '0' && before <= '9');
    if (!is_letter_or_digit(c) || (upper && after_lower)) words.emplace_back();
    if (is_letter_or_digit(c)) words.back() += c;
    before = c;
  }
  for (std::string& word : words)
    word = to_lower(word);
  return words;
}

// A stage's name, or a word that names an environment; empty where there is neither.
std::string environment_word(const std::string& name) {
  if (const std::size_t slash = name.find('/'); slash != std::string::npos) {
    return to_lower(name.substr(0, slash));
  }
  for (const std::string& word : words_of(name)) {
    if (std::find(kEnvironmentWords.begin(), kEnvironmentWords.end(), word) !=
        kEnvironmentWords.end()) {
      return word;
    }
  }
  return {};
}

std::vector<Group> group_stacks(const Assembly& assembly) {
  std::vector<Group> groups;
  for (std::size_t i = 0; i < assembly.stacks.size(); ++i) {
    const AssemblyStack& stack = assembly.stacks[i];
    const std::string word = environment_word(stack.name);
    const auto found = std::find_if(groups.begin(), groups.end(), [&](const Group& group) {
      return group.word == word && group.fits(stack);
    });
    if (found != groups.end()) {
      found->stacks.push_back(i);
    } else {
      groups.push_back({word, stack.account, stack.region, {i}, {}});
    }
  }
  return groups;
}

// Stacks without a word of their own go with the one environment that their account has.
void merge_unnamed(std::vector<Group>& groups) {
  for (std::size_t i = 0; i < groups.size(); ++i) {
    if (!groups[i].word.empty()) continue;
    std::vector<std::size_t> others;
    for (std::size_t j = 0; j < groups.size(); ++j) {
      if (j != i && groups[j].account == groups[i].account &&
          groups[j].region == groups[i].region) {
        others.push_back(j);
      }
    }
    if (others.size() != 1) continue;
    std::vector<std::size_t>& into = groups[others.front()].stacks;
    into.insert(into.end(), groups[i].stacks.begin(), groups[i].stacks.end());
    std::sort(into.begin(), into.end());
    groups.erase(groups.begin() + static_cast<std::ptrdiff_t>(i));
    return merge_unnamed(groups);
  }
}

std::size_t rank(const Group& group) {
  const auto found = std::find(kEnvironmentWords.begin(), kEnvironmentWords.end(), group.word);
  return static_cast<std::size_t>(found - kEnvironmentWords.begin());
}

// Letters, digits and hyphens; unique.
void name_groups(std::vector<Group>& groups, const std::string& fallback) {
  std::set<std::string> taken;
  for (Group& group : groups) {
    std::string name = group.word;
    if (name.empty()) name = groups.size() == 1 ? fallback : group.account.value_or("shared");
    for (char& c : name) {
      if (!is_letter_or_digit(c)) c = '-';
    }
    if (taken.contains(name) && group.region) name += "-" + *group.region;
    const std::string base = name;
    for (int number = 2; taken.contains(name); ++number)
      name = fmt::format("{}-{}", base, number);
    taken.insert(name);
    group.name = name;
  }
}

// What a group's stacks need of one another, by position in the group, without what follows from
// the rest: Dashboard → Api → Data says that Dashboard comes after Data.
Needs reduced_needs(const Assembly& assembly, const Group& group) {
  const std::size_t count = group.stacks.size();
  std::map<std::size_t, std::size_t> position;
  for (std::size_t i = 0; i < count; ++i)
    position.emplace(group.stacks[i], i);
  Needs needs(count);
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t need : assembly.stacks[group.stacks[i]].needs) {
      if (const auto found = position.find(need); found != position.end()) {
        needs[i].push_back(found->second);
      }
    }
  }
  const auto order = topological_order(needs);
  if (!order) return needs;  // the CDK refuses cycles itself
  std::vector<std::set<std::size_t>> behind(count);
  for (std::size_t node : *order) {
    for (std::size_t need : needs[node]) {
      behind[node].insert(need);
      behind[node].insert(behind[need].begin(), behind[need].end());
    }
  }
  for (std::vector<std::size_t>& of : needs) {
    const std::vector<std::size_t> all = of;
    std::erase_if(of, [&](std::size_t need) {
      return std::any_of(all.begin(), all.end(),
                         [&](std::size_t other) { return behind[other].contains(need); });
    });
    std::sort(of.begin(), of.end());
  }
  return needs;
}

class Writer {
 public:
  explicit Writer(const AppFacts& facts) : facts_(facts) {}

  InitialConfig run() {
    std::vector<Group> groups = group_stacks(facts_.assembly);
    merge_unnamed(groups);
    std::stable_sort(groups.begin(), groups.end(),
                     [](const Group& a, const Group& b) { return rank(a) < rank(b); });
    name_groups(groups, facts_.environment_name);
    note_changed_name(groups);
    std::vector<YamlText> environments;
    for (const Group& group : groups)
      environments.push_back(environment(group));
    YamlText root = YamlText::map(
        {{"version", YamlText::scalar(std::string(config::kVersion), YamlText::Style::quoted)},
         {"build",
          YamlText::map(
              {{"commands", YamlText::strings(facts_.build_commands)
                                .above({"Run in this order, by bash -eo pipefail, in a fresh "
                                        "clone of the commit."})}})},
         {"environments",
          YamlText::list(std::move(environments))
              .above({"Deployed in this order; the next one is reached when the tests of the one "
                      "before passed."})}});
    std::string text =
        std::move(root)
            .above({"What the pipeline builds, deploys and tests.",
                    "Written by `aphex init` from the application's own stacks; check it with",
                    "`aphex validate`, see its order with `aphex plan`."})
            .to_string();
    return {std::move(text), std::move(notes_)};
  }

 private:
  // The name that a person gave, where it is no environment's.
  void note_changed_name(const std::vector<Group>& groups) {
    const std::string& given = facts_.environment_name;
    if (groups.size() != 1 || !groups.front().word.empty() || groups.front().name == given) return;
    notes_.push_back(
        fmt::format("the environment is called {}: '{}' is no name of one (letters, "
                    "digits and '-')",
                    groups.front().name, given));
  }

  YamlText environment(const Group& group) {
    std::vector<YamlText::Member> members{{"name", YamlText::scalar(group.name)},
                                          {"region", region(group)},
                                          {"account", account(group)},
                                          {"stacks", stacks(group)}};
    if (!facts_.test_commands.empty()) {
      members.emplace_back("tests",
                           YamlText::map({{"commands", YamlText::strings(facts_.test_commands)}}));
    }
    return YamlText::map(std::move(members));
  }

  YamlText region(const Group& group) {
    if (group.region) return YamlText::scalar(*group.region);
    if (!facts_.region.empty()) {
      return YamlText::scalar(facts_.region)
          .beside("from AWS_REGION: the application leaves it open");
    }
    notes_.push_back(fmt::format("environment {}: the region is a placeholder", group.name));
    return YamlText::scalar(std::string(kPlaceholderRegion))
        .beside("placeholder: the application leaves it open; put the environment's region here");
  }

  YamlText account(const Group& group) {
    if (group.account) return YamlText::scalar(*group.account, YamlText::Style::quoted);
    notes_.push_back(fmt::format("environment {}: the account is a placeholder", group.name));
    return YamlText::scalar(std::string(config::kPlaceholderAccount), YamlText::Style::quoted)
        .beside("placeholder: the application leaves it open; put the environment's account here");
  }

  YamlText stacks(const Group& group) {
    const Needs needs = reduced_needs(facts_.assembly, group);
    std::vector<std::size_t> order;
    if (const auto sorted = topological_order(needs)) order = *sorted;
    std::vector<YamlText> items;
    for (std::size_t i : order) {
      const AssemblyStack& stack = facts_.assembly.stacks[group.stacks[i]];
      std::vector<YamlText::Member> members{{"name", YamlText::scalar(stack.name)},
                                            {"path", path(stack)}};
      std::vector<std::string> names;
      for (std::size_t need : needs[i])
        names.push_back(facts_.assembly.stacks[group.stacks[need]].name);
      if (!names.empty()) {
        members.emplace_back("dependsOn", YamlText::strings(names, YamlText::Style::one_line));
      }
      items.push_back(YamlText::map(std::move(members)));
    }
    return YamlText::list(std::move(items));
  }

  YamlText path(const AssemblyStack& stack) {
    const auto found = facts_.stack_files.find(stack.name);
    if (found != facts_.stack_files.end()) return YamlText::scalar(found->second);
    notes_.push_back(fmt::format("{}: the file that defines it was not found", stack.name));
    return YamlText::scalar("lib/" + to_lower(stack.id) + ".ts")
        .beside("placeholder: put the stack's TypeScript file here");
  }

  const AppFacts& facts_;
  std::vector<std::string> notes_;
};

}  // namespace

InitialConfig initial_config(const AppFacts& facts) {
  return Writer(facts).run();
}

}  // namespace aphex::engine
