// The report for people: plain lines for a pipe, a table for a terminal.
#pragma once

#include <string>

#include "reports/report.h"

namespace quintain::reports {

/// A line a case, each failure with its checks, evidence and the command that reproduces it below
/// the case's line, and a line of totals last. Control characters are shown as \xNN, so that what a
/// tested server answered can neither forge lines nor steer the terminal.
std::string render_plain(const Report& report);

/// What is wrong with a case: its checks that failed, could not judge or warn, with their evidence,
/// and the command that reproduces it, as render_plain() shows them below the case's line. Empty
/// for a case that needs no look.
std::string render_details(const Case& c);

struct TableStyle {
  /// Use ANSI colour.
  bool colour = false;
  /// The terminal's columns. A name that does not fit gets a line of its own; nothing is cut off.
  int width = 100;
};

/// A table of the cases under their top folders: first those without one, then the folders in the
/// order in which they first occur. Then every case that did not simply pass, as render_plain()
/// shows it; then the totals.
std::string render_table(const Report& report, const TableStyle& style);

}  // namespace quintain::reports
