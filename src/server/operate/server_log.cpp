#include "server/operate/server_log.hpp"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "os/files.hpp"

namespace aphex::server {
namespace {

// It tells of repositories, addresses of clients and what pushers write.
constexpr mode_t kMode = 0640;

std::string text_of(const doc::Value& value) {
  if (!value.is_string()) return doc::to_json(value);
  const std::string& text = *value.as_string();
  const bool plain = !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return c > ' ' && c < 0x7f && c != '"' && c != '=';
  });
  return plain ? text : doc::to_json(value);
}

}  // namespace

Result<std::unique_ptr<ServerLog>> ServerLog::open(const std::filesystem::path& file,
                                                   LogFormat format) {
  if (file.empty()) return std::unique_ptr<ServerLog>(new ServerLog(STDERR_FILENO, format));
  APHEX_CHECK(os::make_directories(file.parent_path()));
  const int descriptor = ::open(file.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, kMode);
  if (descriptor < 0) return fail_errno("cannot write the log " + file.string(), errno);
  return std::unique_ptr<ServerLog>(new ServerLog(descriptor, format));
}

ServerLog::~ServerLog() {
  if (descriptor_ != STDERR_FILENO) ::close(descriptor_);
}

void ServerLog::info(std::string_view message, std::initializer_list<Field> fields) const {
  write("info", message, fields);
}

void ServerLog::warning(std::string_view message, std::initializer_list<Field> fields) const {
  write("warning", message, fields);
}

void ServerLog::error(const Error& error) const {
  if (error.hint.empty()) {
    write("error", describe(error), {});
  } else {
    write("error", describe(error), {{"hint", error.hint}});
  }
}

void ServerLog::write(std::string_view level, std::string_view message,
                      std::initializer_list<Field> fields) const {
  const std::string time = os::format_time(clock_->now());
  std::string line;
  if (format_ == LogFormat::json) {
    doc::Value value = doc::Value::object({{"time", time}, {"level", level}, {"message", message}});
    for (const Field& field : fields)
      value.set(std::string(field.first), field.second);
    line = doc::to_json(value);
  } else {
    line = fmt::format("{} {} {}", time, level, message);
    for (const Field& field : fields)
      line += fmt::format(" {}={}", field.first, text_of(field.second));
    std::replace(line.begin(), line.end(), '\n', ' ');
  }
  line += '\n';
  // One call a line: several processes may append to the same file.
  if (::write(descriptor_, line.data(), line.size()) < 0) return;
}

}  // namespace aphex::server
