#include "reports/json_input/input_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>

namespace quintain::json_input {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kMaxSilence{3};
constexpr std::chrono::minutes kMaxTime{1};

class OpenFile {
 public:
  // O_NONBLOCK: opening a pipe does not wait for its writer.
  explicit OpenFile(const std::string& path)
      : fd_(open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY)) {}
  ~OpenFile() {
    if (fd_ >= 0) close(fd_);
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  int fd() const { return fd_; }

 private:
  int fd_;
};

absl::Status too_large(std::size_t max_bytes) {
  return absl::InvalidArgumentError(
      max_bytes >= (std::size_t{1} << 20)
          ? fmt::format("the file is larger than {} MiB", max_bytes >> 20)
          : fmt::format("the file is larger than {} bytes", max_bytes));
}

absl::Status unreadable(std::string_view what) {
  return absl::InvalidArgumentError(
      fmt::format("can't {} the file: {}", what, std::strerror(errno)));
}

}  // namespace

absl::StatusOr<std::string> read_bounded(const std::string& path, std::size_t max_bytes) {
  const OpenFile file(path);
  struct stat status{};
  if (file.fd() < 0 || fstat(file.fd(), &status) != 0) return unreadable("open");
  if (S_ISREG(status.st_mode) && static_cast<std::uintmax_t>(status.st_size) > max_bytes) {
    return too_large(max_bytes);
  }
  std::string text;
  const Clock::time_point until = Clock::now() + kMaxTime;
  while (true) {
    pollfd source{.fd = file.fd(), .events = POLLIN, .revents = 0};
    const int ready =
        poll(&source, 1, static_cast<int>(std::chrono::milliseconds(kMaxSilence).count()));
    if (ready < 0 && errno == EINTR) continue;
    if (ready < 0) return unreadable("read");
    if (ready == 0 || Clock::now() > until) {
      return absl::InvalidArgumentError(
          ready == 0 ? fmt::format("no data came within {} s", kMaxSilence.count())
                     : fmt::format("its end did not come within {} s",
                                   std::chrono::seconds(kMaxTime).count()));
    }
    char piece[1 << 14];
    const ssize_t got = read(file.fd(), piece, sizeof piece);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (got < 0) return unreadable("read");
    if (got == 0) return text;
    text.append(piece, static_cast<std::size_t>(got));
    if (text.size() > max_bytes) return too_large(max_bytes);
  }
}

}  // namespace quintain::json_input
