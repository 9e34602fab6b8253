#include "os/loaded_library.hpp"

#include <dlfcn.h>

namespace aphex::os {

LoadedLibrary::LoadedLibrary(const char* name)
    : name_(name), handle_(::dlopen(name, RTLD_NOW | RTLD_LOCAL)) {
  if (handle_ != nullptr) return;
  const char* why = ::dlerror();  // NOLINT(concurrency-mt-unsafe): of this thread
  problem_ = why != nullptr ? why : name_ + " cannot be loaded";
}

void* LoadedLibrary::address_of(const char* function_name) {
  if (handle_ == nullptr) return nullptr;
  void* address = ::dlsym(handle_, function_name);
  if (address == nullptr) problem_ = name_ + " has no " + function_name;
  return address;
}

}  // namespace aphex::os
