#include "reports/page/page.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cstddef>

#include "absl/strings/str_replace.h"
#include "reports/page/files.h"

namespace quintain {

std::string escape_html(std::string_view text) {
  return absl::StrReplaceAll(std::string(text), {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}});
}

std::string json_for_script(std::string_view json) {
  return absl::StrReplaceAll(std::string(json), {{"<", "\\u003c"}});
}

std::string fill_template(
    std::string_view text,
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

PageFrame report_page_frame(std::string_view title, bool pictures) {
  constexpr std::string_view kData = "{{data}}";
  const std::string_view text = page_files::template_text();
  const std::size_t data = text.find(kData);
  assert(data != std::string_view::npos);
  const std::string escaped = escape_html(title);
  const std::string licences = fmt::format(
      "<details><summary>Licences of the software in this page</summary>\n<pre "
      "tabindex=\"0\">{}</pre></details>",
      escape_html(page_files::licences()));
  const std::vector<std::pair<std::string_view, std::string_view>> values = {
      {"title", escaped},
      {"style", page_files::style()},
      {"library", pictures ? page_files::plotting_library() : ""},
      {"licences", pictures ? std::string_view(licences) : ""},
      {"script", page_files::script()}};
  return {fill_template(text.substr(0, data), values),
          fill_template(text.substr(data + kData.size()), values)};
}

}  // namespace quintain
