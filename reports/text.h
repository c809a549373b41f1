// Text for terminals, within XML and within JSON.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace quintain::reports {

/// The text as valid UTF-8 without characters that act on a terminal or on how other characters are
/// shown: control characters and bytes that are not UTF-8 are shown as \xNN; separators of lines,
/// directions of writing and the like as \u{NNNN}. Each line break becomes `newline`.
std::string printable(std::string_view text, std::string_view newline = "\\n");

/// The same for a JSON document: such characters, which occur only in its strings, are written as
/// \uNNNN, so that every reader gets the same values. Requires: the document is valid UTF-8.
std::string printable_json(std::string json);

/// The number of columns that the text takes on a terminal.
std::size_t display_width(std::string_view text);

/// "1 check", "7 checks".
std::string count(std::int64_t n, std::string_view singular, std::string_view plural);

/// The text as the content of an XML 1.0 element. Characters that XML cannot represent, or that act
/// on how others are shown, are replaced: those that printable() escapes likewise, except for line
/// breaks and tabs; bytes that are not UTF-8, U+FFFE and U+FFFF by U+FFFD.
std::string xml_text(std::string_view text);

/// The same as the value of an attribute in double quotes; white space is kept, too.
std::string xml_attribute(std::string_view text);

}  // namespace quintain::reports
