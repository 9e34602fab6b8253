// What the cdk command line tells an application by its environment, and what it expects of it.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "aphex/app.hpp"
#include "doc/value.hpp"
#include "os/files.hpp"

namespace aphex {
namespace {

constexpr std::string_view kPathMetadata = "aws:cdk:enable-path-metadata";
constexpr std::string_view kDefaultOutdir = "cdk.out";
// The command line writes what exceeds a variable's 32 KiB or so; nobody's context has megabytes.
constexpr std::size_t kMaxContextBytes = 64U << 20U;

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

void read_context(std::string_view text, std::string_view from, AppProps& props) {
  const auto value = doc::parse_json(text);
  const Value::Object* members = value ? value->as_object() : nullptr;
  if (members == nullptr) {
    props.problems.push_back(
        fmt::format("{} is no JSON object{}", from, value ? "" : ": " + describe(value.error())));
    return;
  }
  props.context.insert(props.context.end(), members->begin(), members->end());
}

AppProps props_of_environment() {
  AppProps props;
  if (const std::string file = variable("CONTEXT_OVERFLOW_LOCATION"); !file.empty()) {
    const auto text = os::read_file(file, kMaxContextBytes);
    if (text) {
      read_context(*text, file, props);
    } else {
      props.problems.push_back("CONTEXT_OVERFLOW_LOCATION: " + describe(text.error()));
    }
  }
  const std::string text = variable("CDK_CONTEXT_JSON");
  if (text.empty()) return props;
  read_context(text, "CDK_CONTEXT_JSON", props);
  // `cdk --no-path-metadata` says so by leaving the key out.
  const bool silent =
      std::none_of(props.context.begin(), props.context.end(),
                   [](const Member& member) { return member.first == kPathMetadata; });
  if (silent) props.context.emplace_back(kPathMetadata, false);
  return props;
}

}  // namespace

App::App() : App(props_of_environment()) {}

Result<std::filesystem::path> App::synth() const {
  const Synthesis synthesis = assemble();
  if (!synthesis.ok()) {
    const std::size_t count = synthesis.problems.size();
    return fail(ErrorCode::invalid_config,
                fmt::format("the application has {}, and nothing was written:\n{}",
                            count == 1 ? "a problem" : fmt::format("{} problems", count),
                            describe(synthesis.problems)));
  }
  std::filesystem::path directory = outdir_;
  Replaces replaces = Replaces::our_own;
  if (directory.empty()) {
    directory = variable("CDK_OUTDIR");
    if (!directory.empty()) replaces = Replaces::any_assembly;
  }
  if (directory.empty()) directory = kDefaultOutdir;
  APHEX_CHECK(write_assembly(synthesis.assembly, directory, replaces));
  return directory;
}

Environment cli_environment() {
  return {.account = variable("CDK_DEFAULT_ACCOUNT"), .region = variable("CDK_DEFAULT_REGION")};
}

int finish(const Result<std::filesystem::path>& synthesized) {
  return synthesized ? 0 : finish(synthesized.error());
}

int finish(const Error& error) {
  std::string text = describe(error) + "\n";
  if (!error.hint.empty()) text += "hint: " + error.hint + "\n";
  std::fputs(text.c_str(), stderr);
  return 1;
}

}  // namespace aphex
