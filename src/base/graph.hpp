#pragma once
// Dependency graphs over the indices 0..n-1. Order is deterministic: ties keep the index order.

#include <cstddef>
#include <optional>
#include <vector>

namespace aphex {

// needs[i] lists what must come before i.
using Needs = std::vector<std::vector<std::size_t>>;

// Each index behind all that it needs, the smallest ready index first; nothing with a cycle.
// O((n + edges) log n).
std::optional<std::vector<std::size_t>> topological_order(const Needs& needs);

// Every cycle is covered: one cycle for each strongly connected component with one, each a path
// that starts at its smallest index and follows `needs` (the first index is not repeated).
std::vector<std::vector<std::size_t>> find_cycles(const Needs& needs);

}  // namespace aphex
