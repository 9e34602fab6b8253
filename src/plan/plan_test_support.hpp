#pragma once
// Configurations for this folder's tests: one by hand, and generated ones.

#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "config/config.hpp"
#include "plan/plan.hpp"

namespace aphex::plan {

inline config::Stack stack(std::string name, std::vector<std::string> depends_on = {}) {
  return {std::move(name), "lib/app-stack.ts", std::move(depends_on)};
}

inline Environment environment_of(std::vector<config::Stack> stacks) {
  return {"dev", "us-east-1", "111122223333", std::move(stacks)};
}

// Two environments; the second has hooks and no tests.
inline config::Config small_config() {
  config::Config config;
  config.build = {{"npm ci", "npm test"}, {"build"}, {"node_modules"}};
  config.environments.push_back({.name = "dev",
                                 .region = "us-east-1",
                                 .account = "111122223333",
                                 .stacks = {stack("Data"), stack("Api", {"Data"})},
                                 .test_commands = {"npm run smoke"},
                                 .hooks = {}});
  config.environments.push_back({.name = "prod",
                                 .region = "eu-west-1",
                                 .account = "222233334444",
                                 .stacks = {stack("Data")},
                                 .test_commands = {},
                                 .hooks = {{"./announce"}, {"./warm-up", "./tell"}}});
  return config;
}

inline std::vector<std::string> any_texts(int most) {
  std::vector<std::string> texts(static_cast<std::size_t>(*rc::gen::inRange(0, most + 1)));
  // Bytes of every kind, but JSON cannot keep those that are not UTF-8.
  for (std::string& text : texts)
    text = *rc::gen::container<std::string>(rc::gen::inRange<char>(1, 127));
  return texts;
}

// Stacks in any order of the file, without cycles; none, perhaps.
inline std::vector<config::Stack> any_stacks(int most) {
  const int count = *rc::gen::inRange(0, most + 1);
  std::vector<config::Stack> stacks;
  for (int i = 0; i < count; ++i) {
    config::Stack next = stack("Stack" + std::to_string(i));
    for (int earlier = 0; earlier < i; ++earlier) {
      if (*rc::gen::inRange(0, 3) == 0)
        next.depends_on.push_back(stacks[static_cast<std::size_t>(earlier)].name);
    }
    stacks.push_back(std::move(next));
  }
  // A permutation by sorting on random keys.
  std::vector<std::pair<int, config::Stack>> keyed;
  for (config::Stack& item : stacks)
    keyed.emplace_back(*rc::gen::inRange(0, 1'000'000), std::move(item));
  std::stable_sort(keyed.begin(), keyed.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  stacks.clear();
  for (auto& [key, item] : keyed)
    stacks.push_back(std::move(item));
  return stacks;
}

inline config::Config any_config() {
  config::Config config;
  config.build = {any_texts(4), any_texts(2), any_texts(2)};
  const int environments = *rc::gen::inRange(1, 5);
  for (int i = 0; i < environments; ++i) {
    config.environments.push_back({.name = "env" + std::to_string(i),
                                   .region = "us-east-1",
                                   .account = "00000000000" + std::to_string(i),
                                   .stacks = any_stacks(6),
                                   .test_commands = any_texts(2),
                                   .hooks = {any_texts(2), any_texts(2)}});
    if (*rc::gen::inRange(0, 2) == 0) {
      config.environments.back().approval = config::Approval{
          any_texts(3), *rc::gen::inRange<std::uint32_t>(1, 20),
          std::chrono::seconds(*rc::gen::inRange(1, 600'000)), *rc::gen::arbitrary<bool>()};
    }
  }
  config.pipeline.name = *rc::gen::element<std::string>("", "shop");
  config.pipeline.max_parallel_stacks = *rc::gen::inRange<std::uint32_t>(1, 100);
  config.pipeline.on_change =
      *rc::gen::element(config::OnChange::restart, config::OnChange::proceed);
  config.pipeline.stack_settings.set("clusterName", "arbiter");
  config.timeouts.test = std::chrono::seconds(*rc::gen::inRange(1, 100'000));
  return config;
}

}  // namespace aphex::plan
