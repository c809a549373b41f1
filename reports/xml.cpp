#include "reports/xml.h"

#include <fmt/format.h>

#include <cstdint>

namespace quintain::reports {
namespace {

constexpr char32_t kReplacement = 0xfffd;

// How many bytes the UTF-8 character at the beginning of `text` has; 0 if there is none. Overlong
// forms, surrogates and what lies beyond U+10FFFF are none (RFC 3629).
std::size_t read_character(std::string_view text, char32_t& character) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) {
    character = first;
    return 1;
  }
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) return 0;
  character = first & (0x7fU >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
    character = character << 6 | (byte(i) & 0x3fU);
  }
  constexpr char32_t kMin[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = character >= 0xd800 && character < 0xe000;
  return character < kMin[length] || surrogate || character > 0x10ffff ? 0 : length;
}

// What stands for an ASCII character that has a meaning or may not stand there; empty: itself.
std::string escape(char c, bool in_attribute) {
  switch (c) {
    case '&':
      return "&amp;";
    case '<':
      return "&lt;";
    case '>':
      return "&gt;";
    case '"':
      return in_attribute ? "&quot;" : "";
    case '\t':
    case '\n':
      // A reader turns them into spaces within an attribute (XML 1.0, 3.3.3).
      return in_attribute ? fmt::format("&#{};", static_cast<int>(c)) : "";
    case '\r':
      // A reader turns it into a line feed anywhere (XML 1.0, 2.11).
      return "&#13;";
    default:
      // XML 1.0, 2.2: these can't be written at all.
      return static_cast<unsigned char>(c) < 0x20
                 ? fmt::format("\\x{:02x}", static_cast<unsigned>(c))
                 : std::string();
  }
}

std::string escaped(std::string_view text, bool in_attribute) {
  constexpr std::string_view kReplacementText = "\xef\xbf\xbd";
  std::string out;
  while (!text.empty()) {
    char32_t character = kReplacement;
    const std::size_t length = read_character(text, character);
    if (length == 0 || character == 0xfffe || character == 0xffff) {
      out += kReplacementText;
    } else if (const std::string escape_text =
                   length == 1 ? escape(text.front(), in_attribute) : std::string();
               !escape_text.empty()) {
      out += escape_text;
    } else {
      out += text.substr(0, length);
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return out;
}

}  // namespace

std::string xml_text(std::string_view text) { return escaped(text, false); }

std::string xml_attribute(std::string_view text) { return escaped(text, true); }

}  // namespace quintain::reports
