// Text for terminals and within XML.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace quintain::reports {

/// The text with control characters made visible as \xNN; each line break becomes `newline`.
std::string printable(std::string_view text, std::string_view newline = "\\n");

/// The number of columns that the text takes on a terminal.
std::size_t display_width(std::string_view text);

/// "1 check", "7 checks".
std::string count(std::int64_t n, std::string_view singular, std::string_view plural);

/// The text as the content of an XML 1.0 element. Characters that XML cannot represent even when
/// escaped are replaced: control characters by a visible \xNN; bytes that are not UTF-8, U+FFFE and
/// U+FFFF by U+FFFD.
std::string xml_text(std::string_view text);

/// The same as the value of an attribute in double quotes; white space is kept, too.
std::string xml_attribute(std::string_view text);

}  // namespace quintain::reports
