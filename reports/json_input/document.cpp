// Parses files: nlohmann::json's SAX events build the tree, and an iterator that counts what the
// parser has read supplies the lines. Also turns the parser's errors into plain words.
#include "reports/json_input/document.h"

#include <absl/strings/ascii.h>
#include <fmt/format.h>

#include <algorithm>
#include <boost/locale/utf.hpp>
#include <iterator>
#include <nlohmann/json.hpp>

#include "reports/json_input/diagnostics.h"
#include "reports/json_input/document_builder.h"
#include "reports/json_input/input_file.h"

namespace quintain::json_input {
namespace {

using nlohmann::ordered_json;

std::string too_large() {
  return fmt::format("the file is larger than {} MiB", kMaxFileBytes >> 20);
}

/// Maps byte offsets to lines.
class Lines {
 public:
  explicit Lines(std::string_view text) {
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] == '\n') ends_.push_back(i);
    }
  }

  /// The line of the byte at `offset`, counted from 1; a newline belongs to the line that it ends.
  int of(std::size_t offset) const {
    const auto end = std::lower_bound(ends_.begin(), ends_.end(), offset);
    return static_cast<int>(end - ends_.begin()) + 1;
  }

 private:
  std::vector<std::size_t> ends_;
};

/// The first byte that JSON in UTF-8 cannot have, as its offset and a message. The parser's own
/// message is less clear, and it ignores such bytes within a comment.
std::optional<std::pair<std::size_t, std::string>> find_invalid_byte(std::string_view text) {
  namespace utf = boost::locale::utf;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at != end) {
    const auto offset = static_cast<std::size_t>(at - text.data());
    const utf::code_point c = utf::utf_traits<char>::decode(at, end);
    if (c == 0) return {{offset, "there is a NUL byte; expected JSON text in UTF-8"}};
    if (c == utf::illegal || c == utf::incomplete) {
      return {{offset, fmt::format("the byte 0x{:02x} is not UTF-8; expected JSON text in UTF-8",
                                   static_cast<unsigned char>(text[offset]))}};
    }
  }
  return std::nullopt;
}

/// Iterates over a text and records how far the parser has read, which its SAX events do not say.
class CountingIterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  CountingIterator(const char* at, const char** read_up_to) : at_(at), read_up_to_(read_up_to) {}
  reference operator*() const { return *at_; }
  CountingIterator& operator++() {
    *read_up_to_ = ++at_;
    return *this;
  }
  CountingIterator operator++(int) {
    const CountingIterator before = *this;
    ++*this;
    return before;
  }
  bool operator==(const CountingIterator& other) const { return at_ == other.at_; }
  bool operator!=(const CountingIterator& other) const { return at_ != other.at_; }

 private:
  const char* at_;
  const char** read_up_to_;
};

/// Receives the parser's SAX events; used for one text.
class Handler {
 public:
  Handler(std::string file_name, std::string_view text, Diagnostics& diagnostics)
      : file_name_(file_name),
        text_(text),
        lines_(text),
        read_up_to_(text.data()),
        diagnostics_(diagnostics),
        builder_(std::move(file_name)) {}

  std::optional<Document> parse() {
    constexpr bool kStrict = true;
    constexpr bool kIgnoreComments = true;
    const char* const end = text_.data() + text_.size();
    const bool complete = ordered_json::sax_parse(
        CountingIterator(text_.data(), &read_up_to_), CountingIterator(end, &read_up_to_), this,
        ordered_json::input_format_t::json, kStrict, kIgnoreComments);
    if (!complete || failed_) return std::nullopt;
    return std::move(builder_).finish();
  }

