// What `aphex init` writes for applications, read back by the configuration's own rules.
#include "engine/init_config.hpp"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/config.hpp"
#include "engine/source_scan.hpp"
#include "os/fake_process.hpp"
#include "os/files.hpp"

namespace aphex::engine {
namespace {

using os::FakeProcessRunner;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

namespace fs = std::filesystem;

const fs::path kData = fs::path(APHEX_SOURCE_DIR) / "tests" / "data" / "assemblies";

class AnyFile final : public config::RepositoryView {
 public:
  config::PathKind classify(const std::string&) const override { return config::PathKind::file; }
  std::vector<std::string> similar_files(const std::string&) const override { return {}; }
};

config::LoadResult load(const std::string& text) {
  return config::load(aphex::Source("aphex-config.yaml", text), AnyFile(),
                      config::UnknownKeys::reject);
}

AppFacts facts_of(const std::string& assembly) {
  AppFacts facts;
  facts.assembly = *read_assembly(kData / assembly);
  for (const AssemblyStack& stack : facts.assembly.stacks)
    facts.stack_files.emplace(stack.name, "lib/stacks.ts");
  facts.build_commands = {"[ \"$APHEX_CACHE_HIT\" = exact ] || npm ci", "npm run build"};
  return facts;
}

TEST(InitialConfig, PutsStacksInOrderWithWhatTheyDependOn) {
  AppFacts facts = facts_of("archon");
  facts.stack_files.erase("ArchonAgentStack");
  facts.test_commands = {"npm run test:integration"};
  const InitialConfig written = initial_config(facts);
  EXPECT_EQ(written.text,
            R"(# What the pipeline builds, deploys and tests.
# Written by `aphex init` from the application's own stacks; check it with
# `aphex validate`, see its order with `aphex plan`.

version: "1.0"
build:
  # Run in this order, by bash -eo pipefail, in a fresh clone of the commit.
  commands:
    - '[ "$APHEX_CACHE_HIT" = exact ] || npm ci'
    - npm run build
# Deployed in this order; the next one is reached when the tests of the one before passed.
environments:
  - name: dev
    region: us-east-1
    account: "111122223333"
    stacks:
      - name: ArchonInfrastructureStack
        path: lib/stacks.ts
      - name: ArchonKnowledgeBaseStack
        path: lib/stacks.ts
        dependsOn: [ArchonInfrastructureStack]
      - name: ArchonAgentStack
        path: lib/archonagentstack.ts  # placeholder: put the stack's TypeScript file here
        dependsOn: [ArchonInfrastructureStack]
      - name: ArchonMonitoringDashboard
        path: lib/stacks.ts
        dependsOn: [ArchonKnowledgeBaseStack, ArchonAgentStack]
    tests:
      commands:
        - npm run test:integration
)");
  EXPECT_THAT(written.notes,
              ElementsAre("ArchonAgentStack: the file that defines it was not found"));
  const config::LoadResult loaded = load(written.text);
  EXPECT_THAT(loaded.diagnostics, IsEmpty());
  EXPECT_TRUE(loaded.config);
}

TEST(InitialConfig, MakesAnEnvironmentOfEachStage) {
  const InitialConfig written = initial_config(facts_of("staged"));
  const config::LoadResult loaded = load(written.text);
  ASSERT_TRUE(loaded.config) << written.text;
  ASSERT_EQ(loaded.config->environments.size(), 2U);
  const config::Environment& prod = loaded.config->environments[1];
  EXPECT_EQ(prod.name, "prod");
  EXPECT_EQ(prod.account, "333344445555");
  EXPECT_EQ(prod.region, "eu-west-1");
  ASSERT_EQ(prod.stacks.size(), 3U);
  EXPECT_EQ(prod.stacks[2].name, "Prod/Ui");
  EXPECT_THAT(prod.stacks[2].depends_on, ElementsAre("Prod/Api"));
}

TEST(InitialConfig, AGivenNameThatIsNoEnvironmentsIsChangedAndThatIsSaid) {
  AppFacts facts = facts_of("agnostic");
  facts.environment_name = "a_b";
  const InitialConfig written = initial_config(facts);
  EXPECT_THAT(written.text, HasSubstr("name: a-b"));
  EXPECT_EQ(written.notes.front(),
            "the environment is called a-b: 'a_b' is no name of one (letters, digits and '-')");
}

TEST(InitialConfig, MarksWhatTheApplicationLeavesOpen) {
  const InitialConfig written = initial_config(facts_of("agnostic"));
  EXPECT_THAT(written.text, HasSubstr("account: \"000000000000\"  # placeholder: "));
  EXPECT_THAT(written.notes, ElementsAre("environment dev: the region is a placeholder",
                                         "environment dev: the account is a placeholder"));
  EXPECT_TRUE(load(written.text).config) << written.text;
}

TEST(ScanSource, FindsStackClassesAndWhereTheyAreMade) {
  const SourceScan scan = scan_source(R"(
// class Commented extends cdk.Stack {}
/* new Commented(app, 'Commented') */
import * as cdk from 'aws-cdk-lib';
export class ApiStack extends cdk.Stack { }
class Plain { }
const app = new cdk.App();
new ApiStack(app, 'Api', { env });
new stacks.WebStack(this.scope, `Web-${name}`, {});
new DataStack(
  app,
  "Data-" + stage);
new Map([['a', 'b']]);
)");
  ASSERT_EQ(scan.classes.size(), 1U);
  EXPECT_EQ(scan.classes[0].name, "ApiStack");
  EXPECT_EQ(scan.classes[0].base, "Stack");
  ASSERT_EQ(scan.instances.size(), 3U);
  EXPECT_EQ(scan.instances[0].id, "Api");
  EXPECT_EQ(scan.instances[1].class_name, "WebStack");
  EXPECT_EQ(scan.instances[1].id, "Web-*");
  EXPECT_EQ(scan.instances[2].id, "Data-*");
  EXPECT_TRUE(scan.makes_app);
}

TEST(FileOfStack, IsWhereItsClassIsDefinedElseWhereItIsMade) {
  const std::vector<SourceFile> files{
      {"bin/app.ts", scan_source("const app = new App(); new ApiStack(app, `Api-${env}`);"
                                 "new cdk.Stack(app, 'Inline');")},
      {"lib/api.ts", scan_source("export class ApiStack extends BaseStack {}")},
      {"lib/base.ts", scan_source("export class BaseStack extends Stack {}")},
      {"lib/agent.ts", scan_source("export class ArchonAgentStack extends Stack {}")}};
  EXPECT_EQ(file_of_stack(files, "Api-dev"), "lib/api.ts");
  EXPECT_EQ(file_of_stack(files, "Inline"), "bin/app.ts");
  EXPECT_EQ(file_of_stack(files, "ArchonAgent-dev"), "lib/agent.ts");
  EXPECT_EQ(file_of_stack(files, "Unknown"), std::nullopt);
  EXPECT_EQ(file_of_app(files, "npx ts-node --prefer-ts-exts ./bin/app.ts"), "bin/app.ts");
  EXPECT_EQ(file_of_app(files, "node build/bin/app.js"), "bin/app.ts");
  EXPECT_EQ(file_of_app(files, "python3 app.py"), "bin/app.ts");
}

class InitInRepository : public testing::Test {
 protected:
  void SetUp() override {
    auto created = os::TemporaryDirectory::create(fs::temp_directory_path(), "aphex-init-test-");
    ASSERT_TRUE(created);
    directory_.emplace(std::move(*created));
    write("cdk.json", R"({"app": "node build/bin/app.js"})");
    write("node_modules/.bin/cdk", "");
    write("node_modules/package.json", R"({"name": "aws-cdk", "version": "2.1148.1"})");
  }
  void write(const fs::path& file, std::string_view text) {
    ASSERT_TRUE(os::write_file_atomic(directory_->path() / file, text));
  }
  Result<InitialConfig> init() {
    return make_initial_config({.repository = directory_->path(),
                                .processes = runner_,
                                .environment = {},
                                .environment_name = "dev",
                                .on_line = {}},
                               os::CancelToken());
  }
  // Plays the CLI: copies an assembly to where --output says.
  void synthesizes(const std::string& assembly) {
    FakeProcessRunner::Reply reply = FakeProcessRunner::exits(0);
    reply.effect = [this, assembly](const os::ProcessSpec& spec) {
      const auto output = std::find(spec.argv.begin(), spec.argv.end(), "--output") + 1;
      ASSERT_TRUE(os::copy_tree(kData / assembly, *output));
      write("cdk.context.json", "{\"looked\": \"up\"}");
    };
    runner_.on_match([](const os::ProcessSpec& spec) { return spec.argv[1] == "synth"; }, reply);
  }

