// Escapes text for terminals, for XML and within JSON, so that text from a tested server can
// neither control a terminal, nor hide or reorder what a reader sees, nor break a document.
#include "reports/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/locale/utf.hpp>

namespace quintain::reports {
namespace {

namespace utf = boost::locale::utf;

/// A character of a text, or a byte that is not UTF-8.
struct Character {
  utf::code_point code = 0;
  bool is_valid = true;
  std::string_view bytes{};
};

template <class Function>
void for_each_character(std::string_view text, const Function& function) {
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at != end) {
    const char* const start = at;
    Character character{.code = utf::utf_traits<char>::decode(at, end)};
    if (character.code == utf::illegal || character.code == utf::incomplete) {
      at = start + 1;
      character = {.code = static_cast<unsigned char>(*start), .is_valid = false};
    }
    character.bytes = {start, at};
    function(character);
  }
}

/// C0, DEL and C1: some terminals obey the latter too.
bool is_control(utf::code_point c) { return c < 0x20 || (c >= 0x7f && c < 0xa0); }

/// Characters that are not seen themselves and may change how others are shown: breaks of lines,
/// directions of writing, annotations, tags, and code points that are no characters.
bool is_invisible(utf::code_point c) {
  return c == 0xad || c == 0x061c || c == 0x180e || c == 0x200b || c == 0x200e || c == 0x200f ||
         (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff ||
         (c >= 0xfff9 && c <= 0xfffb) || (c >= 0xfdd0 && c <= 0xfdef) || (c & 0xfffe) == 0xfffe ||
         (c >= 0xe0000 && c <= 0xe0fff);
}

std::string visible(utf::code_point c) {
  return c < 0x100 && c != 0xad ? fmt::format("\\x{:02x}", c) : fmt::format("\\u{{{:04x}}}", c);
}

/// The XML form of a character that has a meaning in XML; empty for other characters.
std::string xml_escape(utf::code_point c, bool in_attribute) {
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
      return in_attribute ? fmt::format("&#{};", c) : "";
    case '\r':
      // A reader turns it into a line feed anywhere (XML 1.0, 2.11).
      return "&#13;";
    default:
      return "";
  }
}

std::string xml_escaped(std::string_view text, bool in_attribute) {
  std::string out;
  for_each_character(text, [&](const Character& character) {
    const utf::code_point c = character.code;
    if (!character.is_valid || c == 0xfffe || c == 0xffff) {
      // XML 1.0, 2.2: these have no form at all.
      out += "\xef\xbf\xbd";  // U+FFFD
    } else if (const std::string escape = xml_escape(c, in_attribute); !escape.empty()) {
      out += escape;
    } else if ((is_control(c) && c != '\t' && c != '\n') || is_invisible(c)) {
      out += visible(c);
    } else {
      out += character.bytes;
    }
  });
  return out;
}

}  // namespace

std::string printable(std::string_view text, std::string_view newline) {
  std::string out;
  for_each_character(text, [&](const Character& character) {
    if (character.code == '\n') {
      out += newline;
    } else if (!character.is_valid || is_control(character.code) || is_invisible(character.code)) {
      out += visible(character.code);
    } else {
      out += character.bytes;
    }
  });
  return out;
}

std::string printable_json(std::string json) {
  const auto is_plain = [](char c) { return static_cast<unsigned char>(c) < 0x7f; };
  if (std::ranges::all_of(json, is_plain)) return json;
  std::string out;
  for_each_character(json, [&](const Character& character) {
    const utf::code_point c = character.code;
    if (c < 0x7f || (!is_control(c) && !is_invisible(c))) {
      out += character.bytes;
    } else if (c > 0xffff) {
      out += fmt::format("\\u{:04x}\\u{:04x}", 0xd7c0 + (c >> 10), 0xdc00 + (c & 0x3ff));
    } else {
      out += fmt::format("\\u{:04x}", c);
    }
  });
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

std::string xml_text(std::string_view text) { return xml_escaped(text, false); }

std::string xml_attribute(std::string_view text) { return xml_escaped(text, true); }

}  // namespace quintain::reports
