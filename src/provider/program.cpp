#include "provider/program.hpp"

#include <array>
#include <filesystem>

#include "aws/credentials.hpp"
#include "base/text.hpp"
#include "os/clock.hpp"
#include "os/process.hpp"
#include "os/signals.hpp"
#include "provider/aws_world.hpp"
#include "provider/serve.hpp"

namespace aphex::provider {
namespace {

// Amazon Linux 2023, Debian, SUSE: the program brings its own libcurl, whose built-in path is that
// of the machine it was built on.
constexpr std::array<const char*, 3> kCaBundles = {"/etc/pki/tls/certs/ca-bundle.crt",
                                                   "/etc/ssl/certs/ca-certificates.crt",
                                                   "/etc/ssl/ca-bundle.pem"};

std::string value_of(const os::EnvironmentVariables& environment, const std::string& name) {
  const auto at = environment.find(name);
  return at == environment.end() ? std::string() : at->second;
}

// Empty: libcurl's own default.
std::string find_ca_bundle(const os::EnvironmentVariables& environment) {
  if (std::string given = value_of(environment, "AWS_CA_BUNDLE"); !given.empty()) return given;
  for (const char* path : kCaBundles) {
    std::error_code absent;
    if (std::filesystem::exists(path, absent)) return path;
  }
  return {};
}

int complain(EventLog& log, const Error& error) {
  log.write(Level::error, "cannot run", doc::Value::object({{"error", describe(error)}}));
  return 1;
}

}  // namespace

int run_program() {
  const os::CancelSource stop;
  const os::SignalGuard signals(stop);
  const os::EnvironmentVariables environment = os::current_environment();
  const std::shared_ptr<os::Clock> clock = os::make_system_clock();
  EventLog log(*clock);
  const std::string address = value_of(environment, "AWS_LAMBDA_RUNTIME_API");
  if (address.empty()) {
    return complain(log, Error{.code = ErrorCode::usage,
                               .message = "AWS_LAMBDA_RUNTIME_API is not set: this program runs as "
                                          "a function of AWS Lambda",
                               .hint = {},
                               .retry = Retry::terminal,
                               .exit_code = 0,
                               .cause = nullptr});
  }
  const std::shared_ptr<aws::HttpClient> http =
      aws::make_http_client(aws::HttpOptions{.ca_bundle = find_ca_bundle(environment)});
  RuntimeApi runtime(*http, address);
  aws::AwsContext context{.http = http,
                          .credentials = aws::make_default_credentials(
                              http, clock, os::make_process_runner(), environment),
                          .clock = clock,
                          .environment = environment};
  Result<std::unique_ptr<World>> world = make_aws_world(std::move(context));
  if (!world) {
    const Status told = runtime.report_init_error(world.error());
    if (!told) log.write(Level::error, "Lambda was not told", {});
    return complain(log, world.error());
  }
  const Service service{.runtime = runtime,
                        .http = *http,
                        .clock = *clock,
                        .log = log,
                        .world = **world,
                        .log_stream = value_of(environment, "AWS_LAMBDA_LOG_STREAM_NAME")};
  const Status served = serve(service, stop.token());
  if (!served) return complain(log, served.error());
  return 0;
}

}  // namespace aphex::provider
