// A text that many hold and nobody changes.
#pragma once

#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <boost/smart_ptr/intrusive_ref_counter.hpp>
#include <string>
#include <string_view>
#include <utility>

namespace quintain::core {

/// Eight bytes in a record instead of a string of its own: what many records have in common, as the
/// name of the instance they ran in or the type of what they returned, stands in memory once.
/// Serial context only.
class SharedText {
 public:
  /// Empty.
  SharedText() = default;
  explicit SharedText(std::string text)
      : text_(text.empty() ? nullptr : new Text(std::move(text))) {}

  const std::string& str() const { return text_ == nullptr ? kEmpty : text_->text; }
  bool empty() const { return text_ == nullptr; }

  /// Becomes `text`; shares `candidate` if that says the same already.
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

}  // namespace quintain::core
