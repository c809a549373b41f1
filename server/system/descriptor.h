// File descriptors that are closed by their owner.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <optional>
#include <utility>

namespace quintain::server {

/// Owns a file descriptor, or none, and closes it on destruction. Movable, not copyable.
class Descriptor {
 public:
  Descriptor() = default;
  /// A negative `fd` means none.
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() { reset(); }

  Descriptor(Descriptor&& other) noexcept : fd_(other.release()) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    reset(other.release());
    return *this;
  }

  bool is_open() const { return fd_ >= 0; }
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }

  void reset(int fd = -1) {
    if (fd_ >= 0) close(fd_);
    fd_ = fd;
  }

 private:
  int fd_ = -1;
};

/// The two ends of a pipe.
struct Pipe {
  Descriptor read;
  Descriptor write;
};

/// Returns a new pipe whose ends are closed on exec, or nullopt with errno set.
inline std::optional<Pipe> make_pipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return std::nullopt;
  return Pipe{.read = Descriptor(ends[0]), .write = Descriptor(ends[1])};
}

}  // namespace quintain::server
