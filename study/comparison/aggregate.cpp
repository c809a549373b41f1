// Pools each estimator over the replications (Series), then compares the estimators. A replication
// is one observation of a mean; strata, histograms and curves are pooled over all executions.
#include "study/comparison/aggregate.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <chrono>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>

#include "core/eta/estimator.h"
#include "study/comparison/oracle.h"
#include "study/comparison/scoring.h"
#include "study/statistics/calibration.h"
#include "study/statistics/estimate.h"
#include "study/statistics/reference_distributions.h"

namespace quintain::study {
namespace {

/// A stratum with fewer executions is not judged: its coverage is not known precisely enough.
constexpr std::int64_t kMinStratum = 1000;
/// An estimator has recovered when its loss stays below this multiple of the oracle's.
constexpr double kRecovered = 1.1;
/// A closed form may be missed by this many standard errors.
constexpr double kMaxZ = 4;

double share(std::int64_t part, std::int64_t whole) {
  return static_cast<double>(part) / static_cast<double>(whole);
}

/// Without NaNs; kUnknown if nothing is left.
double mean_of(std::span<const double> values) {
  double sum = 0;
  std::int64_t count = 0;
  for (const double value : values) {
    if (std::isnan(value)) continue;
    sum += value;
    ++count;
  }
  return count > 0 ? sum / static_cast<double>(count) : kUnknown;
}

/// One estimator in all replications. The replications must outlive it.
class Series {
 public:
  Series(Replicated replications, std::size_t estimator) {
    for (const auto* replication : replications) all_.push_back(&(*replication)[estimator]);
  }

  const SeriesScores& first() const { return *all_.front(); }
  const std::vector<const SeriesScores*>& all() const { return all_; }

  template <class Value>
  std::vector<double> values(Value value) const {
    std::vector<double> values;
    for (const SeriesScores* scores : all_) values.push_back(value(*scores));
    return values;
  }
  template <class Value>
  double mean(Value value) const {
    return mean_of(values(value));
  }
  template <class Value>
  Estimate estimate(Value value) const {
    return interval_over(values(value));
  }

