#include "engine/source_scan.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include <fmt/format.h>

#include "base/text.hpp"
#include "os/files.hpp"

namespace aphex::engine {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxFiles = 20'000;
// Longer files are generated ones.
constexpr std::size_t kMaxFileBytes = 2U << 20U;
constexpr std::size_t kMaxDepth = 16;
constexpr std::array<std::string_view, 6> kSkipped{"node_modules", "cdk.out", "dist",
                                                   "coverage",     "build",   "out"};

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '$';
}

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

// One forward pass over a text; comments are skipped wherever white space is.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  SourceScan run() {
    while (at_ < text_.size()) {
      skip_blank();
      if (at_ >= text_.size()) break;
      const char c = text_[at_];
      if (c == '\'' || c == '"' || c == '`') {
        (void)read_string();
      } else if (is_word(c)) {
        on_word(read_word());
      } else {
        ++at_;
      }
    }
    return std::move(scan_);
  }

 private:
  void skip_blank() {
    while (at_ < text_.size()) {
      if (is_space(text_[at_])) {
        ++at_;
      } else if (text_.substr(at_).starts_with("//")) {
        at_ = std::min(text_.find('\n', at_), text_.size());
      } else if (text_.substr(at_).starts_with("/*")) {
        const std::size_t end = text_.find("*/", at_ + 2);
        at_ = end == std::string_view::npos ? text_.size() : end + 2;
      } else {
        return;
      }
    }
  }

  std::string_view read_word() {
    const std::size_t begin = at_;
    while (at_ < text_.size() && is_word(text_[at_]))
      ++at_;
    return text_.substr(begin, at_ - begin);
  }

  // "a.b.C" as "C".
  std::string_view read_dotted() {
    skip_blank();
    std::string_view last = read_word();
    while (at_ < text_.size() && text_[at_] == '.') {
      ++at_;
      last = read_word();
    }
    return last;
  }

  // A literal's text, its ${…} as '*'. Stands behind the closing quote afterwards.
  std::string read_string() {
    const char quote = text_[at_++];
    std::string result;
    while (at_ < text_.size() && text_[at_] != quote) {
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) {
        result += text_[at_ + 1];
        at_ += 2;
      } else if (quote == '`' && text_.substr(at_).starts_with("${")) {
        skip_substitution();
        result += '*';
      } else if (quote != '`' && text_[at_] == '\n') {
        return result;  // no literal after all, a regular expression perhaps
      } else {
        result += text_[at_++];
      }
    }
    if (at_ < text_.size()) ++at_;
    return result;
  }

  void skip_substitution() {
    std::size_t depth = 0;
    for (++at_; at_ < text_.size(); ++at_) {
      if (text_[at_] == '{') ++depth;
      if (text_[at_] == '}' && --depth == 0) break;
    }
    if (at_ < text_.size()) ++at_;
  }

  void on_word(std::string_view word) {
    if (word == "class") {
      on_class();
    } else if (word == "new") {
      on_new();
    }
  }

  void on_class() {
    skip_blank();
    const std::string name(read_word());
    skip_blank();
    if (text_.substr(at_).starts_with("<")) return;  // generic stacks are rare
    const std::size_t before = at_;
    if (read_word() != "extends") {
      at_ = before;
      return;
    }
    scan_.classes.push_back({name, std::string(read_dotted())});
  }

  void on_new() {
    const std::string name(read_dotted());
    skip_blank();
    if (name.empty() || at_ >= text_.size() || text_[at_] != '(') return;
    ++at_;
    if (name == "App") scan_.makes_app = true;
    // The scope: a name, `this`, or a dotted path. Anything else is no construct we look for.
    skip_blank();
    if (read_dotted().empty()) return;
    skip_blank();
    if (at_ >= text_.size() || text_[at_] != ',') return;
    ++at_;
    skip_blank();
    if (at_ >= text_.size()) return;
    if (const char c = text_[at_]; c != '\'' && c != '"' && c != '`') return;
    std::string id = read_string();
    skip_blank();
    // 'Name-' + environment
    if (at_ < text_.size() && text_[at_] == '+') id += '*';
    scan_.instances.push_back({name, std::move(id)});
  }

  std::string_view text_;
  std::size_t at_ = 0;
  SourceScan scan_;
};

bool is_skipped(const fs::path& name) {
  const std::string text = name.string();
  return text.starts_with('.') ||
         std::find(kSkipped.begin(), kSkipped.end(), text) != kSkipped.end();
}

// Whether `text` fits `pattern`, where '*' stands for anything.
bool fits(std::string_view pattern, std::string_view text) {
  const std::size_t star = pattern.find('*');
  if (star == std::string_view::npos) return pattern == text;
  if (!text.starts_with(pattern.substr(0, star))) return false;
  pattern.remove_prefix(star + 1);
  text.remove_prefix(star);
  if (pattern.empty()) return true;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    if (fits(pattern, text.substr(i))) return true;
  }
  return false;
}

