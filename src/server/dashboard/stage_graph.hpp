#pragma once
// A run's stages, and an environment's stacks, as graphs in SVG. Pure.

#include <string>
#include <vector>

namespace aphex::server {

struct GraphNode {
  std::string name;
  std::string state;
  std::string detail;  // below the name: how long it took
  std::string link;    // empty: none
  std::size_t column = 0;
  std::vector<std::size_t> needs{};  // indices of nodes in earlier columns
};

// Nodes stand in columns from left to right, in each in their order.
std::string graph_svg(const std::string& label, const std::vector<GraphNode>& nodes);

}  // namespace aphex::server
