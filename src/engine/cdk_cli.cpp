#include "engine/cdk_cli.hpp"

#include <charconv>

#include <fmt/format.h>

#include "base/text.hpp"
#include "doc/value.hpp"
#include "engine/app_files.hpp"
#include "os/files.hpp"

namespace aphex::engine {
namespace {

namespace fs = std::filesystem;

// A package.json is a few kilobytes.
constexpr std::size_t kMaxPackageBytes = 4U << 20U;
// `cdk --version` takes half a second; a minute means that it hangs.
constexpr std::chrono::seconds kVersionTimeout{60};

constexpr std::string_view kInstall =
    "add it to the application (npm install --save-dev aws-cdk@2), or name it in APHEX_CDK";

// It is named in package.json, but not there: not installed yet, or not among the artifacts.
constexpr std::string_view kInstallDeclared =
    "package.json names aws-cdk, but it is not installed: install the packages (npm ci, or npm "
    "install where there is no lock file yet); stages "
    "behind the build find them where build.cache names their directory (node_modules)";

bool is_declared(const CdkSearch& search) {
  const auto package = read_json_object(search.working_copy / "package.json");
  return package && depends_on_package(*package, "aws-cdk");
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// "<number>" at `at`, which moves behind it.
std::optional<int> read_number(std::string_view text, std::size_t& at) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data() + at, text.data() + text.size(), number);
  if (error != std::errc{}) return std::nullopt;
  at = static_cast<std::size_t>(end - text.data());
  return number;
}

std::optional<ToolVersion> version_at(std::string_view text, std::size_t at) {
  const std::optional<int> major = read_number(text, at);
  if (!major || at >= text.size() || text[at] != '.') return std::nullopt;
  const std::optional<int> minor = read_number(text, ++at);
  if (!minor) return std::nullopt;
  ToolVersion version{*major, *minor, 0};
  if (at < text.size() && text[at] == '.') version.patch = read_number(text, ++at).value_or(0);
  return version;
}

// An npm package's bin link leads into the package: reading its version there saves starting
// Node. Nothing where the program is something else (a wrapper script).
std::optional<ToolVersion> version_of_package(const fs::path& program) {
  std::error_code error;
  const fs::path real = fs::canonical(program, error);
  if (error) return std::nullopt;
  const auto text =
      os::read_file(real.parent_path().parent_path() / "package.json", kMaxPackageBytes);
  if (!text) return std::nullopt;
  const auto package = doc::parse_json(*text);
  if (!package || package->string_or("name", "") != "aws-cdk") return std::nullopt;
  return parse_version(package->string_or("version", ""));
}

Result<fs::path> locate(const CdkSearch& search) {
  const fs::path own = search.working_copy / "node_modules" / ".bin" / "cdk";
  std::error_code error;
  if (fs::exists(own, error)) return own;
  if (const auto named = search.environment.find("APHEX_CDK");
      named != search.environment.end() && !named->second.empty()) {
    auto found = os::find_program(named->second, search.environment);
    if (found) return found;
    return fail_because("APHEX_CDK names no program", std::move(found.error()));
  }
  if (auto found = os::find_program("cdk", search.environment)) return found;
  return fail(ErrorCode::not_found,
              "the CDK CLI was not found: neither node_modules/.bin/cdk in the application, nor "
              "APHEX_CDK, nor cdk in PATH",
              std::string(is_declared(search) ? kInstallDeclared : kInstall));
}

Result<ToolVersion> ask_version(const CdkSearch& search, const fs::path& program,
                                const os::CancelToken& cancel) {
  os::ProcessSpec spec;
  spec.argv = {program.string(), "--version"};
  spec.environment = cdk_environment(search.environment);
  spec.timeout = kVersionTimeout;
  APHEX_TRY(const os::Captured answer, os::capture(search.processes, spec, cancel));
  const std::optional<ToolVersion> version = parse_version(answer.out);
  if (answer.exit.shell_code() != 0 || !version) {
    return fail(
        ErrorCode::unsupported,
        fmt::format("{} --version does not answer with a version (exit code {}): {}",
                    program.string(), answer.exit.shell_code(), trim(answer.out + answer.err)),
        std::string(kInstall));
  }
  return *version;
}

}  // namespace

