#include "study/page/html.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <utility>

#include "absl/strings/str_replace.h"

namespace quintain::study {

std::string escape(std::string_view text) {
  std::string out;
  for (const char byte : text) {
    switch (byte) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      case '\n':
      case '\t':
        out += byte;
        break;
      default: {
        const auto code = static_cast<unsigned char>(byte);
        if (code < 0x20 || code == 0x7f) {
          out += "\ufffd";
        } else {
          out += byte;
        }
      }
    }
  }
  return out;
}

std::string escape_json(const std::string& json) {
  // In JSON it stands in strings alone, where this says the same.
  return absl::StrReplaceAll(json, {{"<", "\\u003c"}});
}

std::string render(const HtmlTable& table) {
  const std::string caption = escape(table.caption);
  std::string out = fmt::format(
      "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"{0}\">"
      "<table><caption>{0}</caption><thead><tr>",
      caption);
  for (const std::string& heading : table.headings) {
    out += fmt::format("<th scope=\"col\">{}</th>", heading);
  }
  out += "</tr></thead><tbody>\n";
  for (std::size_t i = 0; i < table.rows.size(); ++i) {
    const bool plain = i >= table.classes.size() || table.classes[i].empty();
    out += plain ? "<tr>" : fmt::format("<tr class=\"{}\">", table.classes[i]);
    const char* cell = "<th scope=\"row\">{}</th>";
    for (const std::string& content : table.rows[i]) {
      out += fmt::format(fmt::runtime(cell), content);
      cell = "<td>{}</td>";
    }
    out += "</tr>\n";
  }
  return out + "</tbody></table></div>\n";
}

std::string folded(std::string_view summary, std::string_view inside) {
  return fmt::format("<details><summary>{}</summary>\n{}</details>\n", escape(summary), inside);
}

std::string fill(std::string_view text,
                 const std::vector<std::pair<std::string_view, std::string_view>>& values) {
  std::string out;
  for (std::size_t at = 0;;) {
    const std::size_t open = text.find("{{", at);
    out += text.substr(at, open - at);
    if (open == std::string_view::npos) return out;
    const std::size_t close = text.find("}}", open);
    assert(close != std::string_view::npos);
    const std::string_view name = text.substr(open + 2, close - open - 2);
    const auto value = std::ranges::find(values, name, [](const auto& pair) { return pair.first; });
    assert(value != values.end());
    if (value != values.end()) out += value->second;
    at = close + 2;
  }
}

}  // namespace quintain::study
