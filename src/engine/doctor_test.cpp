#include "engine/doctor.hpp"

#include <chrono>
#include <fstream>
#include <optional>

#include <gtest/gtest.h>

#include "os/files.hpp"

namespace aphex::engine {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kConfiguration = R"(version: "1.0"
build:
  commands: [npm ci]
environments:
  - name: dev
    region: us-east-1
    account: "111122223333"
    stacks:
      - name: AppStack
        path: lib/app-stack.ts
)";

// A machine of its own: a PATH of scripts, a repository, no AWS.
class DoctorTest : public testing::Test {
 protected:
  void SetUp() override {
    auto created = os::TemporaryDirectory::create(fs::temp_directory_path(), "doctor-test-");
    ASSERT_TRUE(created.has_value());
    directory_.emplace(std::move(*created));
    write("repository/aphex-config.yaml", kConfiguration);
    write("repository/lib/app-stack.ts", "export {};\n");
    for (const char* real : {"git", "bash", "sleep"}) {
      const auto found = os::find_program(real, os::current_environment());
      ASSERT_TRUE(found.has_value()) << real;
      fs::create_directories(path("bin"));
      fs::create_symlink(*found, path("bin") / real);
    }
    program("node", "echo v20.1.0");
    program("npm", "echo 10.2.3");
    program("cdk", "echo '2.1148.1 (build 1)'");
    program("python", "echo 5.2.5");
    git("init -q -b main && git add -A && git -c user.name=a -c user.email=a@b commit -q -m first");
  }

  fs::path path(const std::string& name) const { return directory_->path() / name; }
  void write(const std::string& name, std::string_view text) const {
    fs::create_directories(path(name).parent_path());
    std::ofstream(path(name), std::ios::binary) << text;
  }
  void program(const std::string& name, const std::string& script) const {
    write("bin/" + name, "#!/bin/bash\n" + script + "\n");
    fs::permissions(path("bin/" + name), fs::perms::owner_all);
  }
  void git(const std::string& arguments) const {
    os::ProcessSpec spec;
    spec.argv = {"bash", "-c", "git " + arguments};
    spec.working_directory = path("repository");
    spec.environment = options().environment;
    const auto done = os::capture(*os::make_process_runner(), spec, {});
    ASSERT_TRUE(done && done->exit.shell_code() == 0) << (done ? done->err : "");
  }
  DoctorOptions options() const {
    DoctorOptions made;
    made.directory = path("repository");
    made.paths.root = path("state");
    made.environment = {{"PATH", path("bin").string()},
                        {"HOME", path("home").string()},
                        {"GIT_CONFIG_GLOBAL", "/dev/null"},
                        {"GIT_CONFIG_NOSYSTEM", "1"},
                        {"APHEX_SANDBOX_PYTHON", path("bin/python").string()},
                        {"AWS_EC2_METADATA_DISABLED", "true"}};
    made.processes = std::shared_ptr<os::ProcessRunner>(os::make_process_runner());
    made.http = aws::make_http_client();
    made.clock = os::make_system_clock();
    return made;
  }
  static Check find(const std::vector<Check>& checks, std::string_view name) {
    for (const Check& check : checks) {
      if (check.name == name) return check;
    }
    ADD_FAILURE() << "no check is called " << name;
    return {};
  }

  std::optional<os::TemporaryDirectory> directory_;
};

TEST_F(DoctorTest, GivenAllIsThereButAnAccountThenOnlyTheAccountIsMissing) {
  const auto checks = run_doctor(options());
  std::vector<std::string> seen;
  for (const Check& check : checks) {
    seen.push_back(check.name + ": " + std::string(to_string(check.state)));
    // The disk of the machine that tests may be full.
    if (check.name == "state directory") seen.pop_back();
  }
  const std::vector<std::string> expected = {"git: ok",
                                             "bash: ok",
                                             "node: ok",
                                             "npm: ok",
                                             "cdk: ok",
                                             "sandbox: ok",
                                             "repository: ok",
                                             "configuration: ok",
                                             "credentials: warning",
                                             "environment dev: skipped"};
  EXPECT_EQ(seen, expected);
  EXPECT_EQ(find(checks, "node").detail, "20.1.0 (" + path("bin/node").string() + ")");
  EXPECT_EQ(find(checks, "configuration").detail, "aphex-config.yaml: environments 1, stacks 1");
}

TEST_F(DoctorTest, GivenNodeIsTooOldAndNpmMissingThenBothAreToldWithTheirRemedies) {
  program("node", "echo v16.20.0");
  fs::remove(path("bin/npm"));
  const auto checks = run_doctor(options());
  EXPECT_FALSE(healthy(checks));
  EXPECT_EQ(find(checks, "node").detail,
            "16.20.0 (" + path("bin/node").string() + ") is too old: 18.0.0 or newer is needed");
  EXPECT_EQ(find(checks, "npm").detail, "npm is not in PATH");
  EXPECT_FALSE(find(checks, "npm").remedy.empty());
}

TEST_F(DoctorTest, GivenTheCdkIsOfVersion3ThenItIsWarnedOf) {
  program("cdk", "echo '3.0.0 (build 1)'");
  const Check check = find(run_doctor(options()), "cdk");
  EXPECT_EQ(check.state, CheckState::warning);
  EXPECT_EQ(check.remedy, "npm install --save-dev aws-cdk@2");
}

TEST_F(DoctorTest, GivenUncommittedChangesThenTheyAreNamed) {
  write("repository/new.txt", "x");
  const Check check = find(run_doctor(options()), "repository");
  EXPECT_EQ(check.state, CheckState::warning);
  EXPECT_TRUE(check.detail.ends_with("has changes that no commit holds: new.txt")) << check.detail;
  EXPECT_EQ(check.remedy, "commit them, or run with --worktree");
}

TEST_F(DoctorTest, GivenTheConfigurationIsWrongThenNoEnvironmentIsLookedAt) {
  write("repository/aphex-config.yaml", "version: \"1.0\"\n");
  const auto checks = run_doctor(options());
  EXPECT_EQ(find(checks, "configuration").state, CheckState::failed);
  EXPECT_EQ(find(checks, "configuration").remedy, "aphex validate shows them");
  EXPECT_EQ(checks.back().name, "credentials");
}

TEST_F(DoctorTest, GivenTheStateDirectoryCannotBeMadeThenItFails) {
  write("state", "a file");
  EXPECT_EQ(find(run_doctor(options()), "state directory").state, CheckState::failed);
}

TEST_F(DoctorTest, GivenAProgramHangsThenTheWholeStillEndsInTime) {
  program("node", "sleep 60");
  DoctorOptions hurried = options();
  hurried.time_limit = std::chrono::milliseconds{1'500};
  const auto begin = std::chrono::steady_clock::now();
  const auto checks = run_doctor(hurried);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds{12});
  EXPECT_EQ(find(checks, "node").state, CheckState::failed);
}

TEST(DoctorJson, SaysWhetherAllIsWell) {
  const std::vector<Check> checks = {{"git", CheckState::ok, "2.39.5", ""},
                                     {"node", CheckState::failed, "none", "apt install nodejs"}};
  EXPECT_EQ(doc::to_json(to_value(checks)),
            R"({"healthy":false,"checks":[)"
            R"({"name":"git","state":"ok","detail":"2.39.5","remedy":""},)"
            R"({"name":"node","state":"failed","detail":"none","remedy":"apt install nodejs"}]})");
}

}  // namespace
}  // namespace aphex::engine
