#include "server/operate/process_metrics.hpp"

#include <filesystem>
#include <fstream>
#include <string>

#include <sys/resource.h>
#include <unistd.h>

#include "base/text.hpp"
#include "os/process.hpp"

namespace aphex::server {
namespace {

double number(const std::string& text) {
  try {
    return std::stod(text);
  } catch (const std::exception&) {
    return 0;
  }
}

// The value of "<key> <value>" in a file of /proc.
double value_of(const char* file, const std::string& key) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with(key + " ")) return number(line.substr(key.size() + 1));
  }
  return 0;
}

double open_descriptors() {
  std::error_code ignored;
  double count = 0;
  for (std::filesystem::directory_iterator at("/proc/self/fd", ignored), end; at != end;
       at.increment(ignored)) {
    ++count;
  }
  // One of them is that of this very look.
  return count > 0 ? count - 1 : 0;
}

}  // namespace

void process_metrics(MetricsText& out) {
  constexpr double kMicros = 1e6;
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / kMicros;
  };
  out.family("process_cpu_seconds_total", MetricType::counter,
             "Processor time of the server in user and system mode.");
  out.sample({}, seconds(used.ru_utime) + seconds(used.ru_stime));

  std::string text;
  std::ifstream statm("/proc/self/statm");
  std::getline(statm, text);
  const std::vector<std::string> pages = split(text, ' ');
  const auto page_bytes = static_cast<double>(::sysconf(_SC_PAGESIZE));
  out.family("process_virtual_memory_bytes", MetricType::gauge, "Virtual memory of the server.");
  out.sample({}, number(pages[0]) * page_bytes);
  out.family("process_resident_memory_bytes", MetricType::gauge, "Resident memory of the server.");
  out.sample({}, pages.size() > 1 ? number(pages[1]) * page_bytes : 0);

  out.family("process_open_fds", MetricType::gauge, "Descriptors that the server has open.");
  out.sample({}, open_descriptors());
  rlimit most{};
  ::getrlimit(RLIMIT_NOFILE, &most);
  out.family("process_max_fds", MetricType::gauge, "Descriptors that it may have open.");
  out.sample({}, static_cast<double>(most.rlim_cur));

  if (const Result<std::uint64_t> ticks = os::process_start_time(::getpid())) {
    out.family("process_start_time_seconds", MetricType::gauge,
               "When the server was started, since 1970.");
    out.sample({}, value_of("/proc/stat", "btime") +
                       static_cast<double>(*ticks) / static_cast<double>(::sysconf(_SC_CLK_TCK)));
  }
}

}  // namespace aphex::server
