// Escapes text for terminals and for XML, so that text from a tested server can neither control a
// terminal nor break a document.
#include "reports/text.h"

#include <fmt/format.h>

#include <boost/locale/utf.hpp>

namespace quintain::reports {
namespace {

/// The XML form of an ASCII character; empty if it is written as it is.
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
      // XML 1.0, 2.2: these have no form at all.
      return static_cast<unsigned char>(c) < 0x20
                 ? fmt::format("\\x{:02x}", static_cast<unsigned>(c))
                 : std::string();
  }
}

std::string escaped(std::string_view text, bool in_attribute) {
  namespace utf = boost::locale::utf;
  std::string out;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at != end) {
    const char* const start = at;
    const utf::code_point c = utf::utf_traits<char>::decode(at, end);
    const bool is_text = c != utf::illegal && c != utf::incomplete;
    if (!is_text) at = start + 1;
    const std::string replacement = c < 0x80 ? escape(*start, in_attribute) : "";
    if (!is_text || c == 0xfffe || c == 0xffff) {
      out += "\xef\xbf\xbd";  // U+FFFD
    } else if (!replacement.empty()) {
      out += replacement;
    } else {
      out.append(start, at);
    }
  }
  return out;
}

}  // namespace

std::string printable(std::string_view text, std::string_view newline) {
  std::string out;
  unsigned char before = 0;
  for (const char byte : text) {
    const auto code = static_cast<unsigned char>(byte);
    // Some terminals obey U+0080 to U+009F, which UTF-8 encodes as 0xc2 and one of these bytes.
    const bool second_of_c1 = before == 0xc2 && code >= 0x80 && code < 0xa0;
    before = code;
    if (byte == '\n') {
      out += newline;
    } else if (code < 0x20 || code == 0x7f || second_of_c1) {
      if (second_of_c1) out.pop_back();
      out += fmt::format("\\x{:02x}", code);
    } else {
      out += byte;
    }
  }
  return out;
}

std::size_t display_width(std::string_view text) {
  // fmt pads to a display width. The padding up to the number of bytes, which the width never
  // exceeds, shows how wide fmt takes the text to be.
  return 2 * text.size() - fmt::format("{:<{}}", text, text.size()).size();
}

std::string count(std::int64_t n, std::string_view singular, std::string_view plural) {
  return fmt::format("{} {}", n, n == 1 ? singular : plural);
}

std::string xml_text(std::string_view text) { return escaped(text, false); }

std::string xml_attribute(std::string_view text) { return escaped(text, true); }

}  // namespace quintain::reports
