// A study's report as a page for a browser.
#pragma once

#include <string>

#include "study/report/study_report.h"

namespace quintain::study {

/// One HTML file that needs nothing else: the report as JSON, and the style, the script and the
/// plotting library that turn it into text, tables and pictures. Its content security policy
/// forbids the browser to fetch anything. Equal reports return the same page, byte for byte.
/// A report that cannot be written as JSON (see to_json()) makes a page that says so.
std::string render_page(const StudyReport& report);

}  // namespace quintain::study
