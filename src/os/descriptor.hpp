#pragma once
// An owned file descriptor, and the few ways in which this folder makes one.

#include <utility>

#include "base/result.hpp"

namespace aphex::os {

class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() { close(); }
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    if (this != &other) {
      close();
      number_ = std::exchange(other.number_, -1);
    }
    return *this;
  }

  explicit operator bool() const { return number_ >= 0; }
  int get() const { return number_; }
  int release() { return std::exchange(number_, -1); }
  void close();

 private:
  int number_ = -1;
};

struct Pipe {
  Descriptor read_end;
  Descriptor write_end;
};

// Both ends close on exec and lie above the standard streams, so that a child's dup2 onto 0, 1
// and 2 never runs over one of them (a parent may have been started with those closed).
Result<Pipe> make_pipe();
Result<Descriptor> open_null_input();
Result<Descriptor> open_null_output();
// Moves a descriptor above the standard streams where it is not.
Result<Descriptor> above_standard_streams(Descriptor descriptor);

}  // namespace aphex::os
