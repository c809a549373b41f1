#include "study/statistics/sequential.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <cstddef>

#include "study/statistics/estimate.h"
#include "study/statistics/reference_distributions.h"

namespace quintain::study::statistics {
namespace {

constexpr int kMinReplications = 10;

}  // namespace

std::string_view to_string(StopReason reason) {
  static constexpr std::array<std::string_view, 4> kNames = {"precise", "most-replications",
                                                             "interrupted", "recorded"};
  return kNames[static_cast<std::size_t>(reason)];
}

std::vector<std::string> SequentialRule::problems() const {
  std::vector<std::string> problems;
  if (!(relative_error > 0 && relative_error < 1)) {
    problems.push_back(
        fmt::format("the relative error is {}; it must be above 0 and below 1", relative_error));
  }
  if (min_replications < kMinReplications) {
    problems.push_back(
        fmt::format("the minimum number of replications is {}; it must be at least {}",
                    min_replications, kMinReplications));
  }
  if (max_replications < min_replications) {
    problems.push_back(fmt::format(
        "the maximum number of replications is {}; it must be at least the minimum ({})",
        max_replications, min_replications));
  }
  return problems;
}

double SequentialRule::max_relative_half_width() const {
  return relative_error / (1 + relative_error);
}

std::optional<StopReason> SequentialRule::stop(const SequentialState& state) const {
  assert(problems().empty());
  if (state.replications >= min_replications &&
      state.relative_half_width <= max_relative_half_width()) {
    return StopReason::kPrecise;
  }
  if (state.replications >= max_replications) return StopReason::kMaxReplications;
  return std::nullopt;
}

int SequentialRule::expected_replications(const SequentialState& state) const {
  assert(problems().empty() && state.replications >= 2);
  // The half-width is a critical value times the standard deviation over the root of the count.
  const auto per_deviation = [](int replications) {
    return student_critical_value(kConfidence, replications - 1) / std::sqrt(replications);
  };
  const double deviation = state.relative_half_width / per_deviation(state.replications);
  int expected = std::max(state.replications, min_replications);
  while (expected < max_replications &&
         deviation * per_deviation(expected) > max_relative_half_width()) {
    ++expected;
  }
  return expected;
}

}  // namespace quintain::study::statistics