 private:
  std::vector<const SeriesScores*> all_;
};

using Part = PartScores SeriesScores::*;

std::vector<double> pinball_of(const Series& series) {
  return series.values([](const SeriesScores& s) { return s.terminal.pinball; });
}

Scores scores_of(const Series& series, Part part, std::string of) {
  Scores scores{.of = std::move(of)};
  for (const SeriesScores* replication : series.all()) {
    scores.scored += (replication->*part).scored;
    scores.censored += (replication->*part).censored;
  }
  const auto member = [part](double PartScores::* value) {
    return [part, value](const SeriesScores& s) { return s.*part.*value; };
  };
  scores.pinball = series.estimate(member(&PartScores::pinball));
  scores.crps = series.estimate(member(&PartScores::crps));
  scores.interval_score_80 = series.mean(member(&PartScores::interval_score_80));
  scores.interval_score_90 = series.mean(member(&PartScores::interval_score_90));
  scores.mean_absolute_error = series.mean(member(&PartScores::absolute_error));
  scores.mean_absolute_percentage_error = series.mean(member(&PartScores::percentage_error));
  scores.bias = series.estimate(member(&PartScores::error));
  for (std::size_t i = 0; i < (series.first().*part).coverage.size(); ++i) {
    scores.pinball_by_level.push_back(
        series.mean([&](const SeriesScores& s) { return (s.*part).pinball_by_level[i]; }));
    scores.coverage.push_back(
        series.estimate([&](const SeriesScores& s) { return (s.*part).coverage[i]; }));
  }
  return scores;
}

/// Adds up the strata of the same kind over the replications.
void add_strata(const Series& series, EstimatorResult& result) {
  std::map<std::tuple<int, bool, int>, StratumScores> strata;
  for (const SeriesScores* replication : series.all()) {
    for (const StratumScores& stratum : replication->strata) {
      StratumScores& sum =
          strata[{stratum.depth_quintile, stratum.cold, stratum.popularity_tercile}];
      sum.executions += stratum.executions;
      sum.covered.resize(stratum.covered.size());
      for (std::size_t i = 0; i < stratum.covered.size(); ++i) sum.covered[i] += stratum.covered[i];
    }
  }
  for (const auto& [place, sum] : strata) {
    Stratum stratum{.depth_quintile = std::get<0>(place),
                    .cold = std::get<1>(place),
                    .popularity_tercile = std::get<2>(place),
                    .executions = sum.executions};
    for (std::size_t i = 0; i < sum.covered.size(); ++i) {
      const bool known = !std::isnan(series.first().terminal.judged_coverage[i]);
      const double coverage = known ? share(sum.covered[i], sum.executions) : kUnknown;
      stratum.coverage.push_back(coverage);
      if (known && sum.executions >= kMinStratum) {
        // fmax ignores the NaN of "none yet".
        result.worst_stratum_error =
            std::fmax(result.worst_stratum_error, std::abs(coverage - kJudgedLevels[i]));
      }
    }
    result.strata.push_back(std::move(stratum));
  }
}

/// The losses by the queue at acceptance.
std::vector<DepthLoss> by_depth(const Series& series) {
  std::vector<DepthLoss> groups(kDepthBounds.size());
  double all = 0;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    DepthLoss& group = groups[i];
    group.from = kDepthBounds[i];
    if (i + 1 < groups.size()) group.to = kDepthBounds[i + 1] - 1;
    double sum = 0;
    for (const SeriesScores* replication : series.all()) {
      if (i >= replication->losses_by_depth.size()) continue;
      group.executions += replication->losses_by_depth[i].executions;
      sum += replication->losses_by_depth[i].pinball;
    }
    if (group.executions > 0) group.pinball = sum / static_cast<double>(group.executions);
    group.share = sum;
    all += sum;
  }
  for (DepthLoss& group : groups) group.share = all > 0 ? group.share / all : 0;
  return groups;
}

/// The pooled PITs. Replications are independent of each other, so their effective counts add up.
PitResult pit_of(const Series& series) {
  statistics::PitHistogram pooled(kPitBins);
  double effective = 0;
  for (const SeriesScores* replication : series.all()) {
    effective += replication->pit_effective;
    for (std::size_t bin = 0; bin < replication->pit.size(); ++bin) {
      const double middle = (static_cast<double>(bin) + 0.5) / static_cast<double>(kPitBins);
      pooled.add(middle, static_cast<std::size_t>(replication->pit[bin]));
    }
  }
  PitResult result;
  if (pooled.count() == 0) return result;
  for (std::size_t bin = 0; bin < kPitBins; ++bin) result.bins.push_back(pooled.share(bin));
  const statistics::Band band = statistics::uniform_band(kPitBins, effective);
  result.null_low = band.low;
  result.null_high = band.high;
  result.p_value = statistics::test_uniformity(pooled, effective).p_value;
  return result;
}

Curves curves_of(const Series& series) {
  Curves curves;
  // The bins of the queue have fixed bounds, so that those of all replications can be added up.
  std::map<int, CoverageGroup> bins;
  for (const SeriesScores* replication : series.all()) {
    for (const CoverageGroup& group : replication->by_depth) {
      CoverageGroup& sum =
          bins[static_cast<int>(std::bit_width(static_cast<std::uint64_t>(group.at)))];
      sum.at += group.at * static_cast<double>(group.executions);
      sum.executions += group.executions;
      sum.covered_50 += group.covered_50;
      sum.covered_90 += group.covered_90;
    }
  }
  for (const auto& [bin, sum] : bins) {
    const double depth = sum.at / static_cast<double>(sum.executions);
    curves.coverage_50_by_depth.push_back({depth, share(sum.covered_50, sum.executions)});
    curves.coverage_90_by_depth.push_back({depth, share(sum.covered_90, sum.executions)});
  }
  for (const CoverageGroup& window : series.first().windows) {
    curves.rolling_50.push_back({window.at, share(window.covered_50, window.executions)});
    curves.rolling_90.push_back({window.at, share(window.covered_90, window.executions)});
  }
  for (const PointPair& pair : series.first().scatter) {
    curves.actual_by_p50.push_back({pair.predicted, pair.actual});
  }
  return curves;
}

/// The mean loss after a change, by replication.
std::vector<double> after_change(const Series& series) {
  return series.values([](const SeriesScores& s) {
    return s.after_change.executions > 0
               ? s.after_change.pinball / static_cast<double>(s.after_change.executions)
               : kUnknown;
  });
}

/// The number of ends after a change from which on no step's loss exceeds kRecovered times the
/// oracle's, over all changes of all replications; nullopt if there is none.
std::optional<double> until_recovered(const Series& series, const Series& oracle) {
  std::vector<double> losses(kRecoverySteps);
  std::vector<double> to(kRecoverySteps);
  std::size_t steps = 0;
  for (std::size_t r = 0; r < series.all().size(); ++r) {
    const auto& recovery = series.all()[r]->recovery;
    steps = std::max(steps, recovery.size());
    for (std::size_t i = 0; i < recovery.size(); ++i) {
      losses[i] += recovery[i].pinball;
      to[i] += oracle.all()[r]->recovery[i].pinball;
    }
  }
  std::size_t recovered = steps;
  while (recovered > 0 && losses[recovered - 1] <= kRecovered * to[recovered - 1]) --recovered;
  if (recovered == steps) return std::nullopt;
  return static_cast<double>(recovered) * static_cast<double>(kRecoveryStep);
}

/// The worst coverage error at 90 %.
double worst_window(const Series& series) {
  double worst = 0;
  for (const SeriesScores* replication : series.all()) {
    for (const CoverageGroup& window : replication->windows) {
      worst = std::max(worst, std::abs(share(window.covered_90, window.executions) - 0.9));
    }
  }
  return worst;
}

/// The ratio of two losses over paired replications, with its interval; unknown if there is none.
Estimate loss_ratio(std::span<const double> losses, std::span<const double> to, RatioOf ratio_of) {
  if (losses.size() == 1) {
    return Estimate::value_only(to[0] > 0 ? losses[0] / to[0] : kUnknown);
  }
  const auto unknown = [](double value) { return std::isnan(value); };
  if (std::ranges::any_of(losses, unknown) || std::ranges::any_of(to, unknown)) {
    return Estimate::value_only(kUnknown);
  }
  const auto ratio = ratio_of == RatioOf::kMeans ? statistics::ratio_of_means(losses, to)
                                                 : statistics::geometric_mean_ratio(losses, to);
  return ratio.value_or(Estimate::value_only(kUnknown));
}

EstimatorResult result_of(const Series& series) {
  EstimatorResult result;
  result.name = series.first().estimator;
  result.role = role_of(result.name);
  result.terminal = scores_of(series, &SeriesScores::terminal, "terminal");
  result.success = scores_of(series, &SeriesScores::success, "success");
  result.worst_coverage_error =
      worst_coverage_error(judged_coverage(series.all(), &SeriesScores::terminal));
  add_strata(series, result);
  result.by_depth = by_depth(series);
  const auto member = [](double SeriesScores::* value) {
    return [value](const SeriesScores& s) { return s.*value; };
  };
  result.width_50 = series.mean(member(&SeriesScores::width_50));
  result.width_80 = series.mean(member(&SeriesScores::width_80));
  result.width_90 = series.mean(member(&SeriesScores::width_90));
  result.pit = pit_of(series);
  for (const SeriesScores* replication : series.all()) {
    result.bytes = std::max(result.bytes, replication->bytes);
    result.bytes_per_function =
        std::max(result.bytes_per_function, replication->bytes_per_function);
  }
  result.curves = curves_of(series);
  return result;
}

Counts counts_of(std::span<const CellResult> cells) {
  Counts counts;
  for (const CellResult& cell : cells) {
    counts.predicted += cell.counts.predicted;
    counts.completed += cell.counts.completed;
    counts.failed += cell.counts.failed;
    counts.timed_out += cell.counts.timed_out;
    counts.cancelled += cell.counts.cancelled;
    counts.unfinished += cell.counts.unfinished;
    counts.dropped += cell.counts.dropped;
    counts.refused += cell.counts.refused;
    if (cell.estimators.empty()) continue;
    counts.scored += cell.estimators.front().terminal.scored;
    counts.censored += cell.estimators.front().success.censored;
  }
  return counts;
}

std::string quantity_of(const ClosedForm& form) {
  switch (form.quantity) {
    case ClosedForm::Quantity::kMeanWait:
      return "mean wait (s)";
    case ClosedForm::Quantity::kShareThatWaits:
      return "share that waits";
    case ClosedForm::Quantity::kShareThatWaitsLonger:
      break;
  }
  return fmt::format("share that waits longer than {} s",
                     std::chrono::duration<double>(form.bound).count());
}

/// Where the oracle would be is a forecaster that is none.
void name_reference(WorkloadResult& result) {
  constexpr std::string_view kName = "marginal";
  for (EstimatorResult& estimator : result.estimators) {
    if (estimator.role == Role::kOracle) {
      estimator.role = Role::kReference;
      estimator.name = kName;
    }
    if (estimator.to_reference) estimator.to_reference->to = kName;
  }
}

/// `batches` are nearly independent means. The check fails with fewer than two.
AnalyticCheck check(const ClosedForm& form, const std::vector<double>& batches) {
  AnalyticCheck check{
      .model = form.model, .quantity = quantity_of(form), .reference = form.reference};
  check.measured = interval_over(batches);
  const double half_width = check.measured.high - check.measured.value;
  const double error =
      half_width / statistics::student_critical_value(statistics::kConfidence,
                                                      static_cast<double>(batches.size()) - 1);
  check.z = (check.measured.value - form.reference) / error;
  check.holds = std::abs(check.z) < kMaxZ;  // false for NaN
  return check;
}

}  // namespace

