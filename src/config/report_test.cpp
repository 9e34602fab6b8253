#include "config/report.hpp"

#include <gtest/gtest.h>

namespace aphex::config {
namespace {

const Source& source() {
  static const Source kSource("./my config.yaml", "a: \xc3\xa9\nb: 2\n");
  return kSource;
}

std::vector<Diagnostic> diagnostics() {
  return {{.id = "config/region",
           .severity = Severity::error,
           .span = {{1, 4}, {1, 5}},
           .message = "Unknown AWS region: \xc3\xa9",
           .hint = "did you mean x"},
          {.id = "config/unknown-key",
           .severity = Severity::warning,
           .span = {{2, 1}, {1, 1}},  // an end before the beginning is mended
           .message = "Unknown key: b",
           .hint = ""}};
}

TEST(JsonReport, says_whether_the_file_is_valid_and_where_each_problem_stands) {
  EXPECT_EQ(doc::to_json(to_json_report(source(), diagnostics())),
            R"({"file":"./my config.yaml","valid":false,"errors":1,"warnings":1,"diagnostics":[)"
            R"({"id":"config/region","severity":"error","message":"Unknown AWS region: é",)"
            R"("hint":"did you mean x","line":1,"column":4,"endLine":1,"endColumn":5},)"
            R"({"id":"config/unknown-key","severity":"warning","message":"Unknown key: b",)"
            R"("line":2,"column":1,"endLine":2,"endColumn":1}]})");
}

TEST(JsonReport, without_problems_is_valid) {
  EXPECT_EQ(doc::to_json(to_json_report(source(), {})),
            R"({"file":"./my config.yaml","valid":true,"errors":0,"warnings":0,"diagnostics":[]})");
}

TEST(Sarif, names_rules_regions_and_a_relative_uri) {
  const doc::Value sarif = to_sarif(source(), diagnostics(), "1.2.3");
  EXPECT_EQ(sarif.string_or("version", ""), "2.1.0");
  const doc::Value& run = sarif.find("runs")->as_array()->at(0);
  EXPECT_EQ(doc::to_json(*run.find({"tool", "driver"})),
            R"({"name":"aphex","version":"1.2.3","rules":[{"id":"config/region",)"
            R"("shortDescription":{"text":"A region is one of AWS"}},{"id":"config/unknown-key",)"
            R"("shortDescription":{"text":"Keys are those of the schema"}}]})");
  EXPECT_EQ(doc::to_json(run.find("results")->as_array()->at(1)),
            R"({"ruleId":"config/unknown-key","ruleIndex":1,"level":"warning",)"
            R"("message":{"text":"Unknown key: b"},"locations":[{"physicalLocation":)"
            R"({"artifactLocation":{"uri":"my%20config.yaml","uriBaseId":"%SRCROOT%"},)"
            R"("region":{"startLine":2,"startColumn":1,"endLine":2,"endColumn":1}}}]})");
  EXPECT_EQ(run.string_or("columnKind", ""), "unicodeCodePoints");
}

}  // namespace
}  // namespace aphex::config
