// Pieces of HTML.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace quintain::study {

/// Text for an element or a quoted attribute: the five characters that mean something are written
/// as entities, control characters but line breaks and tabs as U+FFFD.
std::string escape(std::string_view text);

/// JSON text for a <script type="application/json">: no '<' is left, which is the only character
/// that could end the element or open a comment.
std::string escape_json(const std::string& json);

/// A table whose cells are HTML already; the first cell of a row names it. It scrolls sideways
/// where it is too wide, also by keyboard. `caption` is text.
struct HtmlTable {
  std::string caption{};
  std::vector<std::string> headings{};
  std::vector<std::vector<std::string>> rows{};
  /// A class for each row, "" for none; may be left out.
  std::vector<std::string> classes{};
};
std::string render(const HtmlTable& table);

/// A closed <details>; `inside` is HTML, `summary` text.
std::string folded(std::string_view summary, std::string_view inside);

/// Replaces each {{name}} of the template. What is filled in is not looked through again. A name
/// without a value is a broken invariant.
std::string fill(std::string_view text,
                 const std::vector<std::pair<std::string_view, std::string_view>>& values);

}  // namespace quintain::study
