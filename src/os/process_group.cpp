// Looking at processes through /proc, and ending a group that is not our child.
#include "os/process_group.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <optional>
#include <thread>

#include <dirent.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.hpp"
#include "os/files.hpp"
#include "os/process.hpp"

namespace aphex::os {

namespace {

// SIGKILL takes effect within milliseconds, except for a process stuck in the kernel.
constexpr std::chrono::milliseconds kKillTakesEffect{5'000};
constexpr std::chrono::milliseconds kFirstPause{1};
constexpr std::chrono::milliseconds kLongestPause{50};
// /proc/<pid>/stat is one line of numbers.
constexpr std::size_t kMaxStatBytes = 64U << 10U;

// The fields of /proc/<pid>/stat that we use, see proc(5).
struct ProcessStat {
  char state = '?';              // field 3
  int process_group = 0;         // field 5
  std::uint64_t start_time = 0;  // field 22
};

template <typename Number>
bool parse_number(const std::string& text, Number& number) {
  return std::from_chars(text.data(), text.data() + text.size(), number).ec == std::errc{};
}

std::optional<ProcessStat> read_stat(std::string_view pid) {
  const auto text = read_file("/proc/" + std::string(pid) + "/stat", kMaxStatBytes);
  if (!text) return std::nullopt;
  // The name (field 2) stands in brackets and may itself hold spaces and brackets.
  const std::size_t name_end = text->rfind(") ");
  if (name_end == std::string::npos) return std::nullopt;
  const auto fields = split(std::string_view(*text).substr(name_end + 2), ' ');
  constexpr std::size_t kState = 0;
  constexpr std::size_t kGroup = 2;
  constexpr std::size_t kStartTime = 19;
  ProcessStat stat;
  if (fields.size() <= kStartTime || fields[kState].size() != 1) return std::nullopt;
  stat.state = fields[kState].front();
  if (!parse_number(fields[kGroup], stat.process_group)) return std::nullopt;
  if (!parse_number(fields[kStartTime], stat.start_time)) return std::nullopt;
  return stat;
}

bool runs(const ProcessStat& stat) {
  return stat.state != 'Z' && stat.state != 'X';
}

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

bool group_has_running_member(int process_group) {
  const std::unique_ptr<DIR, CloseDirectory> proc(::opendir("/proc"));
  if (proc == nullptr) return true;  // cannot tell: the answer that leaves nothing behind
  // Nobody else holds this stream.  NOLINTNEXTLINE(concurrency-mt-unsafe)
  while (const dirent* entry = ::readdir(proc.get())) {
    const std::string_view name(entry->d_name);
    if (name.find_first_not_of("0123456789") != std::string_view::npos) continue;
    const auto stat = read_stat(name);
    if (stat && stat->process_group == process_group && runs(*stat)) return true;
  }
  return false;
}

bool wait_for_end(int process_group, std::chrono::milliseconds limit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  auto pause = kFirstPause;
  while (group_runs(process_group)) {
    if (std::chrono::steady_clock::now() >= deadline) return false;
    std::this_thread::sleep_for(pause);
    pause = std::min(pause * 2, kLongestPause);
  }
  return true;
}

}  // namespace

bool group_runs(int process_group) {
  if (::kill(-process_group, 0) != 0 && errno == ESRCH) return false;
  return group_has_running_member(process_group);
}

Result<std::uint64_t> process_start_time(int pid) {
  const auto stat = read_stat(std::to_string(pid));
  if (!stat || !runs(*stat)) {
    return fail(ErrorCode::not_found, "no process " + std::to_string(pid) + " is running");
  }
  return stat->start_time;
}

Status end_process_group(int process_group, std::chrono::milliseconds grace) {
  // 0 and 1 would mean our own group and every process there is.
  if (process_group <= 1 || process_group == ::getpgrp()) {
    return fail(ErrorCode::internal,
                "process group " + std::to_string(process_group) + " is not one to end");
  }
  const std::string name = "process group " + std::to_string(process_group);
  if (!group_runs(process_group)) return {};
  if (::kill(-process_group, SIGTERM) != 0 && errno != ESRCH) {
    return fail_errno("cannot end " + name, errno);
  }
  ::kill(-process_group, SIGCONT);  // a stopped process acts on SIGTERM only when it goes on
  if (wait_for_end(process_group, grace)) return {};
  ::kill(-process_group, SIGKILL);
  if (wait_for_end(process_group, kKillTakesEffect)) return {};
  return fail(ErrorCode::timeout, name + " does not end, not even by SIGKILL");
}

}  // namespace aphex::os
