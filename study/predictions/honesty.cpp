// Indicators holds, for one direction of one level, which executions speak for the forecast;
// Judge turns several of them into a flag.
#include "study/predictions/honesty.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <queue>
#include <string>
#include <utility>

#include "study/statistics/estimate.h"
#include "study/statistics/reference_distributions.h"

namespace quintain::study {
namespace {

constexpr double kMaxFalseAlarms = 0.05;
constexpr std::size_t kMinBatches = 8;
constexpr std::size_t kMaxBatches = 25;
constexpr std::size_t kMinBatchLength = 40;
constexpr double kBatchPerOverlap = 5;
/// Levels this close are equal, and logarithms of p50s.
constexpr double kClose = 1e-9;

double tolerance_of(double level) { return std::min(kTolerance, std::min(level, 1 - level) / 5); }

/// One direction of one test: under the hypothesis that the forecasts are honest, each execution
/// is a success with a probability of at least `probability`, and too few successes contradict it.
struct Indicators {
  std::string what{};
  double probability = 0;
  std::vector<bool> success{};
  /// Executions about which nothing can be said; they are left out. Must be known at acceptance.
  std::vector<bool> left_out{};
};

std::int64_t count_of(const Indicators& test, std::span<const std::size_t> positions,
                      std::int64_t& successes) {
  std::int64_t count = 0;
  successes = 0;
  for (const std::size_t i : positions) {
    if (!test.left_out.empty() && test.left_out[i]) continue;
    ++count;
    successes += test.success[i];
  }
  return count;
}

/// P(at most `successes` of `count`).
double binomial_p(std::int64_t count, std::int64_t successes, double probability) {
  return count == 0 ? 1
                    : statistics::binomial_cdf(static_cast<double>(successes),
                                               static_cast<double>(count), probability);
}

/// One-sided p-value of Student's t test over the shares of batches.
double batch_p(const Indicators& test, std::span<const std::size_t> positions,
               std::size_t batches) {
  std::vector<double> shares;
  for (std::size_t batch = 0; batch < batches; ++batch) {
    const std::size_t from = batch * positions.size() / batches;
    const std::size_t to = (batch + 1) * positions.size() / batches;
    std::int64_t successes = 0;
    const std::int64_t count = count_of(test, positions.subspan(from, to - from), successes);
    if (count > 0) shares.push_back(static_cast<double>(successes) / static_cast<double>(count));
  }
  if (shares.size() < kMinBatches) return 1;
  const auto n = static_cast<double>(shares.size());
  double mean = 0;
  for (const double share : shares) mean += share / n;
  double squares = 0;
  for (const double share : shares) squares += (share - mean) * (share - mean);
  const double error = std::sqrt(squares / (n - 1) / n);
  if (mean >= test.probability) return 1;
  if (error == 0) return 0;  // the binomial test decides
  return statistics::student_tail((test.probability - mean) / error, n - 1);
}

struct Outcome {
  std::int64_t count = 0;
  std::int64_t successes = 0;
  double p_value = 1;
  /// Executions that are independent of each other, if there are too few of them; else 0.
  std::int64_t too_few = 0;
};

/// Judges the tests of one flag together.
class Judge {
 public:
  Judge(std::size_t executions, const Dependence& dependence, double alpha)
      : dependence_(dependence), alpha_(alpha) {
    for (std::size_t i = 0; i < executions; ++i) all_.push_back(i);
  }

  Flag judge(std::string name, std::string expected, std::span<const Indicators> tests) const {
    Flag flag{.name = std::move(name), .expected = std::move(expected)};
    std::optional<std::size_t> worst;
    std::vector<Outcome> outcomes;
    for (const Indicators& test : tests) outcomes.push_back(outcome_of(test));
    for (std::size_t i = 0; i < tests.size(); ++i) {
      if (outcomes[i].too_few > 0) continue;
      if (!worst || outcomes[i].p_value < outcomes[*worst].p_value) worst = i;
    }
    if (!worst) {
      flag.too_few = needed();
      flag.observed = fmt::format("too few: {} independent of each other, {} needed",
                                  outcomes.front().successes, flag.too_few.value());
      if (dependence_.overlap >= 1) {
        flag.observed += fmt::format(" (or {} in all; on average {:.0f} run at the same time)",
                                     rows_needed(), dependence_.overlap + 1);
      }
      return flag;
    }
    const Outcome& outcome = outcomes[*worst];
    flag.holds = outcome.p_value >= alpha_;
    flag.observed = fmt::format(
        "{}: {} of {} ({:.1f} %), p = {:.2g}{}", tests[*worst].what, outcome.successes,
        outcome.count,
        100 * static_cast<double>(outcome.successes) / static_cast<double>(outcome.count),
        outcome.p_value, flag.holds ? "" : fmt::format(" < {:.2g}", alpha_));
    return flag;
  }

