// When to stop adding replications.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace quintain::study::statistics {

/// Why a study ended.
enum class StopReason : std::uint8_t {
  kPrecise,
  kMaxReplications,
  kInterrupted,
  kRecorded,  ///< the predictions were recorded elsewhere; there was nothing to repeat
};

/// "precise", "most-replications", "interrupted", "recorded": the names in reports.
std::string_view to_string(StopReason reason);

/// The state after a replication.
struct SequentialState {
  int replications = 0;
  /// Of the confidence interval over these replications. Infinity while there is none.
  double relative_half_width = 0;
};

/// The sequential procedure for a relative precision: replications are added until the interval's
/// relative half-width is at most gamma / (1 + gamma), where gamma is the allowed error relative to
/// the *unknown* true value (A. M. Law, Simulation Modeling and Analysis, section 9.4.1; the
/// confidence is exact in the limit of small gamma: Y. S. Chow and H. Robbins, "On the asymptotic
/// theory of fixed-width sequential confidence intervals for the mean", Annals of Mathematical
/// Statistics 36, 1965).
struct SequentialRule {
  /// gamma. Law advises at most 0.15.
  double relative_error = 0.01;
  /// At least 10: a standard error from fewer, small by chance, would end the study too early.
  int min_replications = 10;
  int max_replications = 100;

  /// What is wrong with the rule, each with what would be right; empty if it is valid. The other
  /// functions require a valid rule.
  std::vector<std::string> problems() const;

  /// gamma / (1 + gamma).
  double max_relative_half_width() const;

  /// The reason to stop, or nullopt to continue. Precision is reported before the number of
  /// replications.
  std::optional<StopReason> stop(const SequentialState& state) const;

  /// The expected number of replications at the end if the spread stays the same: between
  /// `min_replications` and `max_replications`, and no less than there are.
  /// Requires: at least two replications.
  int expected_replications(const SequentialState& state) const;
};

}  // namespace quintain::study::statistics
