#pragma once
// What has to be so in a target.

#include <cerrno>
#include <cstdlib>
#include <iostream>
#include <source_location>
#include <string_view>

namespace aphex::fuzz {

// Says where it was not so: the frames of an optimized target do not.
inline void require(bool condition, std::string_view found = {},
                    std::source_location here = std::source_location::current()) {
  if (condition) return;
  const int error = errno;
  std::cerr << here.file_name() << ':' << here.line() << ": not so; errno " << error << ' ' << found
            << std::endl;
  std::abort();
}

}  // namespace aphex::fuzz
