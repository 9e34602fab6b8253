#include "cdk/emit.hpp"

#include <algorithm>
#include <unordered_set>

#include <fmt/format.h>

#include "base/sha256.hpp"
#include "cdk/bootstrap.hpp"
#include "cdk/checks.hpp"
#include "cdk/members.hpp"
#include "cdk/references.hpp"
#include "cdk/render.hpp"
#include "cdk/tag_rules.hpp"
#include "doc/value.hpp"

namespace aphex::cdk {
namespace {

constexpr int kIndent = 1;

class Emitter {
 public:
  explicit Emitter(Synthesis& synthesis) : synthesis_(synthesis) {}

  // `prefix` is the directory of the stage with '/' behind it, or empty.
  void stage(StageModel& stage, const std::string& prefix) {
    Value::Object artifacts;
    for (const StageModel* inner : stage.stages) {
      const std::string id = inner->stage->artifact_id();
      artifacts.emplace_back(
          id, Value::object(
                  {{"type", "cdk:cloud-assembly"},
                   {"properties", Value::object({{"directoryName", id},
                                                 {"displayName", inner->stage->node().path()}})}}));
    }
    for (StackModel* stack : stage.stacks)
      this->stack(*stack, prefix, artifacts);
    if (prefix.empty()) {
      artifacts.emplace_back(
          "Tree", Value::object({{"type", "cdk:tree"},
                                 {"properties", Value::object({{"file", "tree.json"}})}}));
    }
    const Value manifest =
        Value::object({{"version", kSchemaVersion}, {"artifacts", std::move(artifacts)}});
    file(prefix + "manifest.json", doc::to_json(manifest, kIndent));
    file(prefix + "cdk.out", doc::to_json(Value::object({{"version", kSchemaVersion}})));
    for (StageModel* inner : stage.stages)
      this->stage(*inner, prefix + inner->stage->artifact_id() + "/");
  }

  void file(std::string path, std::string content) {
    synthesis_.assembly.files.push_back(
        {.path = std::move(path), .content = std::move(content), .copy_of = {}, .sha256 = {}});
  }

 private:
  void stack(StackModel& model, const std::string& prefix, Value::Object& artifacts) {
    const Stack& stack = *model.stack;
    const BootstrapNames names = bootstrap_names(stack);
    const std::string id = stack.artifact_id();
    const std::string template_file = id + ".template.json";
    Value cloudformation = make_template(model);
    std::string text = doc::to_json(cloudformation, kIndent);
    check_template_size(model, text.size(), synthesis_.problems);
    const std::string hash = sha256_hex(text);

    artifacts.emplace_back(id + ".assets", asset_manifest(model, names, prefix, hash));
    artifacts.emplace_back(id, artifact(model, names, template_file, hash));
    file(prefix + template_file, std::move(text));
    synthesis_.assembly.stacks.push_back({.id = id,
                                          .display_name = stack.node().path(),
                                          .stack_name = stack.stack_name(),
                                          .template_file = prefix + template_file,
                                          .cloudformation = std::move(cloudformation)});
  }

  // Writes <stack>.assets.json; the result is its artifact.
  Value asset_manifest(const StackModel& model, const BootstrapNames& names,
                       const std::string& prefix, const std::string& template_hash) {
    const Stack& stack = *model.stack;
    Value::Object files;
    std::unordered_set<std::string_view> known;
    for (const FileAsset* asset : model.assets) {
      if (!known.insert(asset->sha256()).second) continue;
      files.emplace_back(asset->sha256(),
                         published(stack, names, asset->file_name(),
                                   object_key(stack, asset->sha256(), asset->props().extension)));
      asset_file(*asset, prefix);
    }
    files.emplace_back(template_hash,
                       published(stack, names, stack.artifact_id() + ".template.json",
                                 object_key(stack, template_hash, ".json")));
    const std::string path = stack.artifact_id() + ".assets.json";
    const Value manifest = Value::object({{"version", kSchemaVersion},
                                          {"files", std::move(files)},
                                          {"dockerImages", Value::object()}});
    file(prefix + path, doc::to_json(manifest, kIndent));
    return Value::object(
        {{"type", "cdk:asset-manifest"},
         {"properties",
          Value::object({{"file", path},
                         {"requiresBootstrapStackVersion", kMinBootstrapVersion},
                         {"bootstrapStackVersionSsmParameter", names.version_parameter}})}});
  }

  static Value published(const Stack& stack, const BootstrapNames& names, const std::string& path,
                         const std::string& key) {
    const Environment& env = stack.env();
    Value destination = Value::object({{"bucketName", names.bucket}, {"objectKey", key}});
    if (!env.region.empty()) destination.set("region", env.region);
    destination.set("assumeRoleArn", names.publishing_role);
    const std::string name =
        fmt::format("{}-{}", env.account.empty() ? "current_account" : env.account,
                    env.region.empty() ? "current_region" : env.region);
    return Value::object({{"source", Value::object({{"path", path}, {"packaging", "file"}})},
                          {"destinations", Value::object({{name, std::move(destination)}})}});
  }

