// Gathers what `aphex init` writes down: the assembly, the scripts, the files.

#include <array>

#include <fmt/format.h>

#include "base/text.hpp"
#include "engine/app_files.hpp"
#include "engine/cdk_cli.hpp"
#include "engine/cdk_failure.hpp"
#include "engine/init_config.hpp"
#include "engine/source_scan.hpp"
#include "os/files.hpp"

namespace aphex::engine {
namespace {

namespace fs = std::filesystem;

// Names that people give to tests of what is deployed.
constexpr std::array<std::string_view, 7> kTestScripts{
    "test:integration", "test:integ", "test:e2e", "integration", "integ", "e2e", "test:deployed"};
// npm init's default script, which only fails.
constexpr std::string_view kNoTest = "no test specified";
// A work tree's look-ups must not be written down by a command that says it changes nothing.
constexpr std::size_t kMaxContextBytes = 64U << 20U;

void say(const InitRequest& request, std::string_view line) {
  if (request.on_line) request.on_line(line);
}

std::string script(const doc::Value& package, std::string_view name) {
  const doc::Value* text = package.find({"scripts", name});
  return text != nullptr && text->is_string() ? *text->as_string() : std::string();
}

void read_commands(const fs::path& repository, const doc::Value& package, AppFacts& facts) {
  const PackageManager& manager = package_manager_of(repository);
  const auto run = [&](std::string_view name) { return fmt::format("{} {}", manager.run, name); };
  facts.build_commands.push_back(
      has_lock_file(repository)
          ? fmt::format("[ \"$APHEX_CACHE_HIT\" = exact ] || {}", manager.install)
          : fmt::format("{} install", manager.program));
  if (!script(package, "build").empty()) facts.build_commands.push_back(run("build"));
  if (const std::string test = script(package, "test");
      !test.empty() && test.find(kNoTest) == std::string::npos) {
    facts.build_commands.push_back(run("test"));
  }
  for (std::string_view name : kTestScripts) {
    if (script(package, name).empty()) continue;
    facts.test_commands.push_back(run(name));
    break;
  }
}

Result<Assembly> synthesize(const InitRequest& request, const fs::path& output,
                            const os::CancelToken& cancel) {
  APHEX_TRY(const CdkCli cli, find_cdk({.processes = request.processes,
                                        .environment = request.environment,
                                        .working_copy = request.repository},
                                       cancel));
  if (!cli.warning.empty()) say(request, "warning: " + cli.warning);
  os::ProcessSpec spec;
  spec.argv = {cli.program.string(), "synth",        "--quiet",
               "--no-color",         "--no-notices", "--output",
               output.string(),      "-c",           "environment=" + request.environment_name};
  spec.working_directory = request.repository;
  spec.environment = cdk_environment(request.environment);
  spec.environment["CDK_VALIDATION"] = "false";
  CliTail tail;
  CliChatter chatter;
  const auto lines = [&](os::Stream stream) {
    return os::LineSplitter([&, stream](std::string_view line) {
      tail.add(stream, line);
      if (chatter.shows(line)) say(request, line);
    });
  };
  os::LineSplitter out = lines(os::Stream::out);
  os::LineSplitter err = lines(os::Stream::err);
  spec.on_output = [&](os::Stream stream, std::string_view chunk) {
    (stream == os::Stream::out ? out : err).feed(chunk);
  };
  APHEX_TRY(const os::ProcessExit exit, request.processes.run(spec, cancel));
  out.finish();
  err.finish();
  if (exit.how == os::ProcessExit::How::cancelled) {
    return fail(ErrorCode::cancelled, "cancelled while the application was synthesized");
  }
  if (exit.shell_code() == 0) return read_assembly(output);
  Error error = cli_error(
      fmt::format("cdk synth failed (exit code {}), so the application's stacks are unknown",
                  exit.shell_code()),
      tail);
  error.exit_code = exit.shell_code();
  if (error.hint.empty()) {
    const PackageManager& manager = package_manager_of(request.repository);
    std::error_code ignored;
    error.hint = fs::exists(request.repository / "node_modules", ignored)
                     ? "build the application first if its cdk.json starts compiled code"
                     : fmt::format("install its dependencies first: {}",
                                   has_lock_file(request.repository)
                                       ? manager.install
                                       : std::string_view("npm install, and commit the lock file "
                                                          "that it writes"));
  }
  return fail(std::move(error));
}

// cdk.context.json as it was, whatever the CLI looked up.
Result<Assembly> synthesize_cleanly(const InitRequest& request, const os::CancelToken& cancel) {
  APHEX_TRY(const os::TemporaryDirectory temporary,
            os::TemporaryDirectory::create(fs::temp_directory_path(), "aphex-init-"));
  const fs::path context_file = request.repository / "cdk.context.json";
  const auto before = os::read_file(context_file, kMaxContextBytes);
  auto assembly = synthesize(request, temporary.path() / "assembly", cancel);
  const auto after = os::read_file(context_file, kMaxContextBytes);
  if (!before && after) {
    APHEX_CHECK(os::remove_tree(context_file));
  } else if (before && (!after || *after != *before)) {
    APHEX_CHECK(os::write_file_atomic(context_file, *before));
  }
  return assembly;
}

Status find_files(const InitRequest& request, const std::string& app_command, AppFacts& facts) {
  APHEX_TRY(const std::vector<SourceFile> files, scan_repository(request.repository));
  if (files.empty()) {
    return fail(ErrorCode::not_found,
                fmt::format("there is no TypeScript file in {}", request.repository.string()),
                "aphex-config.yaml names the TypeScript file of each stack");
  }
  const std::optional<std::string> app = file_of_app(files, app_command);
  for (const AssemblyStack& stack : facts.assembly.stacks) {
    const std::string construct_id = stack.name.substr(stack.name.rfind('/') + 1);
    auto file = file_of_stack(files, construct_id);
    if (!file) file = app;
    if (file) facts.stack_files.emplace(stack.name, *file);
  }
  return {};
}

}  // namespace

Result<InitialConfig> make_initial_config(const InitRequest& request,
                                          const os::CancelToken& cancel) {
  auto settings = read_json_object(request.repository / "cdk.json");
  if (!settings) {
    if (settings.error().code != ErrorCode::not_found) return fail(std::move(settings.error()));
    return fail(ErrorCode::not_found,
                fmt::format("there is no cdk.json in {}", request.repository.string()),
                "run `aphex init` at the root of a CDK application (cdk init app --language "
                "typescript makes one)");
  }
  AppFacts facts;
  facts.environment_name = request.environment_name;
  if (const auto region = request.environment.find("AWS_REGION");
      region != request.environment.end()) {
    facts.region = region->second;
  }
  const auto package = read_json_object(request.repository / "package.json");
  read_commands(request.repository, package ? *package : doc::Value::object(), facts);
  say(request, "synthesizing the application to see its stacks");
  APHEX_TRY(facts.assembly, synthesize_cleanly(request, cancel));
  if (facts.assembly.stacks.empty()) {
    return fail(ErrorCode::not_found, "the application has no stacks", "`cdk ls` lists them");
  }
  APHEX_CHECK(find_files(request, settings->string_or("app", ""), facts));
  return initial_config(facts);
}

}  // namespace aphex::engine
