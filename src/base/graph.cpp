#include "base/graph.hpp"

#include <algorithm>
#include <deque>
#include <functional>
#include <queue>

namespace aphex {
namespace {

// Tarjan's strongly connected components, with an explicit stack: a chain of 100,000 stacks must
// not overflow ours.
class Components {
 public:
  explicit Components(const Needs& needs)
      : needs_(needs),
        index_(needs.size(), kUnseen),
        low_(needs.size()),
        of_(needs.size(), kUnseen) {
    for (std::size_t root = 0; root < needs.size(); ++root) {
      if (index_[root] == kUnseen) visit(root);
    }
  }
  const std::vector<std::size_t>& of() const { return of_; }
  std::size_t count() const { return count_; }

 private:
  static constexpr std::size_t kUnseen = static_cast<std::size_t>(-1);
  struct Frame {
    std::size_t node;
    std::size_t next;
  };

  void enter(std::size_t node) {
    index_[node] = low_[node] = counter_++;
    open_.push_back(node);
    frames_.push_back({node, 0});
  }

  void visit(std::size_t root) {
    enter(root);
    while (!frames_.empty()) {
      Frame& frame = frames_.back();
      if (frame.next < needs_[frame.node].size()) {
        const std::size_t to = needs_[frame.node][frame.next++];
        if (index_[to] == kUnseen) {
          enter(to);
        } else if (of_[to] == kUnseen) {
          low_[frame.node] = std::min(low_[frame.node], index_[to]);
        }
        continue;
      }
      leave();
    }
  }

  void leave() {
    const std::size_t node = frames_.back().node;
    frames_.pop_back();
    if (!frames_.empty()) {
      low_[frames_.back().node] = std::min(low_[frames_.back().node], low_[node]);
    }
    if (low_[node] != index_[node]) return;
    while (true) {
      const std::size_t member = open_.back();
      open_.pop_back();
      of_[member] = count_;
      if (member == node) break;
    }
    ++count_;
  }

  const Needs& needs_;
  std::vector<std::size_t> index_, low_, of_, open_;
  std::vector<Frame> frames_;
  std::size_t counter_ = 0;
  std::size_t count_ = 0;
};

constexpr std::size_t kNone = static_cast<std::size_t>(-1);

// A shortest way from `start` back to itself within its component; empty where there is none.
// `from` holds a kNone for each index, and may be used for other components afterwards.
std::vector<std::size_t> cycle_through(const Needs& needs, const std::vector<std::size_t>& of,
                                       std::size_t start, std::vector<std::size_t>& from) {
  std::deque<std::size_t> queue{start};
  while (!queue.empty()) {
    const std::size_t node = queue.front();
    queue.pop_front();
    for (std::size_t to : needs[node]) {
      if (to == start) {
        std::vector<std::size_t> path{node};
        while (path.back() != start)
          path.push_back(from[path.back()]);
        std::reverse(path.begin(), path.end());
        return path;
      }
      if (of[to] != of[start] || from[to] != kNone) continue;
      from[to] = node;
      queue.push_back(to);
    }
  }
  return {};
}

}  // namespace

std::optional<std::vector<std::size_t>> topological_order(const Needs& needs) {
  std::vector<std::vector<std::size_t>> needed_by(needs.size());
  std::vector<std::size_t> missing(needs.size(), 0);
  for (std::size_t node = 0; node < needs.size(); ++node) {
    missing[node] = needs[node].size();
    for (std::size_t need : needs[node])
      needed_by[need].push_back(node);
  }
  std::priority_queue<std::size_t, std::vector<std::size_t>, std::greater<>> ready;
  for (std::size_t node = 0; node < needs.size(); ++node) {
    if (missing[node] == 0) ready.push(node);
  }
  std::vector<std::size_t> order;
  order.reserve(needs.size());
  while (!ready.empty()) {
    const std::size_t node = ready.top();
    ready.pop();
    order.push_back(node);
    for (std::size_t next : needed_by[node]) {
      if (--missing[next] == 0) ready.push(next);
    }
  }
  if (order.size() != needs.size()) return std::nullopt;
  return order;
}

std::vector<std::vector<std::size_t>> find_cycles(const Needs& needs) {
  const Components components(needs);
  std::vector<std::size_t> sizes(components.count(), 0);
  for (std::size_t component : components.of())
    ++sizes[component];
  std::vector<bool> done(components.count(), false);
  std::vector<std::size_t> from(needs.size(), kNone);
  std::vector<std::vector<std::size_t>> cycles;
  for (std::size_t node = 0; node < needs.size(); ++node) {
    const std::size_t component = components.of()[node];
    if (done[component]) continue;
    done[component] = true;  // the smallest index of a component comes first
    const bool self = std::find(needs[node].begin(), needs[node].end(), node) != needs[node].end();
    if (sizes[component] == 1 && !self) continue;
    std::vector<std::size_t> cycle = cycle_through(needs, components.of(), node, from);
    if (!cycle.empty()) cycles.push_back(std::move(cycle));
  }
  return cycles;
}

}  // namespace aphex
