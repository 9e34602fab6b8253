#include "engine/sandbox.hpp"

#include <algorithm>
#include <atomic>
#include <fstream>
#include <optional>
#include <thread>

#include <gtest/gtest.h>
#include <unistd.h>

#include "aws/uri.hpp"
#include "os/fake_process.hpp"
#include "os/files.hpp"

namespace aphex::engine {
namespace {

namespace fs = std::filesystem;
using testing::Test;

// Stands in for the sandbox: the control API and the announcement, nothing of AWS.
constexpr std::string_view kFakeServer = R"(
import argparse, http.server, json, os, pathlib, signal, sys, threading
p = argparse.ArgumentParser()
p.add_argument("command"); p.add_argument("--state-dir"); p.add_argument("--port", type=int)
p.add_argument("--pipeline-account")
a = p.parse_args()
state = pathlib.Path(a.state_dir)
if a.command == "reset":
    (state / "was-reset").write_text("yes")
    sys.exit(0)
class Handler(http.server.BaseHTTPRequestHandler):
    def answer(self, value):
        data = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
    def do_GET(self):
        if self.path == "/_aphex/health":
            self.answer({"pid": os.getpid(), "status": "ok"})
        else:
            self.answer({"environments": []})
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path == "/_aphex/reset":
            (state / "was-reset").write_text("yes")
            return self.answer({})
        account = json.loads(body)["account"]
        self.answer({"account": account, "accessKeyId": "AK" + account, "secretAccessKey": "S"})
    def log_message(self, *rest):
        pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", a.port), Handler)
port = server.server_port
signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
with open(state / "starts", "a") as starts:
    starts.write("x")
(state / "new.json").write_text(json.dumps({"version": "1", "pid": os.getpid(), "port": port,
    "endpoint": f"http://localhost:{port}", "started_at": "2026-01-01T00:00:00.000+00:00"}))
os.rename(state / "new.json", state / "server.json")
server.serve_forever(poll_interval=0.02)
)";

constexpr std::string_view kNeverReady = R"(
import os, pathlib, sys, time
(pathlib.Path(sys.argv[sys.argv.index("--state-dir") + 1]) / "pid").write_text(str(os.getpid()))
time.sleep(60)
)";

void write(const fs::path& path, std::string_view text) {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << text;
}

std::string read(const fs::path& path) {
  return os::read_file(path).value_or("");
}

class SandboxTest : public Test {
 protected:
  void SetUp() override {
    auto created = os::TemporaryDirectory::create(fs::temp_directory_path(), "sandbox-test-");
    ASSERT_TRUE(created.has_value());
    directory_.emplace(std::move(*created));
    install(kFakeServer);
  }
  void TearDown() override { EXPECT_TRUE(stop_sandbox(options()).has_value()); }

