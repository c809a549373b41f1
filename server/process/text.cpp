#include "server/process/text.h"

#include <algorithm>
#include <boost/locale/utf.hpp>
#include <utility>

namespace quintain::server {
namespace {

namespace utf = boost::locale::utf;
using Utf8 = utf::utf_traits<char>;

constexpr std::size_t kMaxCharacterBytes = 4;

}  // namespace

bool is_utf8(std::string_view bytes) {
  for (const char* at = bytes.data(); at != bytes.data() + bytes.size();) {
    if (!utf::is_valid_codepoint(Utf8::decode(at, bytes.data() + bytes.size()))) return false;
  }
  return true;
}

std::size_t incomplete_tail(std::string_view bytes) {
  const std::size_t max_length = std::min(bytes.size(), kMaxCharacterBytes - 1);
  for (std::size_t length = 1; length <= max_length; ++length) {
    const char* at = bytes.data() + bytes.size() - length;
    if (Utf8::is_trail(*at)) continue;
    return Utf8::decode(at, bytes.data() + bytes.size()) == utf::incomplete ? length : 0;
  }
  return 0;
}

std::string to_utf8(std::string_view bytes) {
  if (is_utf8(bytes)) return std::string(bytes);
  std::string text;
  const char* const end = bytes.data() + bytes.size();
  for (const char* at = bytes.data(); at != end;) {
    const char* next = at;
    if (utf::is_valid_codepoint(Utf8::decode(next, end))) {
      text.append(at, next);
    } else {
      text += "\xEF\xBF\xBD";
      next = at + 1;
    }
    at = next;
  }
  return text;
}

void LineSplitter::add(std::string_view bytes, const std::function<bool(std::string)>& on_line) {
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    const std::string_view part = bytes.substr(0, end);
    // One byte more than the line may have, for the "\r" that it may end with.
    const std::size_t room = max_bytes_ + 1 - partial_.size();
    cut_ = cut_ || part.size() > room;
    partial_ += part.substr(0, room);
    if (end == std::string_view::npos) return;
    bytes.remove_prefix(end + 1);
    if (!on_line(take_rest())) return;
  }
}

std::string LineSplitter::take_rest() {
  std::string line = std::exchange(partial_, {});
  bool cut = std::exchange(cut_, false);
  if (!cut && line.ends_with('\r')) line.pop_back();
  cut = cut || line.size() > max_bytes_;
  if (!cut) return to_utf8(line);
  line.resize(std::min(line.size(), max_bytes_));
  line.resize(line.size() - incomplete_tail(line));
  return to_utf8(line) + "...";
}

}  // namespace quintain::server
