#include "study/page/study_page.h"

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_replace.h"
#include "study/page/files.h"
#include "study/report/study_json.h"

namespace quintain::study {
namespace {

/// Text for an element.
std::string escape(const std::string& text) {
  return absl::StrReplaceAll(text, {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}});
}

/// The report for a <script type="application/json">. Every '<', the only character that could end
/// the element or open a comment, is escaped; in JSON it occurs only within strings.
std::string data_of(const StudyReport& report) {
  const absl::StatusOr<std::string> json = to_compact_json(report);
  return json.ok() ? absl::StrReplaceAll(*json, {{"<", "\\u003c"}}) : "null";
}

/// Replaces each {{name}} of the template; inserted values are not searched. Requires: every name
/// has a value.
std::string fill(std::string_view text,
                 const std::vector<std::pair<std::string_view, std::string_view>>& values) {
  std::string out;
  for (std::size_t at = 0;;) {
    const std::size_t open = text.find("{{", at);
    out += text.substr(at, open - at);
    if (open == std::string_view::npos) return out;
    const std::size_t close = text.find("}}", open);
    const std::string_view name = text.substr(open + 2, close - open - 2);
    const auto value = std::ranges::find(values, name, [](const auto& pair) { return pair.first; });
    assert(value != values.end());
    out += value->second;
    at = close + 2;
  }
}

}  // namespace

std::string render_page(const StudyReport& report) {
  return fill(page_files::template_text(),
              {{"title", escape(report.name.empty() ? "study" : report.name)},
               {"style", page_files::style()},
               {"licences", escape(std::string(page_files::licences()))},
               {"data", data_of(report)},
               {"library", page_files::plotting_library()},
               {"script", page_files::script()}});
}

}  // namespace quintain::study
