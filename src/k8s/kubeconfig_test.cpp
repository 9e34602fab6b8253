#include "k8s/kubeconfig.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "k8s/connect.hpp"
#include "k8s/exec_token.hpp"
#include "os/fake_process.hpp"
#include "os/files.hpp"

namespace aphex::k8s {
namespace {

using os::FakeProcessRunner;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

// As `aws eks update-kubeconfig` writes it.
constexpr const char* kEks = R"(apiVersion: v1
kind: Config
current-context: arn:aws:eks:eu-west-1:111122223333:cluster/dev
clusters:
- name: arn:aws:eks:eu-west-1:111122223333:cluster/dev
  cluster:
    certificate-authority-data: UEVN
    server: https://ABC.gr7.eu-west-1.eks.amazonaws.com
- name: file
  cluster: {server: "https://k:6443/", certificate-authority: pki/ca.pem}
contexts:
- name: arn:aws:eks:eu-west-1:111122223333:cluster/dev
  context:
    cluster: arn:aws:eks:eu-west-1:111122223333:cluster/dev
    user: arn:aws:eks:eu-west-1:111122223333:cluster/dev
- {name: file, context: {cluster: file, user: file, namespace: argo}}
- {name: lost, context: {cluster: gone, user: file}}
users:
- name: arn:aws:eks:eu-west-1:111122223333:cluster/dev
  user:
    exec:
      apiVersion: client.authentication.k8s.io/v1beta1
      args: [--region, eu-west-1, eks, get-token, --cluster-name, dev, --output, json]
      command: aws
      env:
      - {name: AWS_PROFILE, value: deploy}
- {name: file, user: {tokenFile: token, client-certificate-data: UEVN, client-key: key.pem}}
)";

Kubeconfig parse(std::string text, const std::string& path = "/home/me/.kube/config") {
  auto parsed = parse_kubeconfig(path, std::move(text));
  EXPECT_TRUE(parsed) << describe(parsed.error());
  return parsed.value_or(Kubeconfig{});
}

TEST(Kubeconfigs, AreReadAsTheAwsCommandLineWritesThem) {
  const auto chosen = choose(parse(kEks), "");
  ASSERT_TRUE(chosen) << describe(chosen.error());
  EXPECT_EQ(chosen->cluster.server, "https://ABC.gr7.eu-west-1.eks.amazonaws.com");
  EXPECT_EQ(chosen->cluster.authority.text, "PEM");
  ASSERT_TRUE(chosen->user.exec);
  EXPECT_EQ(chosen->user.exec->command, "aws");
  EXPECT_THAT(chosen->user.exec->arguments,
              ElementsAre("--region", "eu-west-1", "eks", "get-token", "--cluster-name", "dev",
                          "--output", "json"));
  EXPECT_THAT(chosen->user.exec->environment,
              ElementsAre(std::make_pair(std::string("AWS_PROFILE"), std::string("deploy"))));
}

TEST(Kubeconfigs, NameFilesBesideThemselves) {
  const auto chosen = choose(parse(kEks), "file");
  ASSERT_TRUE(chosen) << describe(chosen.error());
  EXPECT_EQ(chosen->context.name_space, "argo");
  EXPECT_EQ(chosen->cluster.authority.file, "/home/me/.kube/pki/ca.pem");
  EXPECT_EQ(chosen->user.token_file, "/home/me/.kube/token");
  EXPECT_EQ(chosen->user.certificate.text, "PEM");
  EXPECT_EQ(chosen->user.key.file, "/home/me/.kube/key.pem");
}

TEST(Kubeconfigs, SayWhatTheyLack) {
  const Kubeconfig config = parse(kEks);
  const auto misspelt = choose(config, "fil");
  EXPECT_EQ(describe(misspelt.error()), "the kubeconfig has no context 'fil'");
  EXPECT_EQ(misspelt.error().hint, "did you mean file?");
  EXPECT_EQ(describe(choose(config, "lost").error()), "the kubeconfig has no cluster 'gone'");
  EXPECT_EQ(describe(choose(parse("{}"), "").error()), "the kubeconfig has no current-context");
  EXPECT_EQ(describe(parse_kubeconfig("/k", "a: [").error()).substr(0, 5), "/k:1:");
  EXPECT_EQ(describe(parse_kubeconfig("/k", "").error()),
            "/k:1: The file is empty: it holds no value");
}

Result<KubeconfigChoice> with(const std::string& cluster, const std::string& user) {
  return choose(parse("{current-context: a, contexts: [{name: a, context: {cluster: c, user: u}}],"
                      " clusters: [{name: c, cluster: " +
                          cluster + "}], users: [{name: u, user: " + user + "}]}",
                      "/k"),
                "");
}

TEST(Kubeconfigs, AreRefusedWhereTheyAskForWhatIsNotDone) {
  const std::string good = "{server: https://k}";
  EXPECT_TRUE(with(good, "{token: t}"));
  EXPECT_EQ(describe(with("{server: https://k, insecure-skip-tls-verify: true}", "{}").error()),
            "/k: cluster c has insecure-skip-tls-verify, which aphex does not do");
  EXPECT_EQ(describe(with("{server: https://k, proxy-url: http://p}", "{}").error()),
            "/k: cluster c has proxy-url, which aphex does not do");
  EXPECT_EQ(describe(with(good, "{as: admin, token: t}").error()),
            "/k: user u has as, which aphex does not do");
  EXPECT_EQ(describe(with(good, "{client-key-data: '?'}").error()),
            "/k: user u has a client-key-data that is no base64");
  for (const char* server : {"{server: http://k}", "{server: k}", "{}"}) {
    EXPECT_EQ(describe(with(server, "{token: t}").error()),
              "the kubeconfig's cluster 'c' has no https:// address as its server");
  }
  EXPECT_TRUE(with("{server: 'http://127.0.0.1:8001'}", "{token: t}"));
}

TEST(Kubeconfigs, AreMergedAsKubectlDoes) {
  const std::string second =
      "{current-context: other, contexts: [{name: file, context: {cluster: file, user: new}}],"
      " clusters: [{name: file, cluster: {server: https://other, proxy-url: http://p}}],"
      " users: [{name: new, user: {token: t}}]}";
  const Kubeconfig merged = merge({parse(kEks), parse(second, "/second")});
  EXPECT_EQ(merged.current_context, "arn:aws:eks:eu-west-1:111122223333:cluster/dev");
  EXPECT_EQ(merged.users.size(), 3U);
  const auto chosen = choose(merged, "file");
  ASSERT_TRUE(chosen) << "a refusal of a hidden entry counts for nothing";
  EXPECT_EQ(chosen->cluster.server, "https://k:6443/");
}

class Plugins : public testing::Test {
 protected:
  std::shared_ptr<TokenProvider> tokens() {
    return make_exec_tokens(
        ExecTokenOptions{.processes = processes, .clock = clock, .environment = {{"HOME", "/h"}}},
        ExecPlugin{.api_version = "client.authentication.k8s.io/v1",
                   .command = "aws",
                   .arguments = {"eks", "get-token"},
                   .environment = {{"AWS_PROFILE", "deploy"}}});
  }
  static std::string credential(const std::string& status) {
    return R"({"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","status":)" +
           status + "}";
  }