std::size_t literal_length(std::string_view pattern) {
  return pattern.size() - static_cast<std::size_t>(std::count(pattern.begin(), pattern.end(), '*'));
}

// Classes that derive from a …Stack, directly or through one another, with their files.
std::map<std::string, std::string> stack_classes(const std::vector<SourceFile>& files) {
  std::map<std::string, std::string> found;
  for (std::size_t before = 1; before != found.size();) {
    before = found.size();
    for (const SourceFile& file : files) {
      for (const SourceScan::Class& each : file.scan.classes) {
        if (each.base.ends_with("Stack") || found.contains(each.base)) {
          found.emplace(each.name, file.path);
        }
      }
    }
  }
  return found;
}

// ArchonInfrastructure-dev is made of ArchonInfrastructureStack, says the name alone.
std::string stem(std::string_view name) {
  std::string result = to_lower(name);
  std::erase_if(result, [](char c) { return !is_word(c) || c == '_' || c == '$'; });
  if (const std::size_t at = result.find("stack"); at != std::string::npos) result.erase(at, 5);
  return result;
}

}  // namespace

SourceScan scan_source(std::string_view text) {
  return Scanner(text).run();
}

Result<std::vector<SourceFile>> scan_repository(const fs::path& repository) {
  std::vector<SourceFile> files;
  std::error_code error;
  fs::recursive_directory_iterator walk(repository, fs::directory_options::skip_permission_denied,
                                        error);
  for (; !error && walk != fs::recursive_directory_iterator(); walk.increment(error)) {
    const fs::path name = walk->path().filename();
    std::error_code ignored;
    if (walk->is_directory(ignored)) {
      if (is_skipped(name) || static_cast<std::size_t>(walk.depth()) >= kMaxDepth) {
        walk.disable_recursion_pending();
      }
      continue;
    }
    const std::string text_name = name.string();
    if (!text_name.ends_with(".ts") || text_name.ends_with(".d.ts")) continue;
    if (files.size() >= kMaxFiles) break;
    auto text = os::read_file(walk->path(), kMaxFileBytes);
    if (!text) continue;
    files.push_back(
        {walk->path().lexically_relative(repository).generic_string(), scan_source(*text)});
  }
  if (error) return fail_errno("cannot read " + repository.string(), error.value());
  std::sort(files.begin(), files.end(),
            [](const SourceFile& a, const SourceFile& b) { return a.path < b.path; });
  return files;
}

std::optional<std::string> file_of_stack(const std::vector<SourceFile>& files,
                                         std::string_view construct_id) {
  const std::map<std::string, std::string> classes = stack_classes(files);
  std::optional<std::string> best;
  std::size_t best_length = 0;
  for (const SourceFile& file : files) {
    for (const SourceScan::Instance& instance : file.scan.instances) {
      const auto defined = classes.find(instance.class_name);
      const bool is_stack = defined != classes.end() || instance.class_name.ends_with("Stack");
      const std::size_t length = literal_length(instance.id);
      // A pattern of '*' alone says nothing.
      if (!is_stack || length == 0 || !fits(instance.id, construct_id)) continue;
      if (best && length <= best_length) continue;
      best = defined != classes.end() ? defined->second : file.path;
      best_length = length;
    }
  }
  if (best) return best;
  for (const auto& [name, path] : classes) {
    const std::string wanted = stem(name);
    if (!wanted.empty() && stem(construct_id).starts_with(wanted) && wanted.size() > best_length) {
      best = path;
      best_length = wanted.size();
    }
  }
  return best;
}

std::optional<std::string> file_of_app(const std::vector<SourceFile>& files,
                                       std::string_view app_command) {
  for (std::string word : split(app_command, ' ')) {
    if (word.ends_with(".js")) word.replace(word.size() - 3, 3, ".ts");
    if (!word.ends_with(".ts")) continue;
    const fs::path wanted = fs::path(word).lexically_normal();
    for (const SourceFile& file : files) {
      if (file.path == wanted.generic_string()) return file.path;
    }
    // A compiled file: build/bin/app.js comes from bin/app.ts.
    const std::string tail = (wanted.parent_path().filename() / wanted.filename()).generic_string();
    for (const std::string& end : {tail, wanted.filename().generic_string()}) {
      for (const SourceFile& file : files) {
        if (file.path == end || file.path.ends_with("/" + end)) return file.path;
      }
    }
  }
  const auto app = std::find_if(files.begin(), files.end(),
                                [](const SourceFile& file) { return file.scan.makes_app; });
  if (app == files.end()) return std::nullopt;
  return app->path;
}

}  // namespace aphex::engine
