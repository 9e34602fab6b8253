#pragma once

#include <cstdint>

namespace aphex::os {

// Lets this process, and those that it starts from now on, have `wanted` descriptors open, or as
// many as the hard limit allows. Lowers nothing. How many it may have.
std::uint64_t raise_descriptor_limit(std::uint64_t wanted);

}  // namespace aphex::os
