#include "engine/installation.hpp"

#include <optional>
#include <string>
#include <system_error>

#include "base/text.hpp"

namespace aphex::engine {

namespace {

namespace fs = std::filesystem;

constexpr const char* kPackageName = "aphex_sandbox";
constexpr const char* kCdkOfPackages = "node_modules/.bin/cdk";

std::string value_of(const os::EnvironmentVariables& environment, const std::string& name) {
  const auto at = environment.find(name);
  return at == environment.end() ? std::string() : at->second;
}

bool is_there(const fs::path& path) {
  std::error_code error;
  return fs::exists(path, error);
}

bool is_source_tree(const fs::path& directory) {
  return is_there(directory / "sandbox" / kPackageName) &&
         is_there(directory / "CMakePresets.json");
}

fs::path executable() {
  std::error_code error;
  return fs::read_symlink("/proc/self/exe", error);
}

// A program in build/<preset>/bin finds its tree above itself, wherever the tree was moved to; one
// that was built elsewhere knows it from its build. An installed program has none.
std::optional<fs::path> source_tree() {
  for (fs::path at = executable().parent_path(); at.has_relative_path(); at = at.parent_path()) {
    if (is_source_tree(at)) return at;
  }
  const fs::path built(APHEX_SOURCE_TREE);  // empty in a program that is given away
  if (!built.empty() && is_source_tree(built)) return built;
  return std::nullopt;
}

fs::path installed_package() {
  return executable().parent_path().parent_path() / "share" / "aphex" / "sandbox";
}

}  // namespace

Result<fs::path> find_sandbox_package(const os::EnvironmentVariables& environment) {
  if (const std::string given = value_of(environment, "APHEX_SANDBOX_PACKAGE"); !given.empty()) {
    if (is_there(fs::path(given) / kPackageName)) return fs::path(given);
    return fail(ErrorCode::not_found,
                "APHEX_SANDBOX_PACKAGE names " + given + ", which holds no " + kPackageName,
                "unset it, or name the directory that holds " + std::string(kPackageName));
  }
  if (const auto tree = source_tree()) return *tree / "sandbox";
  if (is_there(installed_package() / kPackageName)) return installed_package();
  return fail(ErrorCode::not_found,
              "the sandbox's Python code is not installed: nothing at " +
                  (installed_package() / kPackageName).string(),
              "install aphex again, or set APHEX_SANDBOX_PACKAGE to the directory that holds it");
}

Result<fs::path> find_sandbox_python(const os::EnvironmentVariables& environment,
                                     const StatePaths& paths) {
  if (const std::string given = value_of(environment, "APHEX_SANDBOX_PYTHON"); !given.empty()) {
    auto found = os::find_program(given, environment);
    if (found) return found;
    return fail_because("APHEX_SANDBOX_PYTHON names " + given, std::move(found.error()));
  }
  const fs::path own = paths.sandbox() / "venv";
  const auto tree = source_tree();
  if (tree && is_there(*tree / ".venv/bin/python")) return *tree / ".venv/bin/python";
  if (is_there(own / "bin/python")) return own / "bin/python";
  if (tree) {
    return fail(ErrorCode::not_found,
                "the sandbox needs Python with its requirements, and there is no " +
                    (*tree / ".venv").string(),
                "run scripts/setup --only python in " + tree->string());
  }
  const fs::path requirements =
      find_sandbox_package(environment).value_or(installed_package()) / "requirements.txt";
  return fail(ErrorCode::not_found,
              "the sandbox needs Python with its requirements, and there is no " + own.string(),
              "python3 -m venv " + shell_quote(own.string()) + " && " +
                  shell_quote((own / "bin/pip").string()) + " install -r " +
                  shell_quote(requirements.string()));
}

fs::path find_sandbox_node_modules(const os::EnvironmentVariables& environment) {
  if (const std::string given = value_of(environment, "APHEX_SANDBOX_NODE_PATH"); !given.empty()) {
    return given;
  }
  const auto tree = source_tree();
  if (tree && is_there(*tree / "node_modules/@aws-sdk")) return *tree / "node_modules";
  return {};
}

Result<fs::path> find_bootstrap_cdk(const os::EnvironmentVariables& environment,
                                    const fs::path& application) {
  if (!application.empty() && is_there(application / kCdkOfPackages)) {
    return application / kCdkOfPackages;
  }
  if (const std::string given = value_of(environment, "APHEX_CDK"); !given.empty()) {
    auto found = os::find_program(given, environment);
    if (found) return found;
    return fail_because("APHEX_CDK names " + given, std::move(found.error()));
  }
  if (const auto tree = source_tree(); tree && is_there(*tree / kCdkOfPackages)) {
    return *tree / kCdkOfPackages;
  }
  auto found = os::find_program("cdk", environment);
  if (found) return found;
  return fail(ErrorCode::not_found,
              "the CDK CLI, which bootstraps the sandbox's accounts, was not found: neither " +
                  (application.empty() ? std::string(kCdkOfPackages)
                                       : (application / kCdkOfPackages).string()) +
                  ", nor APHEX_CDK, nor cdk in PATH",
              "install the application's packages (npm ci), add it to them (npm install --save-dev "
              "aws-cdk@2), or name it in APHEX_CDK");
}

}  // namespace aphex::engine
