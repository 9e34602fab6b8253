#pragma once
// What the configuration's checks ask of a working copy, answered from the disk.

#include <filesystem>
#include <memory>

#include "config/config.hpp"

namespace aphex::engine {

// `root`: the top of the repository. Answers are remembered: the tree is taken to stand still
// while a view of it is in use.
std::unique_ptr<config::RepositoryView> make_repository_view(std::filesystem::path root);

}  // namespace aphex::engine
