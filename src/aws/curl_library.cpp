#include "aws/curl_library.hpp"

#include <dlfcn.h>

namespace aphex::aws {
namespace {

// The binary interface is the same since 2006; `libcurl4` in Debian's packages.
constexpr const char* kLibrary = "libcurl.so.4";

template <typename Function>
void find(void* library, const char* name, Function& function, std::string& problem) {
  function = reinterpret_cast<Function>(::dlsym(library, name));
  if (function == nullptr) problem = std::string(kLibrary) + " has no " + name;
}

CurlLibrary load() {
  CurlLibrary loaded;
  void* library = ::dlopen(kLibrary, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    const char* why = ::dlerror();  // NOLINT(concurrency-mt-unsafe): of this thread
    loaded.problem = why != nullptr ? why : std::string(kLibrary) + " cannot be loaded";
    return loaded;
  }
  std::string& problem = loaded.problem;
  find(library, "curl_global_init", loaded.global_init, problem);
  find(library, "curl_global_cleanup", loaded.global_cleanup, problem);
  find(library, "curl_easy_init", loaded.easy_init, problem);
  find(library, "curl_easy_cleanup", loaded.easy_cleanup, problem);
  find(library, "curl_easy_reset", loaded.easy_reset, problem);
  find(library, "curl_easy_setopt", loaded.easy_setopt, problem);
  find(library, "curl_easy_strerror", loaded.easy_strerror, problem);
  find(library, "curl_multi_init", loaded.multi_init, problem);
  find(library, "curl_multi_cleanup", loaded.multi_cleanup, problem);
  find(library, "curl_multi_add_handle", loaded.multi_add_handle, problem);
  find(library, "curl_multi_remove_handle", loaded.multi_remove_handle, problem);
  find(library, "curl_multi_perform", loaded.multi_perform, problem);
  find(library, "curl_multi_poll", loaded.multi_poll, problem);
  find(library, "curl_multi_info_read", loaded.multi_info_read, problem);
  find(library, "curl_slist_append", loaded.slist_append, problem);
  find(library, "curl_slist_free_all", loaded.slist_free_all, problem);
  return loaded;
}

}  // namespace

const CurlLibrary& curl() {
  static const CurlLibrary library = load();
  return library;
}

}  // namespace aphex::aws