  std::optional<os::TemporaryDirectory> directory_;
  FakeProcessRunner runner_;
};

TEST_F(InitInRepository, ReadsScriptsLockFileAndSources) {
  write("package.json", R"({"scripts": {"build": "tsc", "test": "jest", "test:e2e": "jest e2e"}})");
  write("yarn.lock", "");
  write("bin/app.ts", "const app = new App();");
  write("lib/infra.ts",
        "class Infra extends Stack {} ; new Infra(app, 'ArchonInfrastructureStack')");
  synthesizes("archon");
  const auto written = init();
  ASSERT_TRUE(written) << describe(written.error());
  const auto loaded = load(written->text);
  ASSERT_TRUE(loaded.config) << written->text;
  EXPECT_THAT(loaded.config->build.commands,
              ElementsAre("[ \"$APHEX_CACHE_HIT\" = exact ] || yarn install --frozen-lockfile",
                          "yarn run build", "yarn run test"));
  EXPECT_THAT(loaded.config->environments[0].test_commands, ElementsAre("yarn run test:e2e"));
  EXPECT_EQ(loaded.config->environments[0].stacks[0].path, "lib/infra.ts");
  EXPECT_EQ(loaded.config->environments[0].stacks[1].path, "bin/app.ts");
  EXPECT_FALSE(fs::exists(directory_->path() / "cdk.context.json")) << "init changes nothing";
}

TEST_F(InitInRepository, ShowsTheClisOwnErrorAndWhatMayHelp) {
  runner_.on_match(
      [](const os::ProcessSpec&) { return true; },
      FakeProcessRunner::complains("Error: Cannot find module './build/bin/app.js'\n"));
  const auto written = init();
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().message,
            "cdk synth failed (exit code 1), so the application's stacks are unknown: Error: "
            "Cannot find module './build/bin/app.js'");
  EXPECT_EQ(written.error().hint,
            "build the application first if its cdk.json starts compiled code");
}

TEST_F(InitInRepository, SaysHowPackagesAreInstalledBeforeThereIsALockFile) {
  fs::remove_all(directory_->path() / "node_modules");
  write("package.json", R"({"devDependencies": {"aws-cdk": "2"}})");
  auto written = init();
  ASSERT_FALSE(written);
  EXPECT_THAT(written.error().hint,
              HasSubstr("(npm ci, or npm install where there is no lock file yet)"));
  write("tool/.bin/cdk", "");
  fs::permissions(directory_->path() / "tool/.bin/cdk", fs::perms::owner_all);
  write("tool/package.json", R"({"name": "aws-cdk", "version": "2.1148.1"})");
  runner_.on_match([](const os::ProcessSpec&) { return true; },
                   FakeProcessRunner::complains("Error: Cannot find module 'aws-cdk-lib'\n"));
  const auto hint = [&] {
    return make_initial_config(
               {.repository = directory_->path(),
                .processes = runner_,
                .environment = {{"APHEX_CDK", (directory_->path() / "tool/.bin/cdk").string()}},
                .environment_name = "dev",
                .on_line = {}},
               os::CancelToken())
        .error()
        .hint;
  };
  EXPECT_EQ(hint(),
            "install its dependencies first: npm install, and commit the lock file that it "
            "writes");
  write("package-lock.json", "{}");
  EXPECT_EQ(hint(), "install its dependencies first: npm ci");
}

TEST_F(InitInRepository, SaysThatThisIsNoCdkApplication) {
  fs::remove(directory_->path() / "cdk.json");
  const auto written = init();
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().message, "there is no cdk.json in " + directory_->path().string());
}

}  // namespace
}  // namespace aphex::engine
