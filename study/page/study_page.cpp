#include "study/page/study_page.h"

#include <cstddef>
#include <string_view>

#include "study/page/files.h"
#include "study/page/html.h"
#include "study/page/sections.h"
#include "study/report/study_json.h"

namespace quintain::study {
namespace {

/// The data for the pictures. Where a `config` is not JSON there are none: the text needs no data.
std::string data_of(const StudyReport& report) {
  const absl::StatusOr<std::string> json = to_compact_json(report);
  return json.ok() ? escape_json(*json) : "null";
}

}  // namespace

std::string render_page(const StudyReport& report) {
  std::string workloads;
  for (std::size_t i = 0; i < report.workloads.size(); ++i) {
    workloads += render_workload(report, i);
  }
  return fill(page_files::template_text(),
              {{"title", escape(report.name.empty() ? "study" : report.name)},
               {"style", page_files::style()},
               {"header", render_header(report)},
               {"navigation", render_navigation(report)},
               {"legend", render_legend(report)},
               {"overview", render_overview(report)},
               {"workloads", workloads},
               {"colophon", render_colophon(report)},
               {"licences", escape(page_files::licences())},
               {"data", data_of(report)},
               {"library", page_files::plotting_library()},
               {"script", page_files::script()}});
}

}  // namespace quintain::study
