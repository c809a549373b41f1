// `quintain explore --target`: random loads on a live target.
#pragma once

#include <cstdint>

#include "cli/live_target.h"
#include "cli/results.h"

namespace quintain::cli {

struct TargetSearch {
  TargetOptions target;
  /// The loads are those of the seeds from this one on.
  std::uint64_t first = 1;
  std::uint64_t loads = 20;
  /// Loads that run at once.
  int jobs = 1;
  ReportFiles files;
};

/// Judges each load as `quintain conform` judges a case, and returns the exit code. Requires:
/// target.is_live(), and the files can be written.
int explore_target(const TargetSearch& search);

}  // namespace quintain::cli
