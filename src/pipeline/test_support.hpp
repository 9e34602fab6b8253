#pragma once
// For the tests of this folder: the example's configuration, and settings that are enough.

#include <map>
#include <string>

#include <gtest/gtest.h>

#include "config/config.hpp"
#include "pipeline/settings.hpp"

namespace aphex::pipeline::testing_support {

inline constexpr std::string_view kConfiguration =
    "version: \"1.0\"\n"
    "build: {commands: [make]}\n"
    "environments:\n"
    "  - name: dev\n"
    "    region: us-east-1\n"
    "    account: \"111122223333\"\n"
    "    stacks:\n"
    "      - {name: ApiStack, path: lib/api.ts}\n";

inline config::Config configuration(const std::string& text) {
  config::LoadResult loaded =
      config::load(Source("aphex-config.yaml", text), config::UnseenRepository());
  for (const Diagnostic& diagnostic : loaded.diagnostics) {
    EXPECT_NE(diagnostic.severity, Severity::error) << diagnostic.message;
  }
  return loaded.config.value_or(config::Config{});
}

using Texts = std::map<std::string, std::string>;

// A layer whose values are texts, as flags and the environment give them.
inline Layer texts(LayerKind kind, const Texts& values) {
  Layer layer{kind, {}};
  for (const auto& [key, value] : values)
    layer.values.emplace(key, value);
  return layer;
}

inline Texts enough() {
  return {{"name", "archon-agent"},
          {"clusterName", "arbiter"},
          {"githubOwner", "bdchatham"},
          {"githubRepo", "ArchonAgent"},
          {"githubTokenSecretName", "github-token"},
          {"oidcIssuer", "oidc.eks.us-east-1.amazonaws.com/id/ABC123"}};
}

inline Texts enough_and(const Texts& more) {
  Texts all = enough();
  for (const auto& [key, value] : more)
    all[key] = value;
  return all;
}

inline Resolution resolve_flags(const Texts& flags,
                                const std::string& text = std::string(kConfiguration)) {
  return resolve(configuration(text), "ArchonAgent", {texts(LayerKind::flags, flags)});
}

inline std::vector<std::string> messages(const std::vector<SettingProblem>& problems) {
  std::vector<std::string> list;
  for (const SettingProblem& problem : problems)
    list.push_back(problem.message);
  return list;
}

}  // namespace aphex::pipeline::testing_support
