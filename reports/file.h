// Writing a report's file: whole or not at all.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace quintain::reports {

/// Whether write_atomically() could write `path` now. Tried, not guessed: a file is made beside it
/// and removed again; an existing file stays as it is. The error names the path and the reason.
absl::Status check_writable(const std::string& path);

/// Puts `text` into the file at `path`, replacing what was there. A reader sees the old file or the
/// new one, also after a crash: the text goes to a temporary file in the same folder, is synced,
/// and is renamed. A symbolic link is followed. What exists must be a regular file: a device is not
/// replaced. On an error, which names the path and the reason, the temporary is gone and the old
/// file untouched.
absl::Status write_atomically(const std::string& path, std::string_view text);

}  // namespace quintain::reports
