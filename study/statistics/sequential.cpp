#include "study/statistics/sequential.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cmath>

#include "study/statistics/estimate.h"
#include "study/statistics/reference_distributions.h"

namespace quintain::study::statistics {
namespace {

constexpr int kMin = 10;

}  // namespace

std::string_view to_string(StopReason reason) {
  switch (reason) {
    case StopReason::kPrecisionReached:
      return "precision reached";
    case StopReason::kMaxReplications:
      return "most replications";
    case StopReason::kInterrupted:
      return "interrupted";
  }
  assert(false);
  return {};
}

std::vector<std::string> SequentialRule::problems() const {
  std::vector<std::string> problems;
  if (!(relative_error > 0 && relative_error < 1)) {
    problems.push_back(
        fmt::format("the relative error is {}; it must be above 0 and below 1", relative_error));
  }
  if (fewest < kMin) {
    problems.push_back(
        fmt::format("the fewest replications are {}; they must be at least {}", fewest, kMin));
  }
  if (most < fewest) {
    problems.push_back(fmt::format(
        "the most replications are {}; they must be no less than the fewest ({})", most, fewest));
  }
  return problems;
}

double SequentialRule::largest_relative_half_width() const {
  return relative_error / (1 + relative_error);
}

std::optional<StopReason> SequentialRule::stop(const SequentialState& state) const {
  assert(problems().empty());
  if (state.replications >= fewest && state.relative_half_width <= largest_relative_half_width()) {
    return StopReason::kPrecisionReached;
  }
  if (state.replications >= most) return StopReason::kMaxReplications;
  if (state.interrupted) return StopReason::kInterrupted;
  return std::nullopt;
}

int SequentialRule::expected_replications(const SequentialState& state) const {
  assert(problems().empty() && state.replications >= 2);
  // The half-width is a critical value times a deviation over the root of the count.
  const auto per_deviation = [](int replications) {
    return student_critical_value(kConfidence, replications - 1) / std::sqrt(replications);
  };
  const double deviation = state.relative_half_width / per_deviation(state.replications);
  int expected = std::max(state.replications, fewest);
  while (expected < most && deviation * per_deviation(expected) > largest_relative_half_width()) {
    ++expected;
  }
  return expected;
}

}  // namespace quintain::study::statistics
