#include "engine/assembly.hpp"

#include <algorithm>
#include <set>
#include <unordered_map>

#include <fmt/format.h>

#include "base/text.hpp"
#include "doc/value.hpp"
#include "os/files.hpp"

namespace aphex::engine {
namespace {

namespace fs = std::filesystem;

// A manifest of 500 stacks with all their metadata has 30 MB.
constexpr std::size_t kMaxManifestBytes = 256U << 20U;
// Stages nest by hand; nobody goes past three.
constexpr std::size_t kMaxNesting = 16;
// A manifest that names its own directory ("."), or one directory twice, would be read again and
// again: twice at each level, or more. An application has a stage for each environment and region.
constexpr std::size_t kMaxManifests = 1'000;
// CloudFormation's default quota is 2,000 stacks an account and region.
constexpr std::size_t kMaxStacks = 20'000;

constexpr std::string_view kStackType = "aws:cloudformation:stack";
constexpr std::string_view kNestedType = "cdk:cloud-assembly";

tl::unexpected<Error> damaged(const fs::path& manifest, std::string_view what) {
  return fail(ErrorCode::corrupt,
              fmt::format("the cloud assembly is damaged: {}: {}", manifest.string(), what),
              "synthesize again");
}

// Names of files in a manifest stay inside the assembly, whatever the manifest says.
bool is_plain_relative(const std::string& name) {
  const fs::path path(name);
  return !name.empty() && path.is_relative() &&
         std::none_of(path.begin(), path.end(), [](const fs::path& part) { return part == ".."; });
}

struct Address {
  std::optional<std::string> account;
  std::optional<std::string> region;
};

// "aws://<account>/<region>"; "unknown-account" and "unknown-region" where the app leaves it open.
std::optional<Address> parse_address(std::string_view text) {
  constexpr std::string_view kScheme = "aws://";
  if (!text.starts_with(kScheme)) return std::nullopt;
  const std::vector<std::string> parts = split(text.substr(kScheme.size()), '/');
  if (parts.size() != 2 || parts[0].empty() || parts[1].empty()) return std::nullopt;
  Address address;
  if (parts[0] != "unknown-account") address.account = parts[0];
  if (parts[1] != "unknown-region") address.region = parts[1];
  return address;
}

class Reader {
 public:
  explicit Reader(fs::path root) { assembly_.directory = std::move(root); }

  Result<Assembly> read() {
    pending_.push_back({assembly_.directory, 0});
    while (!pending_.empty()) {
      const Pending next = pending_.back();
      pending_.pop_back();
      if (++manifests_ > kMaxManifests) {
        return damaged(
            next.directory / "manifest.json",
            fmt::format("more than {} manifests are nested in one another", kMaxManifests));
      }
      APHEX_CHECK(read_manifest(next));
    }
    return std::move(assembly_);
  }

 private:
  using StackIndex = std::unordered_map<std::string, std::size_t>;
  using ById = std::unordered_map<std::string, const doc::Value*>;
  struct Pending {
    fs::path directory;
    std::size_t depth;
  };

  Status read_manifest(const Pending& at) {
    const fs::path file = at.directory / "manifest.json";
    auto text = os::read_file(file, kMaxManifestBytes);
    if (!text) {
      return fail_because(fmt::format("there is no cloud assembly in {}", at.directory.string()),
                          std::move(text.error()));
    }
    const auto manifest = doc::parse_json(*text, {.max_bytes = kMaxManifestBytes});
    if (!manifest) return damaged(file, manifest.error().message);
    if (manifest->string_or("version", "").empty()) return damaged(file, "it has no version");
    add_missing(*manifest);
    const doc::Value* artifacts = manifest->find("artifacts");
    if (artifacts == nullptr) return {};  // an app without stacks
    if (!artifacts->is_object()) return damaged(file, "artifacts is no object");
    return read_artifacts(at, *artifacts->as_object());
  }

  void add_missing(const doc::Value& manifest) {
    const doc::Value* missing = manifest.find("missing");
    if (missing == nullptr || !missing->is_array()) return;
    for (const doc::Value& item : *missing->as_array()) {
      assembly_.missing.push_back(item.string_or("key", "?"));
    }
  }

