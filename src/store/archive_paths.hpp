#pragma once
// Which names and links an archive may hold. One rule for packing and unpacking, so that whatever
// was packed can be unpacked.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace aphex::store {

// Deeper trees are a mistake or an attack; each level costs a descriptor while unpacking.
inline constexpr std::size_t kMaxPathDepth = 128;

// "./a//b/" → "a/b"; empty for the root itself ("./"). An error says why it is refused: absolute,
// "..", too deep, empty.
Result<std::string> normalize_entry_path(std::string_view path);

// Why a symbolic link at `path` to `target` may not be in the archive; nothing where it may.
// Allowed are relative targets that go up only at their beginning and not past the root: then no
// chain of such links can lead out, whatever the links in between.
std::optional<std::string> link_problem(std::string_view path, std::string_view target);

}  // namespace aphex::store
