// Writes files through a temporary file and a rename.
#include "reports/file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <string>
#include <system_error>

#include "absl/strings/str_cat.h"

namespace quintain::reports {
namespace {

namespace fs = std::filesystem;

absl::Status failure(const std::string& path, int error) {
  return absl::ErrnoToStatus(error, absl::StrCat("cannot write ", path));
}

/// A new file beside the target. The destructor removes it unless it was renamed to the target.
class Temporary {
 public:
  explicit Temporary(const std::string& target)
      : name_(absl::StrCat(target, ".tmp.", getpid())),
        fd_(open(name_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666)),
        error_(fd_ < 0 ? errno : 0) {}
  ~Temporary() {
    if (fd_ < 0) return;
    close(fd_);
    if (!renamed_) unlink(name_.c_str());
  }
  Temporary(const Temporary&) = delete;
  Temporary& operator=(const Temporary&) = delete;

  /// 0, or the errno of creating the file.
  int error() const { return error_; }

  /// Returns 0 or an errno.
  int fill(std::string_view text) {
    while (!text.empty()) {
      const ssize_t written = write(fd_, text.data(), text.size());
      if (written >= 0) {
        text.remove_prefix(static_cast<std::size_t>(written));
      } else if (errno != EINTR) {
        return errno;
      }
    }
    return fsync(fd_) == 0 ? 0 : errno;
  }

  /// Returns 0 or an errno.
  int rename_to(const std::string& target) {
    renamed_ = std::rename(name_.c_str(), target.c_str()) == 0;
    return renamed_ ? 0 : errno;
  }

 private:
  std::string name_;
  int fd_;
  int error_;
  bool renamed_ = false;
};

/// Follows links to the file to write, and rejects what a rename must not replace.
absl::Status resolve(const std::string& path, std::string& target) {
  if (path.empty()) return absl::InvalidArgumentError("cannot write a file without a name");
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (!fs::exists(status)) {
    // Or its status cannot be read: creating the temporary file will give the reason then.
    target = path;
    return absl::OkStatus();
  }
  if (fs::is_directory(status)) return failure(path, EISDIR);
  if (!fs::is_regular_file(status)) {
    return absl::FailedPreconditionError(
        absl::StrCat("cannot write ", path, ": not a regular file"));
  }
  if (access(path.c_str(), W_OK) != 0) return failure(path, errno);
  target = fs::canonical(path, error).string();
  return error ? failure(path, error.value()) : absl::OkStatus();
}

}  // namespace

absl::Status check_writable(const std::string& path) {
  std::string target;
  if (absl::Status status = resolve(path, target); !status.ok()) return status;
  const Temporary temporary(target);
  return temporary.error() == 0 ? absl::OkStatus() : failure(path, temporary.error());
}

absl::Status write_atomically(const std::string& path, std::string_view text) {
  std::string target;
  if (absl::Status status = resolve(path, target); !status.ok()) return status;
  Temporary temporary(target);
  int error = temporary.error();
  if (error == 0) error = temporary.fill(text);
  if (error == 0) error = temporary.rename_to(target);
  return error == 0 ? absl::OkStatus() : failure(path, error);
}

}  // namespace quintain::reports
