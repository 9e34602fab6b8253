// As the cdk command line does: cdk.json's `context` wins over cdk.context.json, which is context
// as a whole (@aws-cdk/toolkit-lib, context-store.ts).
#include "cli/cdk_context.hpp"

#include <fmt/format.h>

#include "cli/configuration_file.hpp"
#include "doc/value.hpp"
#include "os/files.hpp"

namespace aphex::cli {
namespace {

constexpr const char* kProject = "cdk.json";
constexpr const char* kLookedUp = "cdk.context.json";
constexpr const char* kGiven = "CDK_CONTEXT_JSON";

// Null where there is no such file.
Result<Value> read_object(const std::string& file) {
  auto text = os::read_file(file);
  if (!text) {
    if (text.error().code == ErrorCode::not_found) return Value();
    return fail(std::move(text.error()));
  }
  auto value = doc::parse_json(*text);
  if (value && value->is_object()) return value;
  return fail(ErrorCode::invalid_config,
              fmt::format("{} is no JSON object{}", file,
                          value ? std::string() : ": " + describe(value.error())),
              "the cdk command line reads it too: mend it");
}

}  // namespace

Result<std::vector<pipeline::Layer>> cdk_context_layers(
    const os::EnvironmentVariables& environment) {
  std::vector<pipeline::Layer> layers;
  if (const auto given = environment.find(kGiven);
      given != environment.end() && !given->second.empty()) {
    return layers;
  }
  const auto add = [&](const Value* context, const std::string& file) {
    if (context == nullptr) return;
    layers.push_back(pipeline::context_layer(*context));
    layers.back().place = file;
  };
  const std::string project = find_upwards(kProject);
  const std::string looked_up = (std::filesystem::path(project).parent_path() / kLookedUp).string();
  APHEX_TRY(const Value whole, read_object(looked_up));
  add(&whole, looked_up);
  APHEX_TRY(const Value settings, read_object(project));
  add(settings.find("context"), project);
  return layers;
}

}  // namespace aphex::cli
