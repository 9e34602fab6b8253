#include "server/http/large_bodies.hpp"

#include <utility>

namespace aphex::server {

LargeBodies::Room::Room(LargeBodies& bodies, std::size_t bytes, std::function<void()> end)
    : bodies_(bodies),
      place_(bodies.list_.insert(bodies.list_.end(), Body{bytes, std::move(end)})) {
  bodies_.sum_ += bytes;
  while (!fits() && end_largest()) {
  }
}

LargeBodies::Room::~Room() {
  bodies_.sum_ -= place_->bytes;
  bodies_.list_.erase(place_);
}

// The oldest of the largest; never this one.
bool LargeBodies::Room::end_largest() {
  auto largest = bodies_.list_.end();
  for (auto each = bodies_.list_.begin(); each != bodies_.list_.end(); ++each) {
    if (each == place_ || !each->end) continue;
    if (largest == bodies_.list_.end() || each->bytes > largest->bytes) largest = each;
  }
  if (largest == bodies_.list_.end()) return false;
  bodies_.sum_ -= std::exchange(largest->bytes, 0);
  std::exchange(largest->end, nullptr)();
  return true;
}

}  // namespace aphex::server
