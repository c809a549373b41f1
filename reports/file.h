// Writes a report's file: completely or not at all.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace quintain::reports {

/// Whether write_atomically() could write `path` now. Tries it: creates a file beside it and
/// removes it again. An existing file is not changed. The error contains the path and the reason.
absl::Status check_writable(const std::string& path);

/// Replaces the file at `path` by one with `text`. A reader sees either the old or the new file,
/// even after a crash: the text is written to a temporary file in the same folder, synced, and
/// renamed. A symbolic link is followed. An existing path must be a regular file, so that no device
/// is replaced. The error contains the path and the reason; the old file is unchanged then, and the
/// temporary file is removed.
absl::Status write_atomically(const std::string& path, std::string_view text);

}  // namespace quintain::reports
