// A report as other tools' formats see it: cases in groups, with one text that tells what is wrong.
#pragma once

#include <string>
#include <vector>

#include "reports/report.h"

namespace quintain::reports {

/// Cases that share the top folder of their names, in the report's order.
struct CaseGroup {
  /// "cancel"; empty for cases without a folder.
  std::string name{};
  std::vector<const Case*> cases{};
};

/// The groups, in the order in which they first occur. Refers to the report's cases.
std::vector<CaseGroup> group_by_folder(const Report& report);

/// The name within its group. It tells apart what a reader of names alone would take for one case:
/// where the report has several seeds, it ends in "seed=7".
std::string name_in_group(const Case& c, const Report& report);

/// Why the case failed, is an error or was skipped, in one line; empty if it passed.
std::string headline(const Case& c);

}  // namespace quintain::reports
