#include "study/page/study_page.h"

#include "reports/page/files.h"
#include "reports/page/page.h"
#include "study/page/files.h"
#include "study/report/study_json.h"

namespace quintain::study {
namespace {

std::string data_of(const StudyReport& report) {
  const absl::StatusOr<std::string> json = to_compact_json(report);
  return json.ok() ? json_for_script(*json) : "null";
}

}  // namespace

std::string render_page(const StudyReport& report) {
  return fill_template(page_files::template_text(),
                       {{"title", escape_html(report.name.empty() ? "study" : report.name)},
                        {"style", page_files::style()},
                        {"licences", escape_html(quintain::page_files::licences())},
                        {"data", data_of(report)},
                        {"library", quintain::page_files::plotting_library()},
                        {"script", page_files::script()}});
}

}  // namespace quintain::study
