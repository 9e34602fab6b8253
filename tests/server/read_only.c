/* LD_PRELOAD: while the file $READ_ONLY_SWITCH exists, what lies below $READ_ONLY_BELOW is on a file
   system that was mounted read-only, to files that are open already, too: EROFS. The kernel does
   that only where a disk fails (it refuses to remount what is open for writing), and then for
   good; disks of others on the network come back. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static int is_below(const char* path) {
  const char* below = getenv("READ_ONLY_BELOW");
  const char* file = getenv("READ_ONLY_SWITCH");
  if (below == NULL || file == NULL || path == NULL) return 0;
  const size_t length = strlen(below);
  return strncmp(path, below, length) == 0 && (path[length] == '/' || path[length] == '\0') &&
         access(file, F_OK) == 0;
}

static int is_file_below(int file) {
  char link[64];
  char path[PATH_MAX];
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  const int kept = errno;
  const ssize_t length = readlink(link, path, sizeof path - 1);
  errno = kept;
  if (length < 0) return 0;
  path[length] = '\0';
  return is_below(path);
}

static int refused(void) {
  errno = EROFS;
  return -1;
}

static int writes(int flags) {
  return (flags & O_ACCMODE) != O_RDONLY || (flags & (O_CREAT | O_TRUNC)) != 0;
}

#define REAL(name) \
  static __typeof__(&name) real; \
  if (real == NULL) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

#define OPEN(name) \
  int name(const char* path, int flags, ...) { \
    REAL(name); \
    va_list more; \
    va_start(more, flags); \
    const int makes = (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE; \
    const mode_t mode = makes ? va_arg(more, mode_t) : 0; \
    va_end(more); \
    return writes(flags) && is_below(path) ? refused() : real(path, flags, mode); \
  }
OPEN(open)
OPEN(open64)

ssize_t write(int file, const void* data, size_t size) {
  REAL(write);
  return is_file_below(file) ? refused() : real(file, data, size);
}
ssize_t writev(int file, const struct iovec* data, int count) {
  REAL(writev);
  return is_file_below(file) ? refused() : real(file, data, count);
}
ssize_t pwrite(int file, const void* data, size_t size, off_t at) {
  REAL(pwrite);
  return is_file_below(file) ? refused() : real(file, data, size, at);
}
ssize_t pwrite64(int file, const void* data, size_t size, off64_t at) {
  REAL(pwrite64);
  return is_file_below(file) ? refused() : real(file, data, size, at);
}
int ftruncate(int file, off_t size) {
  REAL(ftruncate);
  return is_file_below(file) ? refused() : real(file, size);
}
int ftruncate64(int file, off64_t size) {
  REAL(ftruncate64);
  return is_file_below(file) ? refused() : real(file, size);
}
int mkdir(const char* path, mode_t mode) {
  REAL(mkdir);
  return is_below(path) ? refused() : real(path, mode);
}
int rename(const char* from, const char* to) {
  REAL(rename);
  return is_below(from) || is_below(to) ? refused() : real(from, to);
}
int unlink(const char* path) {
  REAL(unlink);
  return is_below(path) ? refused() : real(path);
}
int mkstemp(char* pattern) {
  REAL(mkstemp);
  return is_below(pattern) ? refused() : real(pattern);
}
int mkostemp(char* pattern, int flags) {
  REAL(mkostemp);
  return is_below(pattern) ? refused() : real(pattern, flags);
}