  std::shared_ptr<FakeProcessRunner> processes = std::make_shared<FakeProcessRunner>();
  std::shared_ptr<os::FakeClock> clock = std::make_shared<os::FakeClock>();
};

TEST_F(Plugins, AreRunAgainBeforeTheirTokenExpires) {
  processes->on("aws eks get-token",
                FakeProcessRunner::prints(
                    credential(R"({"token":"one","expirationTimestamp":"1970-01-01T00:14:00Z"})")));
  const auto provider = tokens();
  EXPECT_EQ(provider->get({}).value(), "one");
  (void)clock->sleep(std::chrono::minutes(12), {});
  EXPECT_EQ(provider->get({}).value(), "one");
  EXPECT_EQ(processes->calls().size(), 1U);
  (void)clock->sleep(std::chrono::minutes(1), {});
  EXPECT_EQ(provider->get({}).value(), "one");
  EXPECT_EQ(processes->calls().size(), 2U);
  const os::EnvironmentVariables environment = processes->calls().at(0).environment;
  EXPECT_EQ(environment.at("AWS_PROFILE"), "deploy");
  EXPECT_EQ(environment.at("HOME"), "/h");
  EXPECT_EQ(environment.at("KUBERNETES_EXEC_INFO"),
            R"({"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential",)"
            R"("spec":{"interactive":false}})");
}

TEST_F(Plugins, SayWhyThereIsNoTokenAndNeverQuoteOne) {
  EXPECT_EQ(describe(tokens()->get({}).error()).substr(0, 44),
            "the kubeconfig's program aws did not start: ");
  processes->on("aws eks get-token",
                FakeProcessRunner::complains("Unable to locate credentials\n"));
  EXPECT_EQ(describe(tokens()->get({}).error()),
            "the kubeconfig's program aws ended with exit code 1: Unable to locate credentials");
  processes->on("aws eks get-token", FakeProcessRunner::prints(R"({"token":"secret"})"));
  EXPECT_EQ(describe(tokens()->get({}).error()),
            "the kubeconfig's program aws printed no ExecCredential");
  processes->on("aws eks get-token",
                FakeProcessRunner::prints(credential(R"({"clientKeyData":"secret"})")));
  EXPECT_THAT(describe(tokens()->get({}).error()), Not(HasSubstr("secret")));
  processes->on("aws eks get-token",
                FakeProcessRunner::prints(credential(R"({"token":"secret\nX-Other: 1"})")));
  EXPECT_EQ(describe(tokens()->get({}).error()),
            "the kubeconfig's program aws printed a token of more than one line");
  processes->on("aws eks get-token", FakeProcessRunner::hangs());
  EXPECT_EQ(describe(tokens()->get({}).error()),
            "the kubeconfig's program aws did not end within 60 s");
}

class Connecting : public testing::Test {
 protected:
  void write(const std::string& name, const std::string& text) {
    ASSERT_TRUE(os::write_file_atomic(directory.path() / name, text));
  }
  Result<Connection> go(os::EnvironmentVariables environment, const ConnectOptions& options = {}) {
    return connect(Surroundings{.environment = std::move(environment),
                                .clock = std::make_shared<os::FakeClock>(),
                                .processes = std::make_shared<FakeProcessRunner>(),
                                .service_account = directory.path() / "account"},
                   options);
  }
  std::string path(const std::string& name) const { return (directory.path() / name).string(); }

