// What the pages of all reports have in common: their template is filled, and text that comes from
// a target or a file is escaped.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace quintain {

/// The text for an element's content. Not for attributes.
std::string escape_html(std::string_view text);

/// JSON for the content of a <script type="application/json">. Every '<', the only character that
/// could end the element or open a comment, is escaped; in JSON it occurs only within strings.
/// Parts of a document may be escaped one by one.
std::string json_for_script(std::string_view json);

/// Replaces each {{name}} of the template; inserted values are not searched. Requires: every name
/// has a value.
std::string fill_template(std::string_view text,
                          const std::vector<std::pair<std::string_view, std::string_view>>& values);

/// The page for reports of run, conform, explore and compare, before and after its JSON data, which
/// json_for_script() has to escape. `pictures`: with the plotting library and its licences.
struct PageFrame {
  std::string before;
  std::string after;
};
PageFrame report_page_frame(std::string_view title, bool pictures);

}  // namespace quintain
