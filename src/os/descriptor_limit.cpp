#include "os/descriptor_limit.hpp"

#include <algorithm>

#include <sys/resource.h>

namespace aphex::os {

std::uint64_t raise_descriptor_limit(std::uint64_t wanted) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  const rlim_t raised = std::min<rlim_t>(limit.rlim_max, wanted);
  if (raised <= limit.rlim_cur) return limit.rlim_cur;
  rlimit higher = limit;
  higher.rlim_cur = raised;
  return ::setrlimit(RLIMIT_NOFILE, &higher) == 0 ? raised : limit.rlim_cur;
}

}  // namespace aphex::os