  void asset_file(const FileAsset& asset, const std::string& prefix) {
    std::string path = prefix + asset.file_name();
    // Two stacks may use the same bytes.
    if (!asset_files_.insert(path).second) return;
    synthesis_.assembly.files.push_back({.path = std::move(path),
                                         .content = asset.props().content,
                                         .copy_of = asset.props().path,
                                         .sha256 = asset.sha256()});
  }

  Value artifact(const StackModel& model, const BootstrapNames& names,
                 const std::string& template_file, const std::string& hash) {
    const Stack& stack = *model.stack;
    const std::vector<Tag> tags = stack_tags(model);
    if (tags.size() > kMaxTags) {
      synthesis_.problems.push_back(
          {.path = stack.node().path(),
           .message = fmt::format("has {} tags, and AWS takes {}", tags.size(), kMaxTags),
           .hint = {}});
    }
    Value properties = Value::object({{"templateFile", template_file}});
    properties.set("terminationProtection",
                   stack.props().termination_protection == TerminationProtection::on);
    if (!tags.empty()) {
      Value::Object rendered;
      for (const Tag& tag : tags)
        rendered.emplace_back(tag.key, tag.value);
      properties.set("tags", std::move(rendered));
    }
    properties.set("validateOnSynth", false);
    properties.set("assumeRoleArn", names.deploy_role);
    properties.set("cloudFormationExecutionRoleArn", names.execution_role);
    properties.set("stackTemplateAssetObjectUrl",
                   "s3://" + names.bucket + "/" + object_key(stack, hash, ".json"));
    properties.set("requiresBootstrapStackVersion", kMinBootstrapVersion);
    properties.set("bootstrapStackVersionSsmParameter", names.version_parameter);
    properties.set("additionalDependencies", Value::array({stack.artifact_id() + ".assets"}));
    properties.set("lookupRole",
                   Value::object({{"arn", names.lookup_role},
                                  {"requiresBootstrapStackVersion", kMinLookupRoleVersion},
                                  {"bootstrapStackVersionSsmParameter", names.version_parameter}}));
    if (stack.stack_name() != stack.artifact_id()) properties.set("stackName", stack.stack_name());
    Value value = Value::object({{"type", "aws:cloudformation:stack"},
                                 {"environment", environment_name(stack.env())},
                                 {"properties", std::move(properties)},
                                 {"dependencies", dependencies(model)}});
    value.set("metadata", metadata(model, tags));
    value.set("displayName", stack.node().path());
    return value;
  }

  static std::vector<Tag> stack_tags(const StackModel& model) {
    std::vector<Tag> own;
    for (const auto& [key, value] : model.stack->props().tags)
      own.push_back({.key = key, .value = value});
    return effective_tags(model.tag_rules, kStackTagType, own);
  }

  static Value dependencies(const StackModel& model) {
    std::vector<std::string> ids;
    for (const StackModel* needed : model.needs)
      ids.push_back(needed->stack->artifact_id());
    std::sort(ids.begin(), ids.end());
    ids.push_back(model.stack->artifact_id() + ".assets");
    return Value::strings(ids);
  }

  // By path: the logical ids, the tags of the stack, and what constructs have to say.
  static Value metadata(const StackModel& model, const std::vector<Tag>& tags) {
    Value::Object entries;
    const auto entry = [&entries](const Construct& construct) -> Value& {
      std::string path = "/" + construct.node().path();
      if (entries.empty() || entries.back().first != path)
        entries.emplace_back(std::move(path), Value::array());
      return entries.back().second;
    };
    if (!tags.empty()) {
      Value::Array list;
      for (const Tag& tag : tags)
        list.push_back(Value::object({{"Key", tag.key}, {"Value", tag.value}}));
      entry(*model.stack)
          .push_back(Value::object({{"type", "aws:cdk:stack-tags"}, {"data", std::move(list)}}));
    }
    for (const Annotated& annotated : model.annotated) {
      Value& list = entry(*annotated.construct);
      if (annotated.element != nullptr) {
        list.push_back(members("type", "aws:cdk:logicalId", "data", annotated.element->logical_id));
      }
      for (const Metadata& note : annotated.construct->node().metadata()) {
        if (note.type.starts_with("aws:cdk:"))
          list.push_back(members("type", note.type, "data", note.data));
      }
    }
    return entries;
  }

  Synthesis& synthesis_;
  std::unordered_set<std::string> asset_files_;
};

}  // namespace

void emit(Model& model, std::string_view library_version, Synthesis& synthesis) {
  Emitter emitter(synthesis);
  // Before templates, which take the rendered elements away.
  emitter.file("tree.json", tree_json(model, library_version));
  emitter.stage(model.stages.front(), {});
  std::vector<AssemblyFile>& files = synthesis.assembly.files;
  std::sort(files.begin(), files.end(), [](const AssemblyFile& left, const AssemblyFile& right) {
    return left.path < right.path;
  });
}

}  // namespace aphex::cdk
