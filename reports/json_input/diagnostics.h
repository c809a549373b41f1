// Problems found in a file that a person wrote, and the wording of their messages.
#pragma once

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace quintain::json_input {

/// One problem and its place.
struct Diagnostic {
  std::string file;
  int line = 0;         // counted from 1; 0: the problem concerns the whole file
  std::string pointer;  // RFC 6901; empty for the whole document
  std::string message;  // what is wrong, what would be right

  /// `file:line: /json/pointer: message`, without the parts that are not known.
  std::string text() const;

  friend bool operator==(const Diagnostic&, const Diagnostic&) = default;
};

/// Collects problems, so that one run reports several of them. Keeps the first kMaxKept that
/// differ and counts the rest. Serial context only.
class Diagnostics {
 public:
  static constexpr std::size_t kMaxKept = 20;

  /// A diagnostic equal to a kept one is dropped: the cases of a matrix share most of theirs.
  void add(Diagnostic diagnostic);

  void add_all(const Diagnostics& others);

  /// True if add() would only count: the caller need not format a message then, and calls
  /// add_uncollected() instead.
  bool full() const { return kept_.size() == kMaxKept; }

  void add_uncollected() { ++not_kept_; }

  bool empty() const { return kept_.empty() && not_kept_ == 0; }

  /// The kept ones, by file and line; those of one line in the order in which they were added.
  std::vector<Diagnostic> sorted() const;

  /// One line for each kept one, and "and N more" if there were more.
  std::string text() const;

 private:
  std::vector<Diagnostic> kept_;
  std::size_t not_kept_ = 0;
};

/// A value as JSON on one line. Never fails: bytes that are not UTF-8 are replaced by U+FFFD.
std::string one_line(const nlohmann::ordered_json& value);

/// one_line(), truncated if it is long.
std::string shown(const nlohmann::ordered_json& value);

/// A text as shown() shows it: in double quotes, escaped, truncated if it is long.
std::string shown_text(std::string_view text);

/// A value with its type: `the number 150`, `the string "fast"`, `an object`.
std::string described(const nlohmann::ordered_json& value);

/// `'a', 'b', 'c'`.
std::string listed(std::span<const std::string_view> names);

/// `; did you mean 'slots'?` if `name` is likely a misspelling of a known name, else empty.
/// Likely: at most a third of its letters (at least one) inserted, deleted, replaced or swapped
/// with a neighbour (optimal string alignment distance). The first of the nearest names wins.
std::string suggestion(std::string_view name, std::span<const std::string_view> known);

/// suggestion() among `candidates`, then all `names` under a heading:
/// `; did you mean 'slots'? allowed: 'slots', 'queue'`.
std::string alternatives(std::string_view name, std::span<const std::string_view> candidates,
                         std::string_view heading, std::span<const std::string_view> names);

}  // namespace quintain::json_input
