#include "reports/text.h"

#include <fmt/format.h>

namespace quintain::reports {

std::string printable(std::string_view text, std::string_view newline) {
  std::string out;
  unsigned char before = 0;
  for (const char byte : text) {
    const auto code = static_cast<unsigned char>(byte);
    // U+0080 to U+009F, which some terminals obey, are 0xc2 and then one of these.
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
  // fmt pads to display width; what it adds tells how wide it takes the text to be, which is never
  // more than its bytes.
  return 2 * text.size() - fmt::format("{:<{}}", text, text.size()).size();
}

std::string count(std::int64_t n, std::string_view singular, std::string_view plural) {
  return fmt::format("{} {}", n, n == 1 ? singular : plural);
}

}  // namespace quintain::reports
