// A study's report as a page for a browser.
#pragma once

#include <string>

#include "study/report/study_report.h"

namespace quintain::study {

/// One HTML file that needs nothing else: style, script, the plotting library and the data are in
/// it, and its content security policy forbids the browser to fetch anything. Text and tables are
/// there without JavaScript; pictures are drawn by it. Every picture has a caption, an aria-label
/// that states its finding in numbers, and a table of its data. Reports that are equal give the
/// same page, byte for byte.
std::string render_page(const StudyReport& report);

}  // namespace quintain::study
