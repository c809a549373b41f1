// How many replications are enough.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace quintain::study::statistics {

/// Why no further replication was made.
enum class StopReason : std::uint8_t { kPrecisionReached, kMaxReplications, kInterrupted };

/// "precision reached", "most replications" or "interrupted".
std::string_view to_string(StopReason reason);

/// What is known after a replication.
struct SequentialState {
  int replications = 0;
  /// Of the confidence interval over these replications; the widest, if several numbers are to be
  /// precise. Infinity as long as there is none.
  double relative_half_width = 0;
  bool interrupted = false;
};

/// The sequential procedure for a stated relative precision: go on until the interval's relative
/// half-width is at most gamma / (1 + gamma), where gamma is the relative error to the *unknown*
/// value that is to be kept within (A. M. Distribution, Simulation Modeling and Analysis,
/// section 9.4.1; the intervals' confidence is right in the limit of small gamma: Y. S. Chow and H.
/// Robbins, "On the asymptotic theory of fixed-width sequential confidence intervals for the mean",
/// Annals of Mathematical Statistics 36, 1965).
struct SequentialRule {
  /// gamma. Distribution advises at most 0.15.
  double relative_error = 0.01;
  /// At least 10: a standard error from fewer, low by chance, would end the study too soon.
  int fewest = 10;
  int most = 100;

  /// What is wrong with the rule, each with what would be right; empty if nothing is. As long as
  /// something is, nothing else may be asked of it.
  std::vector<std::string> problems() const;

  /// gamma / (1 + gamma).
  double largest_relative_half_width() const;

  /// Whether to stop, and why; nothing to go on. What is reached goes before the number of
  /// replications, and that before an interruption.
  std::optional<StopReason> stop(const SequentialState& state) const;

  /// How many replications there will have been at the end, if the spread stays what it is and
  /// nobody interrupts: between `fewest` and `most`, and no less than there are. Of at least two.
  int expected_replications(const SequentialState& state) const;
};

}  // namespace quintain::study::statistics
