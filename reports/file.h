// Writes a report's file: completely or not at all.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace quintain::reports {

/// Whether write_atomically() could write `path` now. Tries it: creates a file beside it and
/// removes it again. An existing file is not changed. The error contains the path and the reason.
absl::Status check_writable(const std::string& path);

/// A file that appears at its path only when it is complete. A reader sees either the old or the
/// new file, even after a crash: the text goes to a file without a name in the same folder, which
/// is synced, named and renamed. (Where the file system has no files without a name, it has a
/// temporary one, which only a kill leaves behind.) A symbolic link is followed. An existing path
/// must be a regular file, so that no device is replaced. Without commit() the old file stays.
/// One thread.
class AtomicFile {
 public:
  /// The error contains the path and the reason.
  static absl::StatusOr<AtomicFile> create(const std::string& path);

  AtomicFile(AtomicFile&&) noexcept;
  AtomicFile& operator=(AtomicFile&&) noexcept;
  ~AtomicFile();

  /// Appends to the file. An error is kept for commit().
  void append(std::string_view text);

  /// Replaces the file at the path. The error contains the path and the reason.
  absl::Status commit();

 private:
  class Temporary;
  AtomicFile(std::string path, std::string target);

  std::string path_;
  std::string target_;
  std::string buffer_;
  std::unique_ptr<Temporary> temporary_;
  int error_ = 0;
};

/// Writes all of the text by an AtomicFile.
absl::Status write_atomically(const std::string& path, std::string_view text);

/// A file without a name, for texts that would take too much memory. One thread.
class Spool {
 public:
  struct Piece {
    std::uint64_t at = 0;
    std::uint64_t size = 0;
  };

  /// The file is in the folder of `beside`, where there has to be room for the result anyway; if it
  /// is empty, in $TMPDIR or /tmp.
  explicit Spool(const std::string& beside = "");
  ~Spool();
  Spool(const Spool&) = delete;
  Spool& operator=(const Spool&) = delete;

  /// Appends a text, which read() returns. An error is kept, see status().
  Piece append(std::string_view text);

  /// Empty if the piece can't be read; then status() is an error.
  std::string read(Piece piece);

  absl::Status status() const;

 private:
  void flush();

  int fd_;
  int error_;
  std::uint64_t written_ = 0;
  std::string buffer_;
};

}  // namespace quintain::reports
