#include "cli/console.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <iostream>

namespace quintain::cli {
namespace {

// The errno of the first write that failed; 0: none.
int output_error = 0;

void remember(bool good) {
  if (!good && output_error == 0) output_error = errno != 0 ? errno : EIO;
}

}  // namespace

void prepare_standard_streams() {
  // A result that is written to a closed standard output is lost, so writing to it has to fail.
  constexpr std::array<int, 3> kModes = {O_RDONLY, O_RDONLY, O_WRONLY};
  for (int fd = 0; fd < 3; ++fd) {
    if (fcntl(fd, F_GETFD) >= 0 || errno != EBADF) continue;
    // The lowest free number is `fd`.
    if (open("/dev/null", kModes[static_cast<std::size_t>(fd)]) < 0) return;
  }
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
}

void write_output(std::string_view text) {
  errno = 0;
  remember(std::fwrite(text.data(), 1, text.size(), stdout) == text.size());
}

void write_note(std::string_view text) {
  (void)std::fwrite(text.data(), 1, text.size(), stderr);
  (void)std::fflush(stderr);
}

std::string flush_output() {
  errno = 0;
  std::cout.flush();
  remember(std::cout.good() && std::fflush(stdout) == 0 && std::ferror(stdout) == 0);
  std::cout.clear();
  std::clearerr(stdout);
  const int error = std::exchange(output_error, 0);
  return error == 0 ? std::string() : std::strerror(error);
}

}  // namespace quintain::cli
