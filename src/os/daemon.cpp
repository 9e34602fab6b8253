#include <cerrno>

#include <fcntl.h>

#include "os/descriptor.hpp"
#include "os/files.hpp"
#include "os/launch.hpp"
#include "os/process.hpp"

namespace aphex::os {

namespace {
constexpr unsigned kLogMode = 0644;
}  // namespace

Result<int> start_daemon(const ProcessSpec& spec, const std::filesystem::path& log_file) {
  if (log_file.has_parent_path()) APHEX_CHECK(make_directories(log_file.parent_path()));
  Descriptor opened(::open(log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, kLogMode));
  if (!opened) return fail_errno("cannot open " + log_file.string(), errno);
  APHEX_TRY(const Descriptor log, above_standard_streams(std::move(opened)));
  APHEX_TRY(const Descriptor input, open_null_input());
  return launch_detached(spec, {.input = input.get(), .output = log.get(), .error = log.get()});
}

}  // namespace aphex::os
