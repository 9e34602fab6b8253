// `bootstrap` of the function's package: what Lambda starts. Amazon Linux has an older C library
// than the machine that built us, so this program is linked statically and does one thing: it runs
// the packaged program by the packaged loader with the packaged libraries.
//
//   <dir>/bootstrap                this
//   <dir>/bin/aphex-provider       the program
//   <dir>/lib/loader, *.so.*       the loader and every library that the program loads
//
// No C++ library, no allocation: nothing here may need what is not there yet.

#include <climits>
#include <cstdio>
#include <cstring>

#include <unistd.h>

namespace {

// Long enough for any path that Lambda (/var/task) or a test unpacks to.
using Path = char[PATH_MAX];

bool join(Path& out, const char* directory, const char* name) {
  const int length = std::snprintf(out, sizeof(Path), "%s/%s", directory, name);
  return length > 0 && length < static_cast<int>(sizeof(Path));
}

// The directory of this very file: where the kernel says it lies, else as it was called.
bool find_directory(Path& out, const char* called_as) {
  const ssize_t length = ::readlink("/proc/self/exe", out, sizeof(Path) - 1);
  if (length > 0) {
    out[length] = '\0';
  } else {
    const int copied = std::snprintf(out, sizeof(Path), "%s", called_as);
    if (copied <= 0 || copied >= static_cast<int>(sizeof(Path))) return false;
  }
  char* slash = std::strrchr(out, '/');
  if (slash == nullptr) return std::snprintf(out, sizeof(Path), ".") == 1;
  *slash = '\0';
  return true;
}

int give_up(const char* what) {
  (void)std::fprintf(stderr, "bootstrap: cannot start %s\n", what);
  return 127;
}

}  // namespace

int main(int argc, char** argv) {
  Path directory;
  Path loader;
  Path libraries;
  Path program;
  if (argc < 1 || !find_directory(directory, argv[0])) return give_up("without a path");
  if (!join(loader, directory, "lib/loader") || !join(libraries, directory, "lib") ||
      !join(program, directory, "bin/aphex-provider")) {
    return give_up("from so long a path");
  }
  // The system's cache of libraries is left out: it lists those of another C library.
  char inhibit[] = "--inhibit-cache";
  char path_option[] = "--library-path";
  char* const arguments[] = {loader, inhibit, path_option, libraries, program, nullptr};
  ::execv(loader, arguments);
  std::perror("bootstrap");
  return give_up(loader);
}
