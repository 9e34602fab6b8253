#include "k8s/exec_token.hpp"

#include <fmt/format.h>

#include "aws/dates.hpp"
#include "base/header_value.hpp"
#include "base/text.hpp"
#include "doc/value.hpp"

namespace aphex::k8s {
namespace {

constexpr std::chrono::seconds kTimeout{60};  // it may ask a person's browser, or a service
constexpr std::chrono::seconds kGrace{2};
constexpr std::size_t kMaxOutputBytes = 1U << 20U;
constexpr std::size_t kMaxComplaint = 300;
constexpr std::chrono::minutes kBeforeExpiry{1};
// Without a time of its own a token is good until the server refuses it.
constexpr std::chrono::hours kUntilRefused{24 * 365};
constexpr std::string_view kGroup = "client.authentication.k8s.io/";

// Its standard output is never quoted: it holds the token.
Result<Token> read_credential(const std::string& output, const std::string& what,
                              os::WallTime now) {
  const auto answer = doc::parse_json(output);
  const doc::Value* status = answer ? answer->find("status") : nullptr;
  if (status == nullptr || answer->string_or("kind", "") != "ExecCredential") {
    return fail(ErrorCode::corrupt, what + " printed no ExecCredential");
  }
  Token token{.text = status->string_or("token", ""), .use_until = now + kUntilRefused};
  if (token.text.empty()) {
    return fail(ErrorCode::unsupported, what + " printed no token",
                "certificates from such a program are not used: take one that prints a token");
  }
  if (!is_header_value(token.text))
    return fail(ErrorCode::corrupt, what + " printed a token of more than one line");
  const std::string expires = status->string_or("expirationTimestamp", "");
  if (expires.empty()) return token;
  const auto time = aws::parse_iso_time(expires);
  if (!time) return fail(ErrorCode::corrupt, what + " printed an expirationTimestamp that is none");
  token.use_until = *time - kBeforeExpiry;
  return token;
}

os::ProcessSpec spec_of(const ExecTokenOptions& options, const ExecPlugin& plugin) {
  os::ProcessSpec spec;
  spec.argv = {plugin.command};
  spec.argv.insert(spec.argv.end(), plugin.arguments.begin(), plugin.arguments.end());
  spec.environment = options.environment;
  for (const auto& [name, value] : plugin.environment)
    spec.environment[name] = value;
  spec.environment["KUBERNETES_EXEC_INFO"] =
      doc::to_json(doc::Value::object({{"apiVersion", plugin.api_version},
                                       {"kind", "ExecCredential"},
                                       {"spec", doc::Value::object({{"interactive", false}})}}));
  spec.timeout = kTimeout;
  spec.grace = kGrace;
  return spec;
}

Result<Token> run_plugin(const ExecTokenOptions& options, const ExecPlugin& plugin,
                         const os::CancelToken& cancel) {
  const std::string what = "the kubeconfig's program " + plugin.command;
  if (!plugin.api_version.starts_with(kGroup)) {
    return fail(ErrorCode::unsupported,
                fmt::format("{} speaks '{}', which is no version of {}", what, plugin.api_version,
                            kGroup.substr(0, kGroup.size() - 1)));
  }
  auto done = os::capture(*options.processes, spec_of(options, plugin), cancel, kMaxOutputBytes);
  if (!done) return fail_because(what + " did not start", std::move(done.error()));
  switch (done->exit.how) {
    case os::ProcessExit::How::cancelled:
      return fail(ErrorCode::cancelled, what + " was cancelled: " + cancel.reason());
    case os::ProcessExit::How::timed_out:
      return fail(ErrorCode::timeout,
                  fmt::format("{} did not end within {} s", what, kTimeout.count()));
    case os::ProcessExit::How::signalled:
    case os::ProcessExit::How::exited:
      break;
  }
  if (done->exit.shell_code() != 0) {
    const std::string complaint = utf8_substr(trim(done->err), 0, kMaxComplaint);
    return fail(ErrorCode::permission,
                fmt::format("{} ended with exit code {}{}{}", what, done->exit.shell_code(),
                            complaint.empty() ? "" : ": ", complaint),
                "run it by hand to see why");
  }
  return read_credential(done->out, what, options.clock->now());
}

}  // namespace

std::shared_ptr<TokenProvider> make_exec_tokens(ExecTokenOptions options, ExecPlugin plugin) {
  const std::shared_ptr<os::Clock> clock = options.clock;
  TokenSource source{.make = {},
                     .identity = "the program " + plugin.command,
                     .remedy = "check that its identity has an access entry in the cluster"};
  source.make = [options = std::move(options), plugin = std::move(plugin)](
                    const os::CancelToken& cancel) { return run_plugin(options, plugin, cancel); };
  return make_token_provider(clock, std::move(source));
}

}  // namespace aphex::k8s
