// The report for people: plain lines for a pipe, a table for a terminal.
#pragma once

#include <string>

#include "reports/report.h"

namespace quintain::reports {

/// One line for each case, below it the details of a failure or warning as in render_details(), and
/// a line of totals last. Control characters are shown as \xNN, so that text from a tested server
/// can neither forge lines nor control the terminal.
std::string render_plain(const Report& report);

/// The checks of a case that failed, had an error or are warnings, with their evidence, and the
/// command that reproduces the case. Empty if the case passed without warnings, was skipped or is a
/// known failure.
std::string render_details(const Case& c);

struct TableStyle {
  /// Use ANSI colour.
  bool colour = false;
  /// The terminal's width in columns. A name that does not fit gets a line of its own; nothing is
  /// cut off.
  int width = 100;
};

/// A table of the cases by top folder: first the cases without one, then the folders in the order
/// in which they first occur. After it every case that did not pass without warnings, as in
/// render_plain(), and the totals.
std::string render_table(const Report& report, const TableStyle& style);

}  // namespace quintain::reports