  void install(std::string_view program) {
    write(directory_->path() / "package/aphex_sandbox/__init__.py", "");
    write(directory_->path() / "package/aphex_sandbox/__main__.py", program);
  }
  SandboxOptions options() const {
    SandboxOptions made;
    made.paths.root = directory_->path() / "state";
    made.environment = os::current_environment();
    made.environment["APHEX_SANDBOX_PYTHON"] = "python3";
    made.environment["APHEX_SANDBOX_PACKAGE"] = (directory_->path() / "package").string();
    made.http = http_;
    made.clock = clock_;
    made.processes = processes_;
    return made;
  }
  fs::path sandbox() const { return directory_->path() / "state/sandbox"; }
  // As a server that was killed leaves it.
  void leave_announcement(int pid) const {
    write(sandbox() / "server.json", R"({"version": "1", "port": 9, "pid": )" +
                                         std::to_string(pid) +
                                         R"(, "endpoint": "http://localhost:9"})");
  }

  std::optional<os::TemporaryDirectory> directory_;
  std::shared_ptr<aws::HttpClient> http_ = aws::make_http_client();
  std::shared_ptr<os::Clock> clock_ = os::make_system_clock();
  std::shared_ptr<os::ProcessRunner> processes_ = os::make_process_runner();
};

TEST_F(SandboxTest, GivenNoneRunsWhenItStartsThenItAnswersAndIsUsedAgain) {
  const auto first = start_sandbox(options());
  ASSERT_TRUE(first.has_value()) << describe(first.error());
  EXPECT_EQ(first->access_key_id, "AK111122223333");
  EXPECT_EQ(first->endpoint, "http://localhost:" + std::to_string(first->port));

  const auto second = start_sandbox(options());
  ASSERT_TRUE(second.has_value());
  EXPECT_EQ(second->pid, first->pid);
  EXPECT_EQ(read(sandbox() / "starts"), "x");
}

TEST_F(SandboxTest, GivenOneRunsWhenItIsStoppedThenItsProcessIsGone) {
  const auto server = start_sandbox(options());
  ASSERT_TRUE(server.has_value()) << describe(server.error());

  EXPECT_EQ(stop_sandbox(options()).value(), Stopped::was_running);

  EXPECT_FALSE(os::process_start_time(server->pid).has_value());
  EXPECT_FALSE(sandbox_status(options())->server.has_value());
  EXPECT_EQ(stop_sandbox(options()).value(), Stopped::was_not_running);
}

TEST_F(SandboxTest, GivenSeveralStartAtOnceThenThereIsOneServer) {
  std::vector<int> pids(4, 0);
  {
    std::vector<std::jthread> threads;
    for (int& pid : pids) {
      threads.emplace_back([this, &pid] {
        const auto server = start_sandbox(options());
        if (server) pid = server->pid;
      });
    }
  }
  EXPECT_GT(pids.front(), 1);
  for (const int pid : pids)
    EXPECT_EQ(pid, pids.front());
  EXPECT_EQ(read(sandbox() / "starts"), "x");
}

TEST_F(SandboxTest, GivenAKilledServersAnnouncementWhenItStartsThenANewOneComes) {
  constexpr int kNoSuchProcess = 0x3ffffff;
  leave_announcement(kNoSuchProcess);

  EXPECT_FALSE(sandbox_status(options())->server.has_value());
  const auto server = start_sandbox(options());

  ASSERT_TRUE(server.has_value()) << describe(server.error());
  EXPECT_NE(server->pid, kNoSuchProcess);
}

TEST_F(SandboxTest, GivenAKilledServersPidIsAnotherProgramsThenThatProgramIsLeftAlone) {
  leave_announcement(::getpid());

  EXPECT_FALSE(sandbox_status(options())->server.has_value());
  EXPECT_EQ(stop_sandbox(options()).value(), Stopped::was_not_running);
  leave_announcement(::getpid());
  const auto server = start_sandbox(options());

  ASSERT_TRUE(server.has_value()) << describe(server.error());
  EXPECT_NE(server->pid, ::getpid());
}

TEST_F(SandboxTest, GivenAnAnnouncementThatDoesNotReadThenItCountsAsNone) {
  write(sandbox() / "server.json", "{\"pid\":");
  EXPECT_FALSE(sandbox_status(options())->server.has_value());
}

TEST_F(SandboxTest, GivenTheServerEndsAtOnceThenItsOwnWordsAreTheError) {
  install("raise SystemExit('the state cannot be read')");
  const auto server = start_sandbox(options());
  ASSERT_FALSE(server.has_value());
  EXPECT_EQ(server.error().code, ErrorCode::unavailable);
  EXPECT_EQ(server.error().message,
            "the sandbox ended before it was ready; it said:\nthe state cannot be read");
}

TEST_F(SandboxTest, GivenPythonLacksTheRequirementsThenTheHintSaysHowToInstallThem) {
  install("import a_module_that_nobody_has");
  const auto server = start_sandbox(options());
  ASSERT_FALSE(server.has_value());
  EXPECT_EQ(server.error().hint,
            "its Python lacks the requirements: run scripts/setup --only python, or pip install "
            "-r requirements.txt of the sandbox");
}

TEST_F(SandboxTest, GivenTheServerNeverGetsReadyThenItIsEndedAfterTheTimeout) {
  install(kNeverReady);
  SandboxOptions impatient = options();
  impatient.start_timeout = std::chrono::milliseconds{1'500};
  const auto server = start_sandbox(impatient);
  ASSERT_FALSE(server.has_value());
  EXPECT_EQ(server.error().code, ErrorCode::timeout);
  EXPECT_FALSE(os::process_start_time(std::stoi(read(sandbox() / "pid"))).has_value());
}

TEST_F(SandboxTest, GivenThePythonThatWasNamedIsMissingThenTheErrorNamesTheVariable) {
  SandboxOptions wrong = options();
  wrong.environment["APHEX_SANDBOX_PYTHON"] = "/nowhere/python";
  const auto server = start_sandbox(wrong);
  ASSERT_FALSE(server.has_value());
  EXPECT_EQ(describe(server.error()),
            "APHEX_SANDBOX_PYTHON names /nowhere/python: program not found: /nowhere/python");
}

TEST_F(SandboxTest, GivenItIsCancelledWhileItStartsThenItEndsAtOnce) {
  install(kNeverReady);
  os::CancelSource source;
  SandboxOptions cancelled = options();
  cancelled.cancel = source.token();
  const std::jthread later([this, &source] {
    while (read(sandbox() / "pid").empty()) {
      std::this_thread::sleep_for(std::chrono::milliseconds{5});
    }
    source.cancel("SIGINT");
  });
  const auto server = start_sandbox(cancelled);
  ASSERT_FALSE(server.has_value());
  EXPECT_EQ(server.error().code, ErrorCode::cancelled);
  EXPECT_FALSE(os::process_start_time(std::stoi(read(sandbox() / "pid"))).has_value());
}

TEST_F(SandboxTest, GivenItRunsOrNotWhenItIsResetThenItsStateIsForgotten) {
  ASSERT_TRUE(start_sandbox(options()).has_value());
  EXPECT_TRUE(reset_sandbox(options()).has_value());
  EXPECT_EQ(read(sandbox() / "was-reset"), "yes");
  EXPECT_TRUE(sandbox_status(options())->server.has_value());

  ASSERT_TRUE(stop_sandbox(options()).has_value());
  fs::remove(sandbox() / "was-reset");
  EXPECT_TRUE(reset_sandbox(options()).has_value());
  EXPECT_EQ(read(sandbox() / "was-reset"), "yes");
}

SandboxServer some_server(const fs::path& directory) {
  return {.endpoint = "http://localhost:4566",
          .pid = 1,
          .port = 4566,
          .version = "1",
          .started_at = "",
          .pipeline_account = "999988887777",
          .access_key_id = "AKPIPELINE",
          .secret_access_key = "secret",
          .directory = directory};
}

TEST(SandboxEnvironment, ReplacesAllThatTheCallerSaysOfAwsButTheRegion) {
  const auto made =
      sandbox_environment(some_server("/s"), {{"PATH", "/bin"},
                                              {"AWS_PROFILE", "work"},
                                              {"AWS_SESSION_TOKEN", "token"},
                                              {"AWS_ENDPOINT_URL_S3", "http://elsewhere"},
                                              {"AWS_REGION", "eu-west-1"},
                                              {"CDK", "x"},
                                              {"CDK_DOCKER", "podman"},
                                              {"NO_PROXY", "intranet"}});
  const os::EnvironmentVariables expected = {
      {"PATH", "/bin"},
      {"AWS_ENDPOINT_URL", "http://localhost:4566"},
      {"AWS_ACCESS_KEY_ID", "AKPIPELINE"},
      {"AWS_SECRET_ACCESS_KEY", "secret"},
      {"AWS_REGION", "eu-west-1"},
      {"AWS_DEFAULT_REGION", "eu-west-1"},
      {"AWS_EC2_METADATA_DISABLED", "true"},
      {"AWS_CONFIG_FILE", "/s/no-profiles"},
      {"AWS_SHARED_CREDENTIALS_FILE", "/s/no-profiles"},
      {"CDK_DISABLE_CLI_TELEMETRY", "true"},
      {"CDK_DOCKER", "podman"},
      {"NODE_NO_WARNINGS", "1"},
      {"NO_PROXY", "intranet,localhost,127.0.0.1"},
      {"no_proxy", "intranet,localhost,127.0.0.1"},
  };
  EXPECT_EQ(made, expected);
}

TEST(SandboxEnvironment, MadeTwiceExceptsLoopbackFromTheProxyOnce) {
  const auto once = sandbox_environment(some_server("/s"), {{"no_proxy", "localhost,.corp"}});
  EXPECT_EQ(once.at("no_proxy"), "localhost,.corp,127.0.0.1");
  EXPECT_EQ(once.at("NO_PROXY"), "localhost,.corp,127.0.0.1");
  EXPECT_EQ(sandbox_environment(some_server("/s"), once), once);
}

TEST(SandboxEnvironment, HasARegionWhereTheCallerHasNone) {
  EXPECT_EQ(sandbox_environment(some_server("/s"), {}).at("AWS_REGION"), "us-east-1");
}

// Answers as the sandbox would: keys for accounts, SSM and IAM for those that are bootstrapped.
class FakeSandboxHttp final : public aws::HttpClient {
 public:
  Result<aws::HttpResponse> send(const aws::HttpRequest& request, const os::CancelToken&) override {
    aws::HttpResponse response;
    response.status = 200;
    if (request.url.ends_with("/_aphex/accounts")) {
      const std::string account = doc::parse_json(request.body)->string_or("account", "");
      response.body = R"({"accessKeyId": "AK)" + account + R"(", "secretAccessKey": "S"})";
    } else if (request.body.find("Action=GetRole") != std::string::npos) {
      response.status = bootstrapped ? 200 : 404;
      response.body = bootstrapped ? role() : kNoRole;
    } else if (bootstrapped) {
      response.body = R"({"Parameter": {"Value": "30"}})";
    } else {
      response.status = 400;
      response.body = R"({"__type": "ParameterNotFound", "message": "none"})";
    }
    return response;
  }
  std::atomic<bool> bootstrapped{false};
  std::string principals = R"("999988887777")";  // whom the deploy roles trust, as JSON

 private:
  static constexpr const char* kNoRole =
      "<ErrorResponse><Error><Code>NoSuchEntity</Code><Message>none</Message></Error>"
      "</ErrorResponse>";
  std::string role() const {
    const std::string policy =
        R"({"Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": )" +
        principals + "}}]}";
    return "<GetRoleResponse><GetRoleResult><Role><AssumeRolePolicyDocument>" +
           aws::uri_encode(policy) +
           "</AssumeRolePolicyDocument></Role></GetRoleResult></GetRoleResponse>";
  }
};

class BootstrapTest : public Test {
 protected:
  void SetUp() override {
    auto created = os::TemporaryDirectory::create(fs::temp_directory_path(), "bootstrap-test-");
    ASSERT_TRUE(created.has_value());
    directory_.emplace(std::move(*created));
    write(directory_->path() / "cdk", "#!/bin/sh\n");
    fs::permissions(directory_->path() / "cdk", fs::perms::owner_all);
  }
  SandboxOptions options() const {
    SandboxOptions made;
    made.paths.root = directory_->path();
    made.environment = {{"APHEX_CDK", cdk()}};
    made.http = http_;
    made.clock = std::make_shared<os::FakeClock>();
    made.processes = processes_;
    return made;
  }
  std::string cdk() const { return (directory_->path() / "cdk").string(); }
  Status bootstrap(const std::string& qualifier = "hnb659fds") const {
    return bootstrap_accounts(some_server(directory_->path()), environments_, qualifier, options());
  }

  std::vector<plan::Environment> environments_ = {
      {.name = "dev", .region = "us-east-1", .account = "111111111111", .stacks = {}},
      {.name = "qa", .region = "us-east-1", .account = "111111111111", .stacks = {}},
      {.name = "gov", .region = "us-gov-west-1", .account = "222222222222", .stacks = {}}};
  std::optional<os::TemporaryDirectory> directory_;
  std::shared_ptr<FakeSandboxHttp> http_ = std::make_shared<FakeSandboxHttp>();
  std::shared_ptr<os::FakeProcessRunner> processes_ = std::make_shared<os::FakeProcessRunner>();
};

TEST_F(BootstrapTest, GivenThreeEnvironmentsInTwoAccountsThenEachAccountIsBootstrappedOnce) {
  processes_->on_prefix(cdk(), os::FakeProcessRunner::exits(0));
  const Status done = bootstrap();
  ASSERT_TRUE(done.has_value()) << describe(done.error());

  auto lines = processes_->command_lines();
  std::sort(lines.begin(), lines.end());
  const std::string tail = " --trust 999988887777 --cloudformation-execution-policies arn:";
  const std::vector<std::string> expected = {
      cdk() + " bootstrap aws://111111111111/us-east-1" + tail +
          "aws:iam::aws:policy/AdministratorAccess --no-notices",
      cdk() + " bootstrap aws://222222222222/us-gov-west-1" + tail +
          "aws-us-gov:iam::aws:policy/AdministratorAccess --no-notices"};
  EXPECT_EQ(lines, expected);
  for (const auto& call : processes_->calls()) {
    const bool first = call.argv[2].find("111111111111") != std::string::npos;
    EXPECT_EQ(call.environment.at("AWS_ACCESS_KEY_ID"),
              first ? "AK111111111111" : "AK222222222222");
    EXPECT_EQ(call.environment.at("AWS_REGION"), first ? "us-east-1" : "us-gov-west-1");
    EXPECT_EQ(call.environment.at("CI"), "true");
  }
}

TEST_F(BootstrapTest, GivenAllIsDoneThenNoProgramIsStarted) {
  processes_->on_prefix(cdk(), os::FakeProcessRunner::exits(0));
  ASSERT_TRUE(bootstrap().has_value());
  http_->bootstrapped = true;
  ASSERT_TRUE(bootstrap().has_value());
  EXPECT_EQ(processes_->calls().size(), 2U);
}

TEST_F(BootstrapTest, GivenTheSandboxForgotItsStateThenItIsBootstrappedAgain) {
  processes_->on_prefix(cdk(), os::FakeProcessRunner::exits(0));
  ASSERT_TRUE(bootstrap().has_value());
  http_->bootstrapped = false;
  ASSERT_TRUE(bootstrap().has_value());
  EXPECT_EQ(processes_->calls().size(), 4U);
}

TEST_F(BootstrapTest, GivenOtherPipelinesAreTrustedThenTheyStayTrusted) {
  processes_->on_prefix(cdk(), os::FakeProcessRunner::exits(0));
  environments_.resize(1);
  http_->bootstrapped = true;
  http_->principals =
      R"(["arn:aws:iam::111111111111:root", "555566667777", "arn:aws:iam::333344445555:root"])";
  ASSERT_TRUE(bootstrap().has_value());
  ASSERT_EQ(processes_->calls().size(), 1U);
  EXPECT_TRUE(processes_->command_lines().front().starts_with(
      cdk() +
      " bootstrap aws://111111111111/us-east-1 --trust 333344445555 --trust 555566667777 "
      "--trust 999988887777 --cloudformation-execution-policies "))
      << processes_->command_lines().front();
}

TEST_F(BootstrapTest, GivenTheApplicationHasACdkOfItsOwnThenThatOneBootstraps) {
  const fs::path own = directory_->path() / "app/node_modules/.bin/cdk";
  write(own, "#!/bin/sh\n");
  processes_->on_prefix(own.string(), os::FakeProcessRunner::exits(0));
  SandboxOptions with_application = options();
  with_application.application = directory_->path() / "app";
  const Status done = bootstrap_accounts(some_server(directory_->path()), environments_,
                                         "hnb659fds", with_application);
  ASSERT_TRUE(done.has_value()) << describe(done.error());
  EXPECT_EQ(processes_->calls().size(), 2U);
}

TEST_F(BootstrapTest, GivenAnotherQualifierThenItHasAStackOfItsOwn) {
  processes_->on_prefix(cdk(), os::FakeProcessRunner::exits(0));
  environments_.resize(1);
  ASSERT_TRUE(bootstrap("team_a").has_value());
  EXPECT_TRUE(processes_->command_lines().front().ends_with(
      "--no-notices --qualifier team_a --toolkit-stack-name CDKToolkit-team-a"));
}

TEST_F(BootstrapTest, GivenItFailsThenItsWordsAreTheError) {
  environments_.resize(1);
  processes_->on_prefix(cdk(), os::FakeProcessRunner::complains("no such bucket\n", 1));
  const Status done = bootstrap();
  ASSERT_FALSE(done.has_value());
  EXPECT_EQ(done.error().message,
            "cdk bootstrap aws://111111111111/us-east-1 failed in the sandbox with 1; it said:\n"
            "no such bucket");
}

}  // namespace
}  // namespace aphex::engine
