#include <map>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "base/text.hpp"
#include "config/config.hpp"
#include "config/messages.hpp"

namespace aphex::config {
namespace {

// A repository that has the files below, and answers as told for some others.
class FakeRepository final : public RepositoryView {
 public:
  PathKind classify(const std::string& path) const override {
    const auto found = kinds.find(path);
    return found == kinds.end() ? PathKind::missing : found->second;
  }
  std::vector<std::string> similar_files(const std::string&) const override {
    return {"lib/app-stack.ts"};
  }
  std::map<std::string, PathKind> kinds{{"lib/app-stack.ts", PathKind::file},
                                        {"lib/db.mts", PathKind::file},
                                        {"lib/dir.ts", PathKind::directory},
                                        {"lib/link.ts", PathKind::outside},
                                        {"lib/loop.ts", PathKind::too_deep}};
};

constexpr std::string_view kValid = R"(version: "1.0"
build:
  commands:
    - npm ci
environments:
  - name: dev
    region: us-east-1
    account: "123456789012"
    stacks:
      - name: StackA
        path: lib/app-stack.ts
)";

// The valid file with `from` replaced by `to`; `from` must be there.
std::string with(std::string_view from, std::string_view to) {
  const std::string text(kValid);
  EXPECT_NE(text.find(from), std::string::npos) << from;
  return replace_all(text, from, to);
}

std::string report(const std::string& text, UnknownKeys unknown_keys = UnknownKeys::warn) {
  const Source source("f", text);
  const LoadResult result = load(source, FakeRepository(), unknown_keys);
  EXPECT_NE(result.config.has_value(), has_errors(result.diagnostics));
  return render_text(source, result.diagnostics, Colour::never);
}

// "line:column severity: message | hint" of each problem.
std::string problems(const std::string& text, UnknownKeys unknown_keys = UnknownKeys::warn) {
  const Source source("f", text);
  const LoadResult result = load(source, FakeRepository(), unknown_keys);
  EXPECT_NE(result.config.has_value(), has_errors(result.diagnostics));
  std::string out;
  for (const Diagnostic& d : result.diagnostics) {
    out += std::to_string(d.span.begin.line) + ":" + std::to_string(d.span.begin.column) +
           (d.severity == Severity::error ? " " : " warning: ") + d.message;
    if (!d.hint.empty()) out += " | " + d.hint;
    out += "\n";
  }
  return out;
}

// The design's four messages, word for word.

TEST(Load, a_missing_region_is_named_by_its_path) {
  EXPECT_EQ(report(with("    region: us-east-1\n", "")),
            "f:6:5: error: Missing required field: environments[0].region\n"
            "    6 |   - name: dev\n"
            "      |     ^~~~\n"
            "      = hint: add 'region:'\n");
}

TEST(Load, an_account_of_eleven_digits_is_refused) {
  EXPECT_EQ(report(with("\"123456789012\"", "\"12345678901\"")),
            "f:8:14: error: Invalid AWS account ID format: must be 12 digits\n"
            "    8 |     account: \"12345678901\"\n"
            "      |              ^~~~~~~~~~~~~\n"
            "      = hint: found '12345678901', 11 characters\n");
}

TEST(Load, an_unknown_dependency_names_both_stacks) {
  EXPECT_EQ(report(std::string(kValid) + "      - name: DatabaseStack\n"
                                         "        path: lib/db.mts\n"
                                         "        dependsOn: [NonExistentStack]\n"),
            "f:14:21: error: Stack dependency not found: DatabaseStack depends on "
            "NonExistentStack\n"
            "   14 |         dependsOn: [NonExistentStack]\n"
            "      |                     ^~~~~~~~~~~~~~~~\n"
            "      = hint: stacks of this environment: StackA\n");
}

TEST(Load, a_cycle_is_a_path_and_points_to_the_entry_that_closes_it) {
  EXPECT_EQ(report(std::string(kValid) + "        dependsOn: [StackB]\n"
                                         "      - name: StackB\n"
                                         "        path: lib/db.mts\n"
                                         "        dependsOn:\n"
                                         "          - StackA\n"),
            "f:16:13: error: Circular dependency detected: StackA → StackB → StackA\n"
            "   16 |           - StackA\n"
            "      |             ^~~~~~\n"
            "      = hint: remove one dependency of the circle\n");
}

TEST(Load, a_stack_that_depends_on_itself_is_a_cycle) {
  EXPECT_EQ(problems(std::string(kValid) + "        dependsOn: [StackA]\n"),
            "12:21 Circular dependency detected: StackA → StackA | a stack cannot depend on "
            "itself\n");
}

// What a valid file becomes.

TEST(Load, a_file_with_the_designs_keys_only_is_valid) {
  const LoadResult result = load(Source("f", std::string(kValid)), FakeRepository());
  ASSERT_TRUE(result.config.has_value());
  EXPECT_TRUE(result.diagnostics.empty());
  EXPECT_EQ(result.config->build.commands, std::vector<std::string>{"npm ci"});
  EXPECT_EQ(result.config->build.cache, std::vector<std::string>{"node_modules"});
  const Environment& dev = result.config->environments.at(0);
  EXPECT_EQ(dev.name, "dev");
  EXPECT_EQ(dev.region, "us-east-1");
  EXPECT_EQ(dev.account, "123456789012");
  EXPECT_EQ(dev.stacks.at(0).path, "lib/app-stack.ts");
  EXPECT_TRUE(dev.test_commands.empty());
  EXPECT_EQ(result.config->timeouts.deploy, std::chrono::hours(2));
}

TEST(Load, optional_settings_are_read) {
  const std::string text = std::string(kValid) +
                           "      - {name: B, path: lib/db.mts, dependsOn: [StackA]}\n"
                           "    hooks: {beforeDeploy: [a], afterDeploy: [b, c]}\n"
                           "    tests: {commands: [npm test]}\n"
                           "timeouts: {build: 1h30m, test: 90s}\n"
                           "pipeline:\n"
                           "  name: archon\n"
                           "  onChange: continue\n"
                           "  maxParallelStacks: 0x10\n"
                           "  artifactStore: s3://my-bucket/runs\n"
                           "  additionalRegions: [xx-new-1]\n"
                           "  githubBranch: main\n"
                           "  artifactRetentionDays: 30\n"
                           "  webhook: {type: ingress, host: hooks.example.com}\n"
                           "  unheard: 1\n";
  const LoadResult result = load(Source("f", text), FakeRepository());
  ASSERT_TRUE(result.config.has_value()) << problems(text);
  const Config& config = *result.config;
  EXPECT_EQ(config.environments[0].stacks[1].depends_on, std::vector<std::string>{"StackA"});
  EXPECT_EQ(config.environments[0].hooks.after_deploy, (std::vector<std::string>{"b", "c"}));
  EXPECT_EQ(config.environments[0].test_commands, std::vector<std::string>{"npm test"});
  EXPECT_EQ(config.timeouts.build, std::chrono::minutes(90));
  EXPECT_EQ(config.timeouts.test, std::chrono::seconds(90));
  EXPECT_EQ(config.pipeline.on_change, OnChange::proceed);
  EXPECT_EQ(config.pipeline.max_parallel_stacks, 16U);
  EXPECT_EQ(config.pipeline.artifact_store, "s3://my-bucket/runs");
  EXPECT_EQ(doc::to_json(config.pipeline.stack_settings),
            R"({"githubBranch":"main","artifactRetentionDays":30,)"
            R"("webhook":{"type":"ingress","host":"hooks.example.com"}})");
}

TEST(Load, anchors_under_x_keys_and_merge_keys_work) {
  const std::string text =
      "x-place: &place {region: us-east-1, account: \"000000000001\"}\n" +
      with("    region: us-east-1\n    account: \"123456789012\"\n", "    <<: *place\n");
  const LoadResult result = load(Source("f", text), FakeRepository(), UnknownKeys::reject);
  ASSERT_TRUE(result.config.has_value()) << problems(text);
  EXPECT_EQ(result.config->environments[0].account, "000000000001");
}

TEST(Load, a_problem_in_a_repeated_value_is_reported_once) {
  const std::string text =
      "x-stacks: &stacks [{name: A, path: ../a.ts}]\n" +
      with("\n      - name: StackA\n        path: lib/app-stack.ts\n", " *stacks\n") +
      "  - {name: prod, region: us-east-1, account: \"210987654321\", stacks: *stacks}\n";
  EXPECT_EQ(problems(text),
            "1:36 Stack path must not contain '..': ../a.ts | write it from the repository's "
            "root\n");
}

// Version and accounts.

TEST(Load, the_version_is_exactly_1_0_and_quoted) {
  EXPECT_EQ(problems(with("\"1.0\"", "1.0")),
            "1:10 Version without quotes: YAML reads 1.0 as a number, and the version is a text | "
            "quote it: version: \"1.0\"\n");
  EXPECT_EQ(problems(with("\"1.0\"", "'1.0'")), "");
  for (const char* wrong : {"1", "\"1\"", "1.00", "\"2.0\"", "\" 1.0\"", "\"\""}) {
    EXPECT_NE(problems(with("\"1.0\"", wrong)).find("1:10 Unsupported version: '"),
              std::string::npos)
        << wrong;
  }
  EXPECT_EQ(problems(with("\"1.0\"", "[1.0]")),
            "1:10 Wrong type of version: expected a string, found a list\n");
}

TEST(Load, an_unquoted_account_has_its_own_message) {
  EXPECT_EQ(problems(with("\"123456789012\"", "012345678901")),
            "8:14 AWS account ID without quotes: YAML reads a number and drops a leading zero | "
            "quote it: account: \"012345678901\"\n");
  EXPECT_EQ(problems(with("\"123456789012\"", "12345678901")),
            "8:14 Invalid AWS account ID format: must be 12 digits | quote it, with all zeros in "
            "front: account: \"012345678901\"\n");
  EXPECT_EQ(problems(with("\"123456789012\"", "1.5")),
            "8:14 Invalid AWS account ID format: must be 12 digits | write 12 digits in quotes: "
            "account: \"123456789012\"\n");
}

// Regions.

TEST(Load, regions_are_those_of_aws_or_added_by_the_file) {
  EXPECT_EQ(problems(with("us-east-1", "us-esat-1")),
            "7:13 Unknown AWS region: us-esat-1 | did you mean us-east-1\n");
  EXPECT_EQ(problems(with("us-east-1", "us-east-1a")),
            "7:13 us-east-1a is an availability zone, not a region | write us-east-1\n");
  EXPECT_EQ(problems(with("us-east-1", "us-west-2-lax-1")),
            "7:13 us-west-2-lax-1 is a zone of us-west-2, not a region | write us-west-2\n");
  EXPECT_EQ(problems(with("us-east-1", "zz-moon-1")),
            "7:13 Unknown AWS region: zz-moon-1 | for a region newer than this program: "
            "pipeline.additionalRegions\n");
  EXPECT_EQ(
      problems(with("us-east-1", "zz-moon-1") + "pipeline: {additionalRegions: [zz-moon-1]}\n"),
      "");
  for (const char* region : {"us-gov-west-1", "eusc-de-east-1", "il-central-1", "cn-north-1"}) {
    EXPECT_EQ(problems(with("us-east-1", region)), "");
  }
}

// Structure.

TEST(Load, every_missing_field_is_reported_at_once) {
  EXPECT_EQ(problems("x-a: 1\n"),
            "1:1 Missing required field: version | add 'version:'\n"
            "1:1 Missing required field: build | add 'build:'\n"
            "1:1 Missing required field: environments | add 'environments:'\n");
  EXPECT_EQ(problems("version: \"1.0\"\nbuild: {}\nenvironments: [{}, {stacks: [{}]}]\n"),
            "2:8 Missing required field: build.commands | add 'commands:'\n"
            "3:16 Missing required field: environments[0].name | add 'name:'\n"
            "3:16 Missing required field: environments[0].region | add 'region:'\n"
            "3:16 Missing required field: environments[0].account | add 'account:'\n"
            "3:16 Missing required field: environments[0].stacks | add 'stacks:'\n"
            "3:21 Missing required field: environments[1].name | add 'name:'\n"
            "3:21 Missing required field: environments[1].region | add 'region:'\n"
            "3:21 Missing required field: environments[1].account | add 'account:'\n"
            "3:30 Missing required field: environments[1].stacks[0].name | add 'name:'\n"
            "3:30 Missing required field: environments[1].stacks[0].path | add 'path:'\n");
}

TEST(Load, a_key_without_a_value_is_a_missing_field) {
  EXPECT_EQ(problems(with("region: us-east-1", "region:")),
            "7:5 Missing required field: environments[0].region | the key is there, its value is "
            "not\n");
}

TEST(Load, lists_that_must_not_be_empty_are_not) {
  EXPECT_EQ(problems("version: \"1.0\"\nbuild: {commands: []}\nenvironments: []\n"),
            "2:19 Empty list: build.commands needs at least one command\n"
            "3:15 Empty list: environments needs at least one environment\n");
}

TEST(Load, lists_that_may_be_empty_are_warned_of) {
  const std::string text = with("\n      - name: StackA\n        path: lib/app-stack.ts\n",
                                " []\n    tests: {commands: []}\n");
  EXPECT_EQ(problems(text, UnknownKeys::reject),
            "9:13 warning: Environment dev deploys nothing: its list of stacks is empty\n"
            "10:23 warning: Environment dev has no test stage: its list of test commands is empty "
            "| remove 'tests:', or add a command\n");
}

TEST(Load, wrong_types_show_the_right_form) {
  EXPECT_EQ(problems(with("\n    - npm ci", " npm ci")),
            "3:13 Wrong type of build.commands: expected a list of strings, found a string | "
            "write each item on its own line: - npm ci\n");
  EXPECT_EQ(problems(with("npm ci", "echo a: b")),
            "4:7 Wrong type of build.commands[0]: expected a string, found a mapping | quote a "
            "text that contains ': '\n");
  EXPECT_EQ(problems(with("name: dev", "name: 1")),
            "6:11 Wrong type of environments[0].name: expected a string, found an integer | quote "
            "it: \"1\"\n");
  EXPECT_EQ(problems(with("      - name: StackA\n        path", "      name: StackA\n      path")),
            "10:7 Wrong type of environments[0].stacks: expected a list of mappings, found a "
            "mapping | begin each item with '- '\n");
  EXPECT_EQ(problems(std::string(kValid) + "timeouts:\n"),
            "12:10 Wrong type of timeouts: expected a mapping, found nothing | give it a value, or "
            "remove the key\n");
  EXPECT_EQ(problems("just text"),
            "1:1 Expected a mapping with the keys version, build and environments, found a "
            "string\n");
}

TEST(Load, unknown_keys_are_warnings_or_errors_with_a_suggestion) {
  const std::string text = with("    - npm ci", "    - npm ci\n  artefacts: [dist]\n  zzz: 1");
  EXPECT_EQ(problems(text),
            "5:3 warning: Unknown key: build.artefacts | did you mean artifacts\n"
            "6:3 warning: Unknown key: build.zzz | known keys: commands, artifacts, cache\n");
  EXPECT_EQ(problems(text, UnknownKeys::reject),
            "5:3 Unknown key: build.artefacts | did you mean artifacts\n"
            "6:3 Unknown key: build.zzz | known keys: commands, artifacts, cache\n");
  EXPECT_EQ(problems(with("name: dev", "x-note: 1\n    name: dev"), UnknownKeys::reject),
            "6:5 Unknown key: environments[0].x-note | known keys: name, region, account, stacks, "
            "tests, hooks, approval\n");
}

TEST(Load, a_yaml_problem_does_not_hide_the_others) {
  EXPECT_EQ(problems(with("region: us-east-1", "region: *nowhere\n    name: prod")),
            "7:13 Undefined alias: *nowhere | mark a value above with &nowhere, or quote a text "
            "that begins with '*'\n"
            "8:5 Duplicate key: name, first at line 6, column 5 | remove one of them\n");
}

// Names.

TEST(Load, environment_names_are_unique_and_fit_stage_names) {
  EXPECT_EQ(
      problems(std::string(kValid) +
               "  - {name: dev, region: eu-west-1, account: \"210987654321\", stacks: [{name: "
               "A, path: lib/app-stack.ts}]}\n"),
      "12:12 Duplicate environment name: dev, first at line 6, column 11 | give each "
      "environment its own name\n");
  EXPECT_EQ(problems(with("name: dev", "name: my env")),
            "6:11 Invalid environments[0].name: 'my env' is not at most 40 letters, digits and "
            "'-', the first a letter or digit\n");
  EXPECT_EQ(problems(with("name: dev", "name: " + std::string(40, 'a'))), "");
  EXPECT_NE(problems(with("name: dev", "name: " + std::string(41, 'a'))), "");
}

TEST(Load, stack_names_are_unique_within_an_environment) {
  EXPECT_EQ(problems(std::string(kValid) + "      - {name: StackA, path: lib/db.mts}\n"),
            "12:16 Duplicate stack name: StackA, first at line 10, column 15 | name each stack of "
            "an environment once\n");
}

TEST(Load, stack_names_may_be_paths_of_the_construct_tree) {
  EXPECT_EQ(problems(with("StackA", "Prod/Api_Stack")), "");
  EXPECT_NE(problems(with("StackA", "Api_Stack")), "");
  EXPECT_NE(problems(with("StackA", "/Api")), "");
}

TEST(Load, two_environments_with_the_same_target_and_stack_are_warned_of) {
  EXPECT_EQ(problems(std::string(kValid) + "      - {name: B, path: lib/db.mts}\n"
                                           "  - name: staging\n"
                                           "    region: us-east-1\n"
                                           "    account: \"123456789012\"\n"
                                           "    stacks:\n"
                                           "      - {name: StackA, path: lib/db.mts}\n"
                                           "      - {name: B, path: lib/db.mts}\n"),
            "17:16 warning: Environments dev and staging both deploy StackA and 1 more to account "
            "123456789012 in us-east-1 | the later overwrites the earlier unless the application "
            "gives each its own stackName\n");
}

TEST(Load, an_account_of_zeros_is_a_placeholder) {
  EXPECT_EQ(problems(with("123456789012", "000000000000")),
            "8:14 warning: Environment dev has a placeholder for its account: 000000000000 | 'aws "
            "sts get-caller-identity' says which account you are in; the local AWS takes any\n");
}

TEST(Load, dependencies_stay_within_their_environment_and_are_named_once) {
  EXPECT_EQ(problems(std::string(kValid) +
                     "  - name: prod\n"
                     "    region: us-east-1\n"
                     "    account: \"210987654321\"\n"
                     "    stacks:\n"
                     "      - {name: B, path: lib/db.mts, dependsOn: [StackA]}\n"
                     "      - {name: StackC, path: lib/db.mts, dependsOn: [Stackc, B, B]}\n"),
            "16:49 Stack dependency not found: B depends on StackA | StackA is a stack of "
            "environment dev; dependencies stay within one environment\n"
            "17:54 Stack dependency not found: StackC depends on Stackc | stacks of this "
            "environment: B\n"
            "17:65 warning: StackC names its dependency B twice | remove one of them\n");
}

TEST(Load, every_separate_cycle_is_reported) {
  EXPECT_EQ(
      problems(std::string(kValid) + "      - {name: B, path: lib/db.mts, dependsOn: [C]}\n"
                                     "      - {name: C, path: lib/db.mts, dependsOn: [StackA, D]}\n"
                                     "      - {name: D, path: lib/db.mts, dependsOn: [B]}\n"
                                     "      - {name: E, path: lib/db.mts, dependsOn: [F]}\n"
                                     "      - {name: F, path: lib/db.mts, dependsOn: [E]}\n"),
      "14:49 Circular dependency detected: B → C → D → B | remove one dependency of the "
      "circle\n"
      "16:49 Circular dependency detected: E → F → E | remove one dependency of the "
      "circle\n");
}

// Commands and paths.

TEST(Load, blank_commands_and_control_characters_are_refused) {
  EXPECT_EQ(problems(with("npm ci", "\" \\n\"")),
            "4:7 Blank command: build.commands[0] | remove it, or write a command\n");
  EXPECT_EQ(problems(with("npm ci", "\"a\\0b\"")),
            "4:7 Control character in a command: build.commands[0] | remove control character "
            "U+0000\n");
  EXPECT_EQ(problems(with("npm ci", "\"a\\tb\\nc\"")), "");
  EXPECT_EQ(problems(with("npm ci", std::string(32769, 'x'))),
            "4:7 Command longer than 32768 characters: build.commands[0] | put it into a script "
            "of the repository\n");
}

struct PathCase {
  const char* path;
  const char* problem;
};

class StackPath : public testing::TestWithParam<PathCase> {};

TEST_P(StackPath, that_is_no_typescript_file_of_the_repository_is_explained) {
  EXPECT_EQ(problems(with("lib/app-stack.ts", GetParam().path)),
            std::string("11:15 ") + GetParam().problem + "\n");
}

INSTANTIATE_TEST_SUITE_P(
    Errors, StackPath,
    testing::Values(
        PathCase{"/lib/a.ts",
                 "Stack path must be relative to the repository: /lib/a.ts | write it from the "
                 "repository's root, such as lib/app-stack.ts"},
        PathCase{"../a.ts",
                 "Stack path must not contain '..': ../a.ts | write it from the repository's root"},
        PathCase{"lib/../../a.ts",
                 "Stack path must not contain '..': lib/../../a.ts | write it from "
                 "the repository's root"},
        PathCase{"lib\\a.ts",
                 "Stack path contains a backslash: lib\\a.ts | separate folders with '/'"},
        PathCase{"lib/a.d.ts",
                 "Stack path names a declaration file, which defines no stack: "
                 "lib/a.d.ts | name the .ts file beside it"},
        PathCase{"lib/a.tsx",
                 "Stack path must name a TypeScript file: lib/a.tsx | its name ends in "
                 ".ts, .mts or .cts"},
        PathCase{"lib/a.js",
                 "Stack path must name a TypeScript file: lib/a.js | its name ends in "
                 ".ts, .mts or .cts"},
        PathCase{"lib/dir.ts",
                 "Stack path is no regular file: lib/dir.ts | name the TypeScript file "
                 "of the stack"},
        PathCase{"lib/link.ts",
                 "Stack path leaves the repository through a link: lib/link.ts | name "
                 "a file inside the repository"},
        PathCase{"lib/loop.ts", "Stack path passes too many links or folders: lib/loop.ts"},
        PathCase{"lib/ap-stack.ts",
                 "Stack file not found: lib/ap-stack.ts | did you mean lib/app-stack.ts"},
        PathCase{"src/zzzzzzzzzzzzzzzzzzzzzzz.ts",
                 "Stack file not found: src/zzzzzzzzzzzzzzzzzzzzzzz.ts | files near it: "
                 "lib/app-stack.ts"},
        PathCase{"\"\"",
                 "Empty path: environments[0].stacks[0].path | name the TypeScript file of "
                 "the stack"},
        PathCase{"\"a\\x01.ts\"",
                 "Control character in a stack path: a .ts | remove control character U+0001"}));

// Optional settings.

TEST(Load, settings_of_the_pipeline_are_checked) {
  EXPECT_EQ(problems(std::string(kValid) + "pipeline:\n"
                                           "  onChange: restrat\n"
                                           "  maxParallelStacks: 33\n"
                                           "  bootstrapQualifier: too-long-name\n"
                                           "  artifactStore: gs://bucket\n"
                                           "  argoVersion: 3.6\n"
                                           "  logRetentionDays: 2\n"
                                           "  auditTrail: yes\n"
                                           "  images: {1a: x, build: \"\"}\n"
                                           "  githubRepos: x\n"),
            "13:13 Invalid pipeline.onChange: 'restrat' is not restart or continue | did you mean "
            "restart\n"
            "14:22 pipeline.maxParallelStacks must be between 1 and 32, found 33\n"
            "15:23 Invalid pipeline.bootstrapQualifier: 'too-long-name' is not 1 to 10 letters, "
            "digits, '_' and '-'\n"
            "16:18 Invalid pipeline.artifactStore: 'gs://bucket' is not s3://bucket, "
            "s3://bucket/prefix or a directory\n"
            "17:16 Wrong type of pipeline.argoVersion: expected a string, found a number | quote "
            "it: \"3.6\"\n"
            "18:21 pipeline.logRetentionDays must be one of 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, "
            "180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653; found 2\n"
            "19:15 Wrong type of pipeline.auditTrail: expected a boolean, found a string | write "
            "true or false\n"
            "20:12 Invalid key of pipeline.images: '1a' is not a stage or 'default'\n"
            "20:26 Invalid pipeline.images.build: '' is not a container image's reference\n"
            "21:3 warning: Unknown key: pipeline.githubRepos | did you mean githubRepo\n");
}

TEST(Load, timeouts_are_durations_from_one_second_to_a_day) {
  EXPECT_EQ(problems(std::string(kValid) +
                     "timeouts: {validate: 0s, build: 24h1s, deploy: 30, test: 5 minutes}\n"),
            "12:22 timeouts.validate must be between 1s and 24h, found 0s\n"
            "12:33 timeouts.build must be between 1s and 24h, found 24h1s\n"
            "12:48 Wrong type of timeouts.deploy: expected a duration, found an integer | add the "
            "unit: 30s\n"
            "12:58 Invalid timeouts.test: '5 minutes' is not a duration such as 90s, 30m or "
            "1h30m\n");
  EXPECT_EQ(problems(std::string(kValid) + "timeouts: {validate: 1s, build: 24h}\n"), "");
}

constexpr std::string_view kStacks = "    stacks:\n";

std::string with_approval(std::string_view approval) {
  return with(kStacks, fmt::format("    approval: {}\n{}", approval, kStacks));
}

std::optional<Approval> approval_of(std::string_view approval) {
  const Source source("f", with_approval(approval));
  const LoadResult result = load(source, FakeRepository());
  EXPECT_TRUE(result.config) << approval;
  return result.config ? result.config->environments.front().approval : std::nullopt;
}

TEST(Load, an_environment_is_approved_by_named_people_or_by_anybody) {
  EXPECT_FALSE(load(Source("f", std::string(kValid)), FakeRepository())
                   .config->environments.front()
                   .approval);

  const std::optional<Approval> anybody = approval_of("{}");
  ASSERT_TRUE(anybody);
  EXPECT_TRUE(anybody->approvers.empty());
  EXPECT_EQ(anybody->quorum, 1U);
  EXPECT_EQ(anybody->expires, std::chrono::hours(24));
  EXPECT_FALSE(anybody->self_approval);

  const std::optional<Approval> named = approval_of(
      "{approvers: [ada, grace@example.org], quorum: 2, expires: 168h, selfApproval: true}");
  ASSERT_TRUE(named);
  EXPECT_EQ(named->approvers, (std::vector<std::string>{"ada", "grace@example.org"}));
  EXPECT_EQ(named->quorum, 2U);
  EXPECT_EQ(named->expires, std::chrono::hours(168));
  EXPECT_TRUE(named->self_approval);
}

TEST(Load, an_approval_that_nobody_could_give_is_explained) {
  EXPECT_EQ(problems(with_approval("{approvers: [ada, ada, grace], quorum: 3, expires: 169h}")),
            "9:33 Approver is named twice: ada | a person counts once; name each one once\n"
            "9:54 Quorum of environment dev is 3, but only 2 people are named who may approve | "
            "name more approvers, or write quorum: 2\n"
            "9:66 environments[0].approval.expires must be between 1s and 168h, found 169h\n");
  EXPECT_EQ(problems(with_approval("{approvers: [\"a b\", 7], quorum: 0, selfApproval: 1}")),
            "9:28 Invalid environments[0].approval.approvers[0]: 'a b' is not a person's name: at "
            "most 128 letters, digits and _.@:/+=,-, the first a letter or digit\n"
            "9:35 Wrong type of environments[0].approval.approvers[1]: expected a string, found an "
            "integer | quote it: \"7\"\n"
            "9:47 environments[0].approval.quorum must be between 1 and 20, found 0\n"
            "9:64 Wrong type of environments[0].approval.selfApproval: expected a boolean, found "
            "an integer | write true or false\n");
  EXPECT_EQ(problems(with_approval("true")),
            "9:15 Wrong type of environments[0].approval: expected a mapping, found a boolean\n");
}

RC_GTEST_PROP(Load, a_valid_file_with_a_piece_removed_is_valid_or_explained, ()) {
  const std::string text(kValid);
  const auto from = *rc::gen::inRange<std::size_t>(0, text.size());
  const auto count = *rc::gen::inRange<std::size_t>(1, 30);
  const Source source("f", std::string(text).erase(from, count));
  const LoadResult result = load(source, FakeRepository());
  RC_ASSERT(result.config.has_value() != has_errors(result.diagnostics));
  render_text(source, result.diagnostics, Colour::never);
}

RC_GTEST_PROP(Load, problems_come_in_the_order_of_the_file, ()) {
  std::string text(kValid);
  for (int i = *rc::gen::inRange(1, 6); i > 0; --i) {
    text[*rc::gen::inRange<std::size_t>(0, text.size())] =
        *rc::gen::elementOf(std::string("x1: -\n[{\""));
  }
  const LoadResult result = load(Source("f", text), FakeRepository());
  for (std::size_t i = 1; i < result.diagnostics.size(); ++i) {
    RC_ASSERT(result.diagnostics[i - 1].span.begin <= result.diagnostics[i].span.begin);
  }
}

TEST(Messages, every_id_of_the_configuration_is_in_the_table_of_rules) {
  const Source source("f", "a: 1\n");
  for (const Diagnostic& diagnostic : load(source, FakeRepository()).diagnostics) {
    const auto rules = messages::all_rules();
    EXPECT_TRUE(std::any_of(rules.begin(), rules.end(), [&](const auto& rule) {
      return rule.id == diagnostic.id;
    })) << diagnostic.id;
  }
}

}  // namespace
}  // namespace aphex::config
