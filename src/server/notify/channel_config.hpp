#pragma once
// The `notifications:` of aphex-server.yaml.
//
//   notifications:
//     - channel: slack
//       name: team
//       on: [failure, recovery, approval]
//       pipelines: [archon-agent]
//       branches: [main, release/*]
//       urlFile: slack-url

#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/diagnostic.hpp"
#include "server/notify/channel.hpp"

namespace aphex::server::notify {

struct ChannelConfig {
  std::string name;  // of its own among the configuration's channels
  const ChannelType* type = nullptr;
  std::shared_ptr<const Design> design;
  std::set<Topic> on;
  std::vector<std::string> pipelines;  // empty: all
  std::vector<std::string> branches;   // patterns by fnmatch(3); empty: all
  bool pull_requests = false;
  std::map<Topic, Template> templates;
  std::int64_t per_minute = 10;
  std::int64_t attempts = 20;
  std::chrono::minutes expire{24 * 60};

  // By `on:` and the filters.
  bool wants(const Event& event) const;
};

// A file that holds a secret. It is read whenever it is needed, so that it can be replaced while
// the server runs, and a run is never in need of it.
class SecretFile {
 public:
  SecretFile() = default;
  explicit SecretFile(std::filesystem::path path) : path_(std::move(path)) {}
  bool given() const { return !path_.empty(); }
  const std::filesystem::path& path() const { return path_; }
  Result<std::string> read() const;

 private:
  std::filesystem::path path_;
};

// Whether secrets and templates have to be there now: at the start of a server, not of each run.
enum class Files { must_be_there, not_looked_at };

// What a channel's file reads its keys by.
class SettingReader {
 public:
  SettingReader(std::filesystem::path directory, Files files, std::vector<Diagnostic>& diagnostics)
      : directory_(std::move(directory)), files_(files), diagnostics_(diagnostics) {}

  static std::string text(const doc::Node& node, std::string_view key, std::string fallback = {});
  static std::int64_t integer(const doc::Node& node, std::string_view key, std::int64_t fallback);
  static bool boolean(const doc::Node& node, std::string_view key, bool fallback);
  static std::vector<std::string> texts(const doc::Node& node, std::string_view key);
  // Relative to the configuration's file.
  std::filesystem::path path(const doc::Node& node, std::string_view key) const;
  SecretFile secret(const doc::Node& node, std::string_view key);
  std::optional<Template> words(const doc::Node& node);
  // Where the key stands, or the mapping begins.
  static Span place(const doc::Node& node, std::string_view key);
  void say(Span span, std::string message, std::string hint);

 private:
  std::filesystem::path directory_;
  Files files_;
  std::vector<Diagnostic>& diagnostics_;
};

struct KnownNames {
  std::vector<std::string> pipelines;
};
std::vector<ChannelConfig> read_channels(const doc::Node& list, const KnownNames& known,
                                         SettingReader& reader,
                                         std::vector<Diagnostic>& diagnostics);

// Texts that channels' keys have in common.
extern const config::Shape kAnyText;   // not empty, one line
extern const config::Shape kFilePath;  // the same, of a file
extern const config::Shape kYesOrNo;

}  // namespace aphex::server::notify
