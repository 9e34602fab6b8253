#pragma once
// A library of the system that is loaded when it is first needed, because it brings many others.

#include <string>

namespace aphex::os {

// Loads at construction and never unloads: what was found stays callable.
class LoadedLibrary {
 public:
  // `name` is the soname, "libcurl.so.4": the loader looks for it where it looks for all others.
  explicit LoadedLibrary(const char* name);

  // Null, and a problem(), where the library is not there or has no such function.
  template <typename Function>
  void find(const char* function_name, Function& function) {
    function = reinterpret_cast<Function>(address_of(function_name));
  }

  // Why it could not be loaded, or what it lacks; empty where all is well.
  const std::string& problem() const { return problem_; }

 private:
  void* address_of(const char* function_name);

  std::string name_;
  void* handle_;
  std::string problem_;
};

}  // namespace aphex::os