  // Called by sax_parse(); true: continue.
  bool null() { return scalar(nullptr); }
  bool boolean(bool value) { return scalar(value); }
  bool number_integer(std::int64_t value) { return scalar(value); }
  bool number_unsigned(std::uint64_t value) { return scalar(value); }
  bool number_float(double value, const std::string&) { return scalar(value); }
  bool string(std::string& value) { return scalar(std::move(value)); }
  bool binary(ordered_json::binary_t&) { return false; }  // JSON text has none
  bool start_object(std::size_t) {
    if (!may_nest()) return false;
    builder_.open_object(line());
    return true;
  }
  bool start_array(std::size_t) {
    if (!may_nest()) return false;
    builder_.open_array(line());
    return true;
  }
  bool end_object() { return close(); }
  bool end_array() { return close(); }
  bool key(std::string& name) {
    const std::optional<int> earlier = builder_.key(name, line());
    if (earlier) {
      report(line(), builder_.pointer() + pointer_token(name),
             fmt::format("duplicate key '{}'; it is already set on line {}", name, *earlier));
    }
    return true;
  }
  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception& error) {
    // The position is one past the last character read. At the end of the file, the last line that
    // is not empty is more useful than an empty one.
    const std::size_t offset = std::max<std::size_t>(position, 1) - 1;
    const std::size_t last = text_.find_last_not_of(" \t\r\n");
    report(lines_.of(std::min(offset, last == text_.npos ? 0 : last)), "",
           plain_words(error.what(), offset));
    return false;
  }

 private:
  std::size_t read() const { return static_cast<std::size_t>(read_up_to_ - text_.data()); }

  /// The line of the token just read: tokens do not span lines. The parser finds the end of a
  /// number by reading one character more; a newline belongs to the line that it ends, so that is
  /// harmless.
  int line() const { return lines_.of(read() - 1); }

  bool scalar(ordered_json value) {
    builder_.scalar(std::move(value), line());
    return true;
  }

  bool close() {
    builder_.close();
    return true;
  }

  bool may_nest() {
    if (builder_.depth() < Document::kMaxDepth) return true;
    report(line(), "", fmt::format("nested more than {} deep", Document::kMaxDepth));
    return false;
  }

  void report(int line, std::string pointer, std::string message) {
    failed_ = true;
    diagnostics_.add({file_name_, line, std::move(pointer), std::move(message)});
  }

  /// The run of letters and digits around an offset, or the single character there.
  std::string_view word_at(std::size_t offset) const {
    const auto in_word = [this](std::size_t i) {
      const auto c = static_cast<unsigned char>(text_[i]);
      return absl::ascii_isalnum(c) || c == '_' || c >= 0x80;
    };
    std::size_t begin = std::min(offset, text_.size() - 1);
    // The offending character may be the one after a literal: "nul,".
    if (!in_word(begin) && begin > 0 && in_word(begin - 1)) --begin;
    std::size_t end = begin + 1;
    if (in_word(begin)) {
      while (begin > 0 && in_word(begin - 1)) --begin;
      while (end < text_.size() && in_word(end)) ++end;
    }
    return text_.substr(begin, end - begin);
  }

  /// Rewrites the parser's message, which has the form
  /// "[json.exception...] parse error at line 1, column 5: syntax error while parsing CONTEXT - "
  /// followed by "unexpected TOKEN; expected ..." or "LEXER'S MESSAGE; last read: '...'".
  std::string plain_words(std::string_view what, std::size_t offset) const {
    constexpr std::string_view kBeforeContext = "syntax error while parsing ";
    const std::size_t context_at = what.find(kBeforeContext);
    if (context_at == what.npos) {
      return fmt::format("the number {} is too large", what.substr(what.find('\'')));
    }
    what.remove_prefix(context_at + kBeforeContext.size());
    const std::string_view context = what.substr(0, what.find(" - "));
    what.remove_prefix(context.size() + 3);
    if (what.starts_with("invalid literal")) {
      return fmt::format("{} is not JSON; strings are written in double quotes",
                         shown_text(word_at(offset)));
    }
    constexpr std::string_view kUnexpected = "unexpected ";
    if (!what.starts_with(kUnexpected))
      return std::string(what.substr(0, what.find("; last read")));

    const std::string_view wrong = what.substr(0, what.find(';'));
    if (wrong == "unexpected end of input") {
      if (builder_.depth() == 0) return "the file is empty; expected a JSON value";
      return fmt::format("the file ends within the {} that starts on line {}",
                         builder_.in_object() ? "object" : "array", builder_.line());
    }
    std::string token(wrong.substr(kUnexpected.size()));
    if (token == "string literal") token = "a string";
    if (token == "number literal") token = "a number";
    if (token.ends_with(" literal")) token.resize(token.find(' '));  // true, false and null
    const std::string_view hint =
        token == "']'" || token == "'}'" ? " (is there a comma too many before it?)" : "";
    if (context == "object key") {
      return fmt::format("expected a key in double quotes, got {}{}", token, hint);
    }
    if (context == "object separator")
      return fmt::format("expected ':' after a key, got {}", token);
    if (context == "object")
      return fmt::format("expected ',' or '}}' after a member, got {}", token);
    if (context == "array")
      return fmt::format("expected ',' or ']' after an element, got {}", token);
    if (what.ends_with("expected end of input")) {
      return fmt::format("expected nothing more after the document, got {}", token);
    }
    return fmt::format("expected a value, got {}{}", token, builder_.depth() > 0 ? hint : "");
  }

  const std::string file_name_;
  const std::string_view text_;
  const Lines lines_;
  const char* read_up_to_;
  Diagnostics& diagnostics_;
  DocumentBuilder builder_;
  bool failed_ = false;
};

}  // namespace