 private:
  Outcome outcome_of(const Indicators& test) const {
    Outcome outcome;
    outcome.count = count_of(test, all_, outcome.successes);
    outcome.p_value = binomial_p(outcome.count, outcome.successes, test.probability);
    std::int64_t successes = 0;
    // While there are few batches, a chain of nearly all executions says more than they do.
    const bool chain_has_most = dependence_.chain.size() * 5 >= all_.size() * 4;
    const bool use_batches =
        dependence_.batches == kMaxBatches || (dependence_.batches > 0 && !chain_has_most);
    if (use_batches && outcome.count >= std::ssize(all_) / 2) {
      outcome.p_value = std::max(outcome.p_value, batch_p(test, all_, dependence_.batches));
      return outcome;
    }
    const std::int64_t count = count_of(test, dependence_.chain, successes);
    if (count < needed()) {
      outcome.too_few = needed();
      outcome.successes = count;
      return outcome;
    }
    outcome.p_value = std::max(outcome.p_value, binomial_p(count, successes, test.probability));
    return outcome;
  }

  /// Enough that a flag is possible at the median, and no fewer than kMinJudged.
  std::int64_t needed() const {
    return std::max(kMinJudged, static_cast<std::int64_t>(std::ceil(-std::log2(alpha_))));
  }

  /// The number of rows from which on batches are used.
  std::int64_t rows_needed() const {
    return static_cast<std::int64_t>(std::ceil(
        static_cast<double>(kMinBatches) *
        std::max(static_cast<double>(kMinBatchLength), kBatchPerOverlap * dependence_.overlap)));
  }