Role role_of(std::string_view estimator) {
  // Published methods. The project's own combination of one with conformal prediction is no
  // baseline.
  constexpr std::array<std::string_view, 6> kBaselines = {
      "constant", "ewma", "les", "queue-length", "queued-work", "window-quantile"};
  if (estimator == kOracleName) return Role::kOracle;
  if (is_control(estimator)) return Role::kControl;
  const bool baseline = std::ranges::find(kBaselines, estimator) != kBaselines.end();
  return baseline ? Role::kBaseline : Role::kEstimator;
}

Estimate interval_over(std::span<const double> replications) {
  std::vector<double> known;
  for (const double value : replications) {
    if (!std::isnan(value)) known.push_back(value);
  }
  if (known.size() >= 2) return statistics::student_interval(known);
  return Estimate::value_only(known.empty() ? kUnknown : known.front());
}

double relative_half_width(Replicated replications, std::string_view estimator) {
  constexpr double kInfinite = std::numeric_limits<double>::infinity();
  const auto& names = *replications.front();
  const auto place = [&](std::string_view name) {
    return static_cast<std::size_t>(std::ranges::find(names, name, &SeriesScores::estimator) -
                                    names.begin());
  };
  const std::size_t one = place(estimator);
  const std::size_t oracle = place(kOracleName);
  if (one == names.size() || oracle == names.size()) return kInfinite;
  const Estimate ratio =
      loss_ratio(pinball_of(Series(replications, one)), pinball_of(Series(replications, oracle)),
                 RatioOf::kReplications);
  return std::isnan(ratio.low) ? kInfinite : ratio.relative_half_width();
}

