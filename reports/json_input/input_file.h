// Reads files that a person names, which may be anything: a pipe without a writer, a device without
// an end, a folder.
#pragma once

#include <absl/status/statusor.h>

#include <cstddef>
#include <string>

namespace quintain::json_input {

/// The content of the file at `path`, which may also be a pipe or a device. The error says why
/// there is none, without the path: it does not exist, it has more than `max_bytes`, or a pipe
/// delivered nothing for 3 s (a minute in total). Blocks no longer than that.
absl::StatusOr<std::string> read_bounded(const std::string& path, std::size_t max_bytes);

}  // namespace quintain::json_input
