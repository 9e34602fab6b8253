// Any bytes as what the CDK's command line and an earlier stage leave in files: the manifest of a
// cloud assembly, an assembly's record, outputs, a plan. Nothing crashes, hangs, or names a file
// outside of the assembly.
#include <cstdint>

#include "doc/value.hpp"
#include "engine/assembly.hpp"
#include "engine/assembly_record.hpp"
#include "engine/outputs.hpp"
#include "engine/run_engine.hpp"
#include "fuzz/scratch.hpp"
#include "plan/plan.hpp"
#include "plan/stack_order.hpp"

namespace {

namespace fs = std::filesystem;
using namespace aphex;  // NOLINT(google-build-using-namespace): three folders of it
using fuzz::require;

void read_assembly_of(const fuzz::Scratch& scratch, std::string_view text) {
  // The same manifest again in a folder that it may name as nested.
  scratch.write("assembly/manifest.json", text);
  scratch.write("assembly/nested/manifest.json", text);
  const fs::path directory = scratch.root() / "assembly";
  const auto assembly = engine::read_assembly(directory);
  if (!assembly) return;
  for (const engine::AssemblyStack& stack : assembly->stacks) {
    const std::string file = stack.template_file.lexically_normal().string();
    require(file.starts_with(directory.string() + "/") || file == directory.string());
    for (const std::size_t need : stack.needs)
      require(need < assembly->stacks.size());
    require(engine::environment_address(stack).starts_with("aws://"));
  }
}

void read_record_of(const fuzz::Scratch& scratch, std::string_view text) {
  scratch.write("assembly/" + std::string(engine::kAssemblyRecordFile), text);
  const auto record = engine::read_record(scratch.root() / "assembly");
  if (record) (void)engine::why_unfit(*record, engine::AssemblyRecord{});
}

void read_outputs_of(const fuzz::Scratch& scratch, std::string_view text) {
  (void)engine::read_cdk_outputs(scratch.write("cdk-outputs.json", text), "Stack");
  const auto outputs = engine::parse_outputs(text, "outputs.json");
  if (!outputs) return;
  const auto again = engine::parse_outputs(engine::outputs_json(*outputs), "outputs.json");
  require(again.has_value() && *again == *outputs);
  for (const auto& [name, value] : engine::output_variables(*outputs).variables) {
    require(name.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == std::string::npos);
    // What a process's environment cannot carry.
    require(value.find('\0') == std::string::npos);
  }
}

void read_plan(std::string_view text) {
  const auto value = doc::parse_json(text);
  if (!value) return;
  (void)engine::run_options_from(std::string(text));
  const auto made = plan::from_value(*value);
  if (!made) return;
  const auto again = plan::from_value(plan::to_value(*made));
  require(again.has_value() && plan::digest(*again) == plan::digest(*made));
  for (const plan::Environment& environment : made->environments)
    (void)plan::order_stacks(environment, {});
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const fuzz::Scratch scratch;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  read_assembly_of(scratch, text);
  read_record_of(scratch, text);
  read_outputs_of(scratch, text);
  read_plan(text);
  return 0;
}