std::vector<EstimatorResult> aggregate(Replicated replications, RatioOf ratio_of) {
  assert(!replications.empty());
  std::vector<Series> series;
  std::vector<EstimatorResult> results;
  for (std::size_t i = 0; i < replications.front()->size(); ++i) {
    series.emplace_back(replications, i);
    results.push_back(result_of(series.back()));
  }
  const auto oracle = std::ranges::find(results, Role::kOracle, &EstimatorResult::role);
  std::vector<std::size_t> baselines;
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (results[i].role == Role::kBaseline) baselines.push_back(i);
  }
  const auto best = std::ranges::min_element(
      baselines, {}, [&](std::size_t i) { return results[i].terminal.pinball.value; });
  const auto ratio_to = [&](std::size_t i, std::size_t to) {
    return Ratio{.to = results[to].name,
                 .ratio = loss_ratio(pinball_of(series[i]), pinball_of(series[to]), ratio_of)};
  };
  for (std::size_t i = 0; i < results.size(); ++i) {
    for (const std::size_t baseline : baselines) {
      results[i].to_baselines.push_back(ratio_to(i, baseline));
    }
    results[i].to_best_baseline.ratio = Estimate::value_only(kUnknown);
    if (best != baselines.end()) results[i].to_best_baseline = ratio_to(i, *best);
    if (oracle == results.end()) {
      results[i].to_oracle.ratio = Estimate::value_only(kUnknown);
      continue;
    }
    const auto to = static_cast<std::size_t>(oracle - results.begin());
    results[i].to_oracle = ratio_to(i, to);
    if (series[i].first().after_change.executions == 0) continue;
    results[i].adaptation =
        Adaptation{.after_change = loss_ratio(after_change(series[i]), after_change(series[to]),
                                              RatioOf::kReplications),
                   .completions_until_recovered = until_recovered(series[i], series[to]),
                   .worst_window = worst_window(series[i])};
  }
  return results;
}

WorkloadResult summarise(const Workload& workload, std::span<const CellResult> cells,
                         std::string_view default_estimator) {
  WorkloadResult result;
  result.name = workload.name;
  result.about = workload.about;
  result.config = workload.config;
  result.trace_digest = workload.trace_digest;
  result.counts = counts_of(cells);
  result.changes = cells.front().changes;
  std::vector<const std::vector<SeriesScores>*> replications;
  std::vector<double> found;
  std::vector<double> cut;
  for (const CellResult& cell : cells) {
    result.seeds.push_back(cell.seed);
    replications.push_back(&cell.estimators);
    found.push_back(cell.warm_up_found);
    cut.push_back(cell.warm_up_cut);
  }
  result.warm_up_found = mean_of(found);
  result.warm_up_cut = mean_of(cut);
  for (std::size_t i = 0; i < workload.closed_forms.size(); ++i) {
    std::vector<double> batches;
    for (const CellResult& cell : cells) {
      batches.insert(batches.end(), cell.closed_forms[i].begin(), cell.closed_forms[i].end());
    }
    result.analytic.push_back(check(workload.closed_forms[i], batches));
  }
  result.estimators = aggregate(replications);
  result.trace_notes = workload.trace_notes;
  if (workload.single_calls) {
    result.no_oracle =
        "the durations of single calls are given; the reference knows how those of each function "
        "are "
        "distributed over the whole run, and not their order";
  }
  set_flags(result, replications, workload.goals, default_estimator);
  if (workload.single_calls) name_reference(result);
  return result;
}

}  // namespace quintain::study
