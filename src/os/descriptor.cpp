#include "os/descriptor.hpp"

#include <cerrno>

#include <fcntl.h>
#include <unistd.h>

namespace aphex::os {

namespace {

Result<Descriptor> open_null(int access) {
  Descriptor null(::open("/dev/null", access | O_CLOEXEC));
  if (!null) return fail_errno("cannot open /dev/null", errno);
  return above_standard_streams(std::move(null));
}

}  // namespace

void Descriptor::close() {
  // Linux frees the number even where close fails with EINTR: trying again could hit another file.
  if (number_ >= 0) ::close(std::exchange(number_, -1));
}

Result<Descriptor> above_standard_streams(Descriptor descriptor) {
  if (descriptor.get() > STDERR_FILENO) return descriptor;
  Descriptor moved(::fcntl(descriptor.get(), F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
  if (!moved) return fail_errno("cannot duplicate a file descriptor", errno);
  return moved;
}

Result<Pipe> make_pipe() {
  int ends[2] = {-1, -1};
  if (::pipe2(ends, O_CLOEXEC) != 0) return fail_errno("cannot make a pipe", errno);
  Descriptor read_end(ends[0]);
  Descriptor write_end(ends[1]);
  APHEX_TRY(read_end, above_standard_streams(std::move(read_end)));
  APHEX_TRY(write_end, above_standard_streams(std::move(write_end)));
  return Pipe{std::move(read_end), std::move(write_end)};
}

Result<Descriptor> open_null_input() {
  return open_null(O_RDONLY);
}

Result<Descriptor> open_null_output() {
  return open_null(O_WRONLY);
}

}  // namespace aphex::os