std::optional<std::string> read_file(const std::string& path, Diagnostics& diagnostics) {
  auto text = read_bounded(path, kMaxFileBytes);
  if (!text.ok()) {
    diagnostics.add({path, 0, "", std::string(text.status().message())});
    return std::nullopt;
  }
  return *std::move(text);
}

std::optional<Document> Document::parse(std::string file_name, std::string_view text,
                                        Diagnostics& diagnostics) {
  if (text.size() > kMaxFileBytes) {
    diagnostics.add({std::move(file_name), 0, "", too_large()});
    return std::nullopt;
  }
  if (const auto invalid = find_invalid_byte(text)) {
    const auto& [offset, why] = *invalid;
    diagnostics.add({std::move(file_name), Lines(text).of(offset), "", why});
    return std::nullopt;
  }
  return Handler(std::move(file_name), text, diagnostics).parse();
}

std::string pointer_token(std::string_view text) {
  std::string token = "/";
  for (const char c : text) token += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
  return token;
}

const std::string& Document::file_name() const { return tree_->file_name; }

DocumentNode Document::root() const { return DocumentNode(*tree_, tree_->root, 0); }

int DocumentNode::line() const { return tree_->places[place_].line; }

std::string DocumentNode::pointer() const {
  const auto& places = tree_->places;
  std::vector<std::uint32_t> path;  // from this value up to a child of the root
  for (std::uint32_t place = place_; place != 0; place = places[place].parent)
    path.push_back(place);

  std::string pointer;
  const ordered_json* json = &tree_->root;
  std::uint32_t parent = 0;
  for (auto place = path.rbegin(); place != path.rend(); ++place) {
    auto child = json->begin();
    std::size_t index = 0;
    for (std::uint32_t i = parent + 1; i != *place; i = places[i].end) {
      ++child;
      ++index;
    }
    pointer += pointer_token(json->is_object() ? child.key() : std::to_string(index));
    json = &*child;
    parent = *place;
  }
  return pointer;
}

std::optional<DocumentNode> DocumentNode::member(std::string_view key) const {
  for (const auto& [name, node] : members()) {
    if (name == key) return node;
  }
  return std::nullopt;
}

std::vector<DocumentNode> DocumentNode::children() const {
  std::vector<DocumentNode> children;
  if (!json_->is_structured()) return children;
  std::uint32_t place = place_ + 1;
  for (const ordered_json& child : *json_) {
    children.push_back(DocumentNode(*tree_, child, place));
    place = tree_->places[place].end;
  }
  return children;
}

std::vector<std::pair<std::string_view, DocumentNode>> DocumentNode::members() const {
  std::vector<std::pair<std::string_view, DocumentNode>> members;
  if (!json_->is_object()) return members;
  std::uint32_t place = place_ + 1;
  for (const auto& [name, value] : json_->get_ref<const ordered_json::object_t&>()) {
    members.emplace_back(name, DocumentNode(*tree_, value, place));
    place = tree_->places[place].end;
  }
  return members;
}

Diagnostic DocumentNode::diagnostic(std::string message) const {
  return {tree_->file_name, line(), pointer(), std::move(message)};
}

}  // namespace quintain::json_input
