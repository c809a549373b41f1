// What is wrong with a file, said so that its author can mend it.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace quintain::json_input {

/// One thing that is wrong, and where.
struct Diagnostic {
  std::string file;
  int line = 0;         // counted from 1; 0 if the whole file is meant
  std::string pointer;  // RFC 6901; empty for the whole document
  std::string message;  // what is wrong, what would be right

  /// `file:line: /json/pointer: message`, without the parts that are not known.
  std::string text() const;

  friend bool operator==(const Diagnostic&, const Diagnostic&) = default;
};

/// Collects what is wrong, so that an author sees several problems at once and not one a run.
class Diagnostics {
 public:
  /// So many are kept; the rest are only counted.
  static constexpr std::size_t kMaxKept = 20;

  /// A diagnostic that is kept already is not kept again: the cases of a matrix share most of
  /// theirs.
  void add(Diagnostic diagnostic);

  void add_all(const Diagnostics& others);

  /// True if a further diagnostic would only be counted, so that its text need not be made.
  bool full() const { return kept_.size() == kMaxKept; }

  /// Counts one whose text was not made.
  void add_uncollected() { ++not_kept_; }

  bool empty() const { return kept_.empty() && not_kept_ == 0; }

  /// Those that are kept: by file and line, and on one line as they were reported.
  std::vector<Diagnostic> sorted() const;

  /// One line each, and "and N more" if there were more.
  std::string text() const;

 private:
  std::vector<Diagnostic> kept_;
  std::size_t not_kept_ = 0;
};

}  // namespace quintain::json_input
