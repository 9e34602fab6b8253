#include "server/api/openapi.hpp"

#include <map>
#include <set>

#include <gtest/gtest.h>

#include "base/text.hpp"
#include "doc/value.hpp"
#include "server/operate/metrics_text.hpp"
#include "server/route.hpp"

namespace aphex::server {
namespace {

// "GET /api/v1/runs/{}" and the role that it needs.
using Operations = std::map<std::string, std::string>;

Operations of_routes() {
  Operations found;
  for (const Route& route : all_routes()) {
    if (route.path.starts_with("/api/"))
      found.emplace(std::string(route.method) + " " + std::string(route.path),
                    to_string(route.access));
  }
  return found;
}

std::string without_names(const std::string& path) {
  std::string out;
  bool inside = false;
  for (const char c : path) {
    if (c == '}') inside = false;
    if (!inside) out += c;
    if (c == '{') inside = true;
  }
  return out;
}

Operations of_document() {
  const auto document = doc::parse_json(openapi_document());
  Operations found;
  for (const auto& [path, methods] : *document->find("paths")->as_object()) {
    for (const auto& [method, operation] : *methods.as_object())
      found.emplace(to_upper(method) + " " + without_names(path),
                    operation.string_or("x-aphex-role", ""));
  }
  return found;
}

TEST(OpenApi, DescribesEveryRouteWithItsRoleAndNoOther) {
  EXPECT_EQ(of_document(), of_routes());
  EXPECT_GE(of_routes().size(), 25U);
}

TEST(Routes, WhatChangesSomethingHasARoleAndANameInTheAuditLog) {
  for (const Route& route : all_routes()) {
    SCOPED_TRACE(std::string(route.method) + " " + std::string(route.path));
    if (route.method == "GET") continue;
    if (route.path.starts_with("/webhooks/")) continue;  // it is its own record
    EXPECT_FALSE(route.action.empty());
    if (route.path != "/login") {
      EXPECT_GT(route.access, Access::open);
    }
  }
}

TEST(Routes, AreEachThereOnce) {
  std::set<std::string> seen;
  for (const Route& route : all_routes())
    EXPECT_TRUE(seen.insert(std::string(route.method) + " " + std::string(route.path)).second)
        << route.path;
}

TEST(MetricsText, EscapesWhatALabelMayNotHave) {
  MetricsText text;
  text.family("runs", MetricType::gauge, "Runs.");
  text.sample({{"pipeline", "a\"b\\c\nd"}, {"state", "x"}}, 3);
  text.sample({}, 0.25, "_sum");
  EXPECT_EQ(text.take(),
            "# HELP runs Runs.\n# TYPE runs gauge\n"
            "runs{pipeline=\"a\\\"b\\\\c\\nd\",state=\"x\"} 3\nruns_sum 0.25\n");
}

}  // namespace
}  // namespace aphex::server