  Status read_artifacts(const Pending& at, const doc::Value::Object& artifacts) {
    const fs::path file = at.directory / "manifest.json";
    StackIndex stacks;
    ById by_id;
    std::vector<Pending> nested;
    for (const auto& [id, artifact] : artifacts) {
      by_id.emplace(id, &artifact);
      const std::string type = artifact.string_or("type", "");
      if (type == kStackType) {
        stacks.emplace(id, assembly_.stacks.size());
        APHEX_CHECK(add_stack(at, id, artifact));
      } else if (type == kNestedType) {
        const doc::Value* name = artifact.find({"properties", "directoryName"});
        if (name == nullptr || !name->is_string() || !is_plain_relative(*name->as_string())) {
          return damaged(file, fmt::format("{} names no directory inside the assembly", id));
        }
        if (at.depth + 1 > kMaxNesting) return damaged(file, "stages nest too deeply");
        nested.push_back({at.directory / *name->as_string(), at.depth + 1});
      }
    }
    for (const auto& [id, index] : stacks) {
      assembly_.stacks[index].needs = stacks_needed(id, by_id, stacks);
    }
    pending_.insert(pending_.end(), nested.rbegin(), nested.rend());
    return {};
  }

  Status add_stack(const Pending& at, const std::string& id, const doc::Value& artifact) {
    const fs::path file = at.directory / "manifest.json";
    if (assembly_.stacks.size() >= kMaxStacks) {
      return damaged(file, fmt::format("more than {} stacks", kMaxStacks));
    }
    const doc::Value* name = artifact.find({"properties", "templateFile"});
    if (name == nullptr || !name->is_string() || !is_plain_relative(*name->as_string())) {
      return damaged(file, fmt::format("stack {} names no template inside the assembly", id));
    }
    const std::optional<Address> address = parse_address(artifact.string_or("environment", ""));
    if (!address) {
      return damaged(file, fmt::format("stack {} has environment '{}', not aws://account/region",
                                       id, artifact.string_or("environment", "")));
    }
    AssemblyStack stack;
    stack.id = id;
    stack.name = artifact.string_or("displayName", id);
    stack.physical_name = artifact.find("properties")->string_or("stackName", id);
    stack.account = address->account;
    stack.region = address->region;
    stack.template_file = at.directory / *name->as_string();
    assembly_.stacks.push_back(std::move(stack));
    return {};
  }

  // The stacks that `id` depends on, through asset manifests and other artifacts, in the order
  // of the manifest's dependencies.
  static std::vector<std::size_t> stacks_needed(const std::string& id, const ById& artifacts,
                                                const StackIndex& stacks) {
    std::vector<std::size_t> needed;
    std::set<std::string> seen{id};
    std::vector<std::string> open = dependencies_of(artifacts, id);
    for (std::size_t at = 0; at < open.size(); ++at) {
      const std::string current = open[at];
      if (!seen.insert(current).second) continue;
      if (const auto stack = stacks.find(current); stack != stacks.end()) {
        needed.push_back(stack->second);
        continue;
      }
      for (std::string& next : dependencies_of(artifacts, current))
        open.push_back(std::move(next));
    }
    return needed;
  }

  static std::vector<std::string> dependencies_of(const ById& artifacts, const std::string& id) {
    std::vector<std::string> result;
    const auto found = artifacts.find(id);
    if (found == artifacts.end()) return result;
    const doc::Value* list = found->second->find("dependencies");
    if (list == nullptr || !list->is_array()) return result;
    for (const doc::Value& item : *list->as_array()) {
      if (item.is_string()) result.push_back(*item.as_string());
    }
    return result;
  }

  Assembly assembly_;
  std::size_t manifests_ = 0;
  std::vector<Pending> pending_;
};

}  // namespace

Result<Assembly> read_assembly(const fs::path& directory) {
  return Reader(directory).read();
}

std::string environment_address(const AssemblyStack& stack) {
  return fmt::format("aws://{}/{}", stack.account.value_or("unknown-account"),
                     stack.region.value_or("unknown-region"));
}

}  // namespace aphex::engine
