#pragma once
// A run that finds the disk full half-way helps nobody: with too little room none is started.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace aphex::server {

// "paused: disk, …" with what is free and what is the least; nothing where there is room, or where
// nobody can tell.
std::optional<std::string> paused_for_disk(const std::filesystem::path& directory,
                                           std::uint64_t least_bytes);

}  // namespace aphex::server
