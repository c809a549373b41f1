// Writes files through a file without a name, a link and a rename.
#include "reports/file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"

namespace quintain::reports {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kBufferBytes = std::size_t{1} << 18;

absl::Status failure(const std::string& path, int error) {
  return absl::ErrnoToStatus(error, absl::StrCat("cannot write ", path));
}

std::string folder_of(const std::string& file) {
  const fs::path folder = fs::path(file).parent_path();
  return folder.empty() ? "." : folder.string();
}

/// Whether open(2) may have failed only because there are no files without a name here.
bool lacks_unnamed_files(int error) { return error == EOPNOTSUPP || error == EISDIR; }

/// Returns 0 or an errno.
int write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = write(fd, text.data(), text.size());
    if (written >= 0) {
      text.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno != EINTR) {
      return errno;
    }
  }
  return 0;
}

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

/// A new file in the target's folder. The destructor removes it unless it was renamed to the
/// target.
class AtomicFile::Temporary {
 public:
  explicit Temporary(const std::string& target)
      : name_(absl::StrCat(target, ".tmp.", getpid())),
        fd_(open(folder_of(target).c_str(), O_WRONLY | O_TMPFILE | O_CLOEXEC, 0666)) {
    if (fd_ < 0 && lacks_unnamed_files(errno)) {
      fd_ = open(name_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
      named_ = fd_ >= 0;
    }
    error_ = fd_ < 0 ? errno : 0;
  }
  ~Temporary() {
    if (fd_ < 0) return;
    close(fd_);
    if (named_) unlink(name_.c_str());
  }
  Temporary(const Temporary&) = delete;
  Temporary& operator=(const Temporary&) = delete;

  /// 0, or the errno of creating the file.
  int error() const { return error_; }

  /// Returns 0 or an errno.
  int fill(std::string_view text) { return write_all(fd_, text); }

  /// Returns 0 or an errno.
  int rename_to(const std::string& target) {
    if (fsync(fd_) != 0) return errno;
    if (!named_) {
      // A link can't replace a file, so the file gets a name that is renamed.
      const std::string self = absl::StrCat("/proc/self/fd/", fd_);
      if (linkat(AT_FDCWD, self.c_str(), AT_FDCWD, name_.c_str(), AT_SYMLINK_FOLLOW) != 0) {
        return errno;
      }
      named_ = true;
    }
    if (std::rename(name_.c_str(), target.c_str()) != 0) return errno;
    named_ = false;
    return 0;
  }

 private:
  std::string name_;
  int fd_;
  int error_ = 0;
  bool named_ = false;
};

AtomicFile::AtomicFile(std::string path, std::string target)
    : path_(std::move(path)),
      target_(std::move(target)),
      temporary_(std::make_unique<Temporary>(target_)) {}
AtomicFile::AtomicFile(AtomicFile&&) noexcept = default;
AtomicFile& AtomicFile::operator=(AtomicFile&&) noexcept = default;
AtomicFile::~AtomicFile() = default;

absl::StatusOr<AtomicFile> AtomicFile::create(const std::string& path) {
  std::string target;
  if (absl::Status status = resolve(path, target); !status.ok()) return status;
  AtomicFile file(path, std::move(target));
  if (const int error = file.temporary_->error(); error != 0) return failure(path, error);
  return file;
}

void AtomicFile::append(std::string_view text) {
  buffer_.append(text);
  if (buffer_.size() < kBufferBytes) return;
  if (error_ == 0) error_ = temporary_->fill(buffer_);
  buffer_.clear();
}

absl::Status AtomicFile::commit() {
  if (error_ == 0) error_ = temporary_->fill(std::exchange(buffer_, {}));
  if (error_ == 0) error_ = temporary_->rename_to(target_);
  return error_ == 0 ? absl::OkStatus() : failure(path_, error_);
}

absl::Status check_writable(const std::string& path) { return AtomicFile::create(path).status(); }

absl::Status write_atomically(const std::string& path, std::string_view text) {
  auto file = AtomicFile::create(path);
  if (!file.ok()) return file.status();
  file->append(text);
  return file->commit();
}

Spool::Spool(const std::string& beside) {
  const char* variable = std::getenv("TMPDIR");
  const std::string temporary = variable != nullptr && *variable != '\0' ? variable : "/tmp";
  const std::string folder = beside.empty() ? temporary : folder_of(beside);
  fd_ = open(folder.c_str(), O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
  if (fd_ < 0 && lacks_unnamed_files(errno)) {
    std::string name = folder + "/quintain-XXXXXX";
    fd_ = mkostemp(name.data(), O_CLOEXEC);
    if (fd_ >= 0) unlink(name.c_str());
  }
  error_ = fd_ < 0 ? errno : 0;
}

Spool::~Spool() {
  if (fd_ >= 0) close(fd_);
}

Spool::Piece Spool::append(std::string_view text) {
  const Piece piece{.at = written_ + buffer_.size(), .size = text.size()};
  buffer_.append(text);
  if (buffer_.size() >= kBufferBytes) flush();
  return piece;
}

void Spool::flush() {
  if (error_ == 0) error_ = write_all(fd_, buffer_);
  written_ += buffer_.size();
  buffer_.clear();
}

std::string Spool::read(Piece piece) {
  flush();
  std::string text(piece.size, '\0');
  std::uint64_t got = 0;
  while (error_ == 0 && got < piece.size) {
    const ssize_t count =
        pread(fd_, text.data() + got, piece.size - got, static_cast<off_t>(piece.at + got));
    if (count > 0) {
      got += static_cast<std::uint64_t>(count);
    } else if (count == 0 || errno != EINTR) {
      error_ = count == 0 ? EIO : errno;
    }
  }
  return error_ == 0 ? text : std::string();
}

absl::Status Spool::status() const {
  if (error_ == 0) return absl::OkStatus();
  return absl::ErrnoToStatus(error_, "cannot write a temporary file");
}

}  // namespace quintain::reports