std::optional<ToolVersion> parse_version(std::string_view text) {
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (!is_digit(text[at]) || (at > 0 && (is_digit(text[at - 1]) || text[at - 1] == '.'))) {
      continue;
    }
    if (const auto version = version_at(text, at)) return version;
  }
  return std::nullopt;
}

std::string to_string(const ToolVersion& version) {
  return fmt::format("{}.{}.{}", version.major, version.minor, version.patch);
}

Result<CdkCli> find_cdk(const CdkSearch& search, const os::CancelToken& cancel) {
  APHEX_TRY(const fs::path program, locate(search));
  std::optional<ToolVersion> version = version_of_package(program);
  if (!version) {
    APHEX_TRY(version, ask_version(search, program, cancel));
  }
  if (*version < kOldestCdk) {
    return fail(ErrorCode::unsupported,
                fmt::format("the CDK CLI {} ({}) is too old: {} or newer is needed",
                            to_string(*version), program.string(), to_string(kOldestCdk)),
                "npm install --save-dev aws-cdk@2");
  }
  CdkCli cli{.program = program, .version = *version, .warning = {}};
  if (version->major > 2) {
    cli.warning = fmt::format(
        "CDK CLI {} ({}): version 3 reads older assemblies than aws-cdk-lib 2 writes; "
        "use aws-cdk@2 if synthesis or deployment complains about the assembly's schema",
        to_string(*version), program.string());
  }
  return cli;
}

os::EnvironmentVariables cdk_environment(os::EnvironmentVariables environment) {
  // The CLI takes CDK and CDK_* for options; these would redirect what we read back. The last
  // two make Node warn beside NO_COLOR.
  for (const char* name : {"CDK", "CDK_OUTDIR", "CDK_OUTPUT", "CDK_CONTEXT_JSON", "CDK_QUIET",
                           "FORCE_COLOR", "CLICOLOR_FORCE"}) {
    environment.erase(name);
  }
  environment["CI"] = "true";
  environment["CDK_DISABLE_CLI_TELEMETRY"] = "true";
  environment["NODE_NO_WARNINGS"] = "1";
  environment["NO_COLOR"] = "1";
  return environment;
}

std::optional<std::string> app_command(const fs::path& directory,
                                       const plan::Environment& environment) {
  const auto settings = read_json_object(directory / "cdk.json");
  if (!settings) return std::nullopt;
  std::string app(trim(settings->string_or("app", "")));
  std::error_code error;
  // A ready assembly needs no command.
  if (app.empty() || fs::is_directory(directory / app, error)) return std::nullopt;
  // The CLI starts a script by Node where the command begins with its name; behind our variables
  // it would not see that.
  const fs::path first = directory / app.substr(0, app.find(' '));
  if (first.extension() == ".js" && fs::is_regular_file(first, error)) app = "node " + app;
  return fmt::format("export CDK_DEFAULT_ACCOUNT={} CDK_DEFAULT_REGION={}; {}",
                     shell_quote(environment.account), shell_quote(environment.region), app);
}

std::vector<std::string> synth_arguments(const CdkCli& cli, const SynthArguments& arguments) {
  std::vector<std::string> argv{cli.program.string(),
                                "synth",
                                "--quiet",
                                "--no-color",
                                "--no-notices",
                                "--output",
                                arguments.output.string(),
                                "-c",
                                "environment=" + arguments.environment.name,
                                "-c",
                                "account=" + arguments.environment.account,
                                "-c",
                                "region=" + arguments.environment.region};
  if (!arguments.branch_id.empty())
    argv.insert(argv.end(), {"-c", "branch=" + arguments.branch_id});
  if (arguments.app) argv.insert(argv.end(), {"--app", *arguments.app});
  return argv;
}

std::vector<std::string> deploy_arguments(const CdkCli& cli, const DeployArguments& arguments) {
  return {cli.program.string(),
          "deploy",
          arguments.stack,
          "--app",
          arguments.assembly.string(),
          "--exclusively",
          "--require-approval",
          "never",
          "--outputs-file",
          arguments.outputs_file.string(),
          "--progress",
          "events",
          "--no-color",
          "--no-notices"};
}

}  // namespace aphex::engine
