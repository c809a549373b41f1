// Keeps a report small, whatever a tested server sent.
#pragma once

#include <cstddef>

#include "reports/report.h"

namespace quintain::reports {

/// Limits of the texts of a report, in bytes. A character counts as many as it takes at most in a
/// file format: six if it is escaped in any of them.
struct SizeLimits {
  /// One text: an observation, an event.
  std::size_t text = std::size_t{8} << 10;
  /// The events of one check.
  std::size_t check = std::size_t{32} << 10;
  /// All texts of one case.
  std::size_t one_case = std::size_t{128} << 10;
  /// All texts of all cases.
  std::size_t report = std::size_t{4} << 20;
  /// What is left of each text when a limit on many of them is exceeded.
  std::size_t least = 200;
};

/// Shortens the texts of the cases and leaves out events until the report is within the limits. A
/// shortened text says how long it was; the evidence of a check says how many events are omitted.
/// No check is left out, so verdicts and totals stay. The first cases have precedence.
void limit_size(Report& report, const SizeLimits& limits = {});

/// The text with at most `most` bytes, counted as above, and a note on its length if it is
/// shortened. Does not split a UTF-8 character.
std::string shortened(std::string text, std::size_t most);

}  // namespace quintain::reports
