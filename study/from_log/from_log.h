// A study file made from a log of calls.
#pragma once

#include <string>

#include "sim/workload/call_log.h"

namespace quintain::study {

struct LogStudyOptions {
  /// The file or folder of the log, as the study names it.
  std::string trace;
  /// The node's slots.
  int slots = 1;
  /// Functions beyond this many are one function, the least called first.
  std::size_t most_functions = 40;
};

/// The text of a study file with three workloads: the log as it was recorded, calls that are drawn
/// independently of each other from the same distributions, and those calls at half the intervals.
/// A drawn function's service times and intervals between calls are given by the quantiles of those
/// in the log (definition 7 of R. J. Hyndman and Y. Fan, "Sample quantiles in statistical
/// packages", 1996), scaled so that their means are those of the log. Requires: the log has calls.
std::string study_from_log(const sim::CallLog& log, const LogStudyOptions& options);

}  // namespace quintain::study
