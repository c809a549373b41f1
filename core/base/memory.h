// Memory of large tables of records: shared strings and prefetching.
#pragma once

#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <boost/smart_ptr/intrusive_ref_counter.hpp>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace quintain::core {

/// An immutable string, shared by all copies, in eight bytes. Strings that many records have in
/// common, such as an instance's id or a result's type, are stored once. Serial context only.
class SharedText {
 public:
  /// Empty.
  SharedText() = default;
  explicit SharedText(std::string text)
      : text_(text.empty() ? nullptr : new Text(std::move(text))) {}

  const std::string& str() const { return text_ == nullptr ? kEmpty : text_->text; }
  bool empty() const { return text_ == nullptr; }

  /// Sets this string to `text`. Shares `candidate` if that is equal already; otherwise replaces
  /// `candidate` too.
  void assign(std::string_view text, SharedText& candidate) {
    if (candidate.str() != text) candidate = SharedText(std::string(text));
    *this = candidate;
  }

 private:
  struct Text : boost::intrusive_ref_counter<Text, boost::thread_unsafe_counter> {
    explicit Text(std::string its_text) : text(std::move(its_text)) {}
    std::string text;
  };
  inline static const std::string kEmpty;

  boost::intrusive_ptr<Text> text_;
};

/// Prefetches all cache lines of an object, for writing. Always inlined: g++ removes calls of
/// functions that do nothing but prefetch. A function whose only effect is this one must be always
/// inlined for the same reason.
template <class Object>
[[gnu::always_inline]] inline void prefetch(const Object& object) {
  constexpr std::size_t kCacheLine = 64;
  const char* const start = reinterpret_cast<const char*>(&object);
  for (std::size_t offset = 0; offset < sizeof(Object); offset += kCacheLine) {
    __builtin_prefetch(start + offset, /*for writing=*/1);
  }
  // The object may start in the middle of a line.
  __builtin_prefetch(start + sizeof(Object) - 1, /*for writing=*/1);
}

}  // namespace quintain::core
