#pragma once
// The server's own log: what it did and why, a line each. Runs have logs of their own.
//
//   text   2026-01-31T08:15:30.123Z info listening address=127.0.0.1:8737 pipelines=2
//   json   {"time":"2026-01-31T08:15:30.123Z","level":"info","message":"listening",…}

#include <filesystem>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.hpp"
#include "doc/value.hpp"
#include "os/clock.hpp"

namespace aphex::server {

enum class LogFormat { text, json };

// Thread-safe. A line that cannot be written is lost: nobody is served better by a server that
// ends because its log is full.
class ServerLog {
 public:
  // Appends to `file`; standard error where it is empty.
  static Result<std::unique_ptr<ServerLog>> open(const std::filesystem::path& file,
                                                 LogFormat format);
  ~ServerLog();
  ServerLog(const ServerLog&) = delete;
  ServerLog& operator=(const ServerLog&) = delete;

  using Field = std::pair<std::string_view, doc::Value>;
  void info(std::string_view message, std::initializer_list<Field> fields = {}) const;
  void warning(std::string_view message, std::initializer_list<Field> fields = {}) const;
  void error(const Error& error) const;

 private:
  ServerLog(int descriptor, LogFormat format) : descriptor_(descriptor), format_(format) {}
  void write(std::string_view level, std::string_view message,
             std::initializer_list<Field> fields) const;

  int descriptor_;
  LogFormat format_;
  std::unique_ptr<os::Clock> clock_ = os::make_system_clock();
};

}  // namespace aphex::server