  const Dependence& dependence_;
  double alpha_;
  std::vector<std::size_t> all_;
};

/// The end of an execution as far as it is known, against a value.
enum class Side { kBefore, kAfter, kUnknown };
Side side_of(const PredictedExecution& execution, double value) {
  if (!ended_by_itself(execution.end)) {
    return execution.elapsed > value ? Side::kAfter : Side::kUnknown;
  }
  if (execution.elapsed == value) return Side::kUnknown;
  return execution.elapsed < value ? Side::kBefore : Side::kAfter;
}

/// The quantile at level i is not passed too often.
Indicators not_late(const RecordedSeries& series, const Forecasts& forecasts, std::size_t i) {
  const double level = series.levels[i];
  Indicators test{.what = fmt::format("ended by the {:.4g} % quantile", 100 * level),
                  .probability = level - tolerance_of(level)};
  for (std::size_t e = 0; e < series.executions.size(); ++e) {
    const double quantile = forecasts.of(e, series.levels.size())[i];
    test.success.push_back(side_of(series.executions[e], quantile) != Side::kAfter);
  }
  return test;
}

/// Executions do not end before the quantile at level i too often.
Indicators not_early(const RecordedSeries& series, const Forecasts& forecasts, std::size_t i) {
  const double level = series.levels[i];
  Indicators test{.what = fmt::format("not before the {:.4g} % quantile", 100 * level),
                  .probability = 1 - level - tolerance_of(level)};
  for (std::size_t e = 0; e < series.executions.size(); ++e) {
    const double quantile = forecasts.of(e, series.levels.size())[i];
    test.success.push_back(side_of(series.executions[e], quantile) != Side::kBefore);
  }
  return test;
}

/// Whether the outcome is on the other side of the p50 than the p50 is of earlier ones (first) or
/// on the same side (second).
std::pair<Indicators, Indicators> hindsight_tests(const RecordedSeries& series,
                                                  const Forecasts& forecasts, std::size_t median) {
  Indicators over{.what = "p50 and outcome not both above, nor both below",
                  .probability = 0.5 - 2 * kTolerance};
  Indicators under{.what = "p50 and outcome both above, or both below",
                   .probability = 0.5 - 2 * kTolerance};
  struct Mean {
    double sum = 0;
    double count = 0;
  };
  std::map<std::uint32_t, Mean> logs;
  for (std::size_t e = 0; e < series.executions.size(); ++e) {
    const PredictedExecution& execution = series.executions[e];
    const double quantile = forecasts.of(e, series.levels.size())[median];
    const double logarithm = std::log(std::max(quantile, 1e-9));
    Mean& earlier = logs[execution.function];
    const double distance = earlier.count > 0 ? logarithm - earlier.sum / earlier.count : 0;
    const bool known = std::abs(distance) > kClose;
    const Side side = side_of(execution, quantile);
    const bool agree = (side == Side::kAfter) == (distance > 0);
    over.left_out.push_back(!known);
    under.left_out.push_back(!known);
    over.success.push_back(side == Side::kUnknown || !agree);
    under.success.push_back(side == Side::kUnknown || agree);
    earlier.sum += logarithm;
    ++earlier.count;
  }
  return {std::move(over), std::move(under)};
}

}  // namespace

Dependence dependence_of(const RecordedSeries& series) {
  Dependence dependence;
  const std::size_t count = series.executions.size();
  if (count == 0) return dependence;
  std::priority_queue<double, std::vector<double>, std::greater<>> ends;
  double overlaps = 0;
  double chain_ends = -std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < count; ++i) {
    const double start = series.accepted[i];
    while (!ends.empty() && ends.top() <= start) ends.pop();
    overlaps += static_cast<double>(ends.size());
    const double end = start + series.executions[i].elapsed;
    ends.push(end);
    if (start < chain_ends) continue;
    dependence.chain.push_back(i);
    chain_ends = end;
  }
  dependence.overlap = overlaps / static_cast<double>(count);
  const auto length = std::max(
      kMinBatchLength, static_cast<std::size_t>(std::ceil(kBatchPerOverlap * dependence.overlap)));
  const std::size_t batches = std::min(kMaxBatches, count / length);
  dependence.batches = batches < kMinBatches ? 0 : batches;
  return dependence;
}

std::vector<Flag> honesty_flags(const RecordedSeries& series, const Dependence& dependence,
                                const Forecasts& forecasts, std::size_t estimators) {
  std::vector<Indicators> unbiased;
  std::vector<Indicators> wide;
  std::vector<Indicators> narrow;
  std::vector<Indicators> hindsight;
  for (std::size_t i = 0; i < series.levels.size(); ++i) {
    const double distance = series.levels[i] - 0.5;
    if (std::abs(distance) < kClose) {
      unbiased = {not_late(series, forecasts, i), not_early(series, forecasts, i)};
      auto [over, under] = hindsight_tests(series, forecasts, i);
      hindsight = {std::move(over), std::move(under)};
    } else {
      (distance > 0 ? wide : narrow).push_back(not_late(series, forecasts, i));
      (distance > 0 ? narrow : wide).push_back(not_early(series, forecasts, i));
    }
  }
  const std::size_t tests = unbiased.size() + wide.size() + narrow.size() + hindsight.size();
  const Judge judge(
      series.executions.size(), dependence,
      kMaxFalseAlarms / static_cast<double>(tests * std::max<std::size_t>(1, estimators)));
  std::vector<Flag> flags;
  const auto add = [&](std::string name, std::string expected,
                       const std::vector<Indicators>& of_flag) {
    if (!of_flag.empty()) {
      flags.push_back(judge.judge(std::move(name), std::move(expected), of_flag));
    }
  };
  add("unbiased", "half of the executions end by the p50", unbiased);
  add("wide-enough", "outer quantiles are not passed more often than their levels allow", wide);
  add("narrow-enough", "outer quantiles are passed as often as their levels say", narrow);
  add("no-hindsight", "the outcome is above a large p50 as often as above a small one", hindsight);
  return flags;
}

}  // namespace quintain::study
