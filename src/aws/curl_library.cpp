#include "aws/curl_library.hpp"

#include "os/loaded_library.hpp"

namespace aphex::aws {
namespace {

// The binary interface is the same since 2006; `libcurl4` in Debian's packages.
constexpr const char* kLibrary = "libcurl.so.4";

CurlLibrary load() {
  CurlLibrary loaded;
  os::LoadedLibrary library(kLibrary);
  library.find("curl_global_init", loaded.global_init);
  library.find("curl_global_cleanup", loaded.global_cleanup);
  library.find("curl_easy_init", loaded.easy_init);
  library.find("curl_easy_cleanup", loaded.easy_cleanup);
  library.find("curl_easy_reset", loaded.easy_reset);
  library.find("curl_easy_setopt", loaded.easy_setopt);
  library.find("curl_easy_getinfo", loaded.easy_getinfo);
  library.find("curl_easy_strerror", loaded.easy_strerror);
  library.find("curl_multi_init", loaded.multi_init);
  library.find("curl_multi_cleanup", loaded.multi_cleanup);
  library.find("curl_multi_add_handle", loaded.multi_add_handle);
  library.find("curl_multi_remove_handle", loaded.multi_remove_handle);
  library.find("curl_multi_perform", loaded.multi_perform);
  library.find("curl_multi_poll", loaded.multi_poll);
  library.find("curl_multi_info_read", loaded.multi_info_read);
  library.find("curl_slist_append", loaded.slist_append);
  library.find("curl_slist_free_all", loaded.slist_free_all);
  loaded.problem = library.problem();
  return loaded;
}

}  // namespace

const CurlLibrary& curl() {
  static const CurlLibrary library = load();
  return library;
}

}  // namespace aphex::aws
