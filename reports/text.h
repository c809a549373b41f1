// Text for a terminal.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace quintain::reports {

/// The text with control characters made visible as \xNN; `newline` stands for each line break.
std::string printable(std::string_view text, std::string_view newline = "\\n");

/// Columns on a terminal.
std::size_t display_width(std::string_view text);

/// "1 check", "7 checks".
std::string count(std::int64_t n, std::string_view singular, std::string_view plural);

}  // namespace quintain::reports
