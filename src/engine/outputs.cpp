#include "engine/outputs.hpp"

#include <fmt/format.h>

#include "base/text.hpp"
#include "doc/value.hpp"
#include "os/files.hpp"

namespace aphex::engine {
namespace {

namespace fs = std::filesystem;

// CloudFormation: 200 outputs of 1,024 bytes a stack; a hundred stacks of that.
constexpr std::size_t kMaxOutputsBytes = 64U << 20U;
// Linux takes about 2 MB of arguments and environment together; the rest is others' share.
constexpr std::size_t kMaxVariablesBytes = 1U << 20U;

bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

std::string variable_name(std::string_view stack, std::string_view key) {
  std::string name = to_upper(fmt::format("APHEX_OUTPUT_{}_{}", stack, key));
  for (char& c : name) {
    if (!is_alphanumeric(c)) c = '_';
  }
  return name;
}

std::map<std::string, std::string> values_of(const doc::Value& object) {
  std::map<std::string, std::string> values;
  for (const auto& [key, value] : *object.as_object()) {
    values[key] = value.is_string() ? *value.as_string() : doc::to_json(value);
  }
  return values;
}

}  // namespace

Result<Outputs> parse_outputs(std::string_view json, const std::string& name) {
  const auto root = doc::parse_json(json, {.max_bytes = kMaxOutputsBytes});
  if (!root) return fail(ErrorCode::corrupt, fmt::format("{}: {}", name, root.error().message));
  if (!root->is_object()) {
    return fail(ErrorCode::corrupt, fmt::format("{}: outputs are an object of stacks", name));
  }
  Outputs outputs;
  for (const auto& [stack, values] : *root->as_object()) {
    if (!values.is_object()) {
      return fail(ErrorCode::corrupt, fmt::format("{}: {} is no object", name, stack));
    }
    outputs.push_back({stack, values_of(values)});
  }
  return outputs;
}

Result<Outputs> read_outputs(const fs::path& file) {
  APHEX_TRY(const std::string text, os::read_file(file, kMaxOutputsBytes));
  return parse_outputs(text, file.string());
}

std::string outputs_json(const Outputs& outputs) {
  doc::Value root = doc::Value::object();
  for (const StackOutputs& stack : outputs) {
    doc::Value values = doc::Value::object();
    for (const auto& [key, value] : stack.values)
      values.set(key, value);
    root.set(stack.stack, std::move(values));
  }
  return doc::to_json(root, 2) + "\n";
}

Result<std::map<std::string, std::string>> read_cdk_outputs(const fs::path& file,
                                                            const std::string& physical_name) {
  APHEX_TRY(const std::string text, os::read_file(file, kMaxOutputsBytes));
  const auto root = doc::parse_json(text, {.max_bytes = kMaxOutputsBytes});
  if (!root) {
    return fail(ErrorCode::corrupt, fmt::format("{}: {}", file.string(), root.error().message));
  }
  const doc::Value* values = root->find(physical_name);
  if (values == nullptr || !values->is_object()) return std::map<std::string, std::string>{};
  return values_of(*values);
}

fs::path stack_outputs_file(const RunPaths& paths, const std::string& environment,
                            const std::string& stack) {
  return paths.root / "outputs" / (file_name_for(environment) + ".stacks") /
         (file_name_for(stack) + ".json");
}

std::string outputs_key(const std::string& artifact_prefix, const std::string& environment) {
  return fmt::format("{}/outputs/{}.json", artifact_prefix, environment);
}

std::string file_name_for(std::string_view name) {
  std::string result(name);
  for (char& c : result) {
    if (!is_alphanumeric(c) && c != '-' && c != '_' && c != '.') c = '-';
  }
  if (result.empty() || result.front() == '.') result.insert(result.begin(), '-');
  return result;
}

OutputVariables output_variables(const Outputs& outputs) {
  OutputVariables result;
  std::map<std::string, std::string> owners;
  std::size_t bytes = 0;
  std::size_t left_out = 0;
  for (const StackOutputs& stack : outputs) {
    for (const auto& [key, value] : stack.values) {
      const std::string name = variable_name(stack.stack, key);
      bytes += name.size() + value.size() + 2;
      if (bytes > kMaxVariablesBytes || value.find('\0') != std::string::npos) {
        ++left_out;
        continue;
      }
      const std::string owner = stack.stack + "." + key;
      if (const auto [found, added] = owners.emplace(name, owner); !added) {
        result.notes.push_back(fmt::format("{} and {} share the variable {}; it holds {}",
                                           found->second, owner, name, owner));
        found->second = owner;
      }
      result.variables[name] = value;
    }
  }
  if (left_out > 0) {
    result.notes.push_back(
        fmt::format("{} outputs have no variable (more than {} in all); read APHEX_OUTPUTS_FILE",
                    left_out, human_bytes(kMaxVariablesBytes)));
  }
  return result;
}

Result<os::EnvironmentVariables> output_variables(const fs::path& file) {
  APHEX_TRY(const Outputs outputs, read_outputs(file));
  os::EnvironmentVariables variables = output_variables(outputs).variables;
  variables["APHEX_OUTPUTS_FILE"] = file.string();
  return variables;
}

}  // namespace aphex::engine