  os::TemporaryDirectory directory = os::TemporaryDirectory::create("/tmp", "aphex-k8s").value();
};

TEST_F(Connecting, FollowsKubectl) {
  write(".kube/config", kEks);
  write("other",
        "{current-context: o, contexts: [{name: o, context: {cluster: c, user: u}}], "
        "clusters: [{name: c, cluster: {server: https://o/}}], "
        "users: [{name: u, user: {token: t}}]}");
  EXPECT_EQ(go({{"HOME", path("")}})->client->server(),
            "https://ABC.gr7.eu-west-1.eks.amazonaws.com");
  const auto listed = go({{"HOME", path("")}, {"KUBECONFIG", path("gone") + ":" + path("other")}});
  ASSERT_TRUE(listed) << describe(listed.error());
  EXPECT_EQ(listed->client->server(), "https://o");
  EXPECT_EQ(listed->name_space, "default");
  EXPECT_EQ(listed->source, "context o of " + path("other"));
  EXPECT_FALSE(go({}, {.kubeconfig = path("gone"), .context = {}}));
}

TEST_F(Connecting, InAPodTakesItsServiceAccount) {
  const os::EnvironmentVariables pod = {{"KUBERNETES_SERVICE_HOST", "fd00::1"},
                                        {"KUBERNETES_SERVICE_PORT", "443"}};
  const auto nobody = go(pod);
  EXPECT_EQ(nobody.error().code, ErrorCode::not_found);
  EXPECT_EQ(nobody.error().message, "there is no kubeconfig, and this is no pod of a cluster");
  write("account/token", "t");
  write("account/ca.crt", "PEM");
  write("account/namespace", "argo");
  const auto connected = go(pod);
  ASSERT_TRUE(connected) << describe(connected.error());
  EXPECT_EQ(connected->client->server(), "https://[fd00::1]:443");
  EXPECT_EQ(connected->name_space, "argo");
  EXPECT_EQ(connected->source, "the service account of this pod");
}

TEST_F(Connecting, NeedsAWayToSignIn) {
  write("config",
        "{current-context: o, contexts: [{name: o, context: {cluster: c, user: u}}], "
        "clusters: [{name: c, cluster: {server: https://o}}], "
        "users: [{name: u, user: {client-certificate-data: UEVN}}]}");
  EXPECT_EQ(describe(go({}, {.kubeconfig = path("config"), .context = {}}).error()),
            "the kubeconfig's user 'u' has no token, no certificate with its key and no exec");
}

}  // namespace
}  // namespace aphex::k8s
