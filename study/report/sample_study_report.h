// A study's report with plausible numbers, for tests and for inspection of the page: three
// workloads, six estimators, a control, changes of regime, unknown values, long and hostile texts.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "study/report/study_report.h"

namespace quintain::study {

inline constexpr const char* kHostileName = "replay </script><b>bold</b> & \"quoted\" <!-- 'x'";
inline constexpr const char* kLongName =
    "window-quantile[window=1000,levels=19,per=function,fallback=node]";

/// The forecasts of a made-up estimator: its quantiles are those of a logistic distribution, wider
/// than the true one by the factor `spread` and shifted by `bias` in units of the distribution's
/// scale.
struct MadeUp {
  std::string name{};
  Role role = Role::kEstimator;
  double to_oracle = 1;
  double spread = 1;
  double bias = 0;
  double cost_ns = 100;
};

inline const std::vector<MadeUp>& made_up_estimators() {
  static const std::vector<MadeUp> all = {
      {"best", Role::kEstimator, 1.014, 1.01, 0.01, 3400},
      {"state", Role::kEstimator, 1.031, 0.93, -0.03, 3100},
      {"queue-length", Role::kBaseline, 1.41, 1.55, 0.4, 140},
      {"ewma", Role::kBaseline, 2.31, 1.9, 0.9, 60},
      {kLongName, Role::kBaseline, 3.36, 0.55, -0.5, 210},
      {"oracle", Role::kOracle, 1, 1, 0, 3300},
      {"biased by 1.25", Role::kControl, 1.22, 1, 0.8, 3300},
  };
  return all;
}

inline double made_up_coverage(const MadeUp& e, double level) {
  if (level <= 0 || level >= 1) return level <= 0 ? 0 : 1;
  return 1 / (1 + std::exp(-(e.spread * std::log(level / (1 - level)) + e.bias)));
}

inline Estimate around(double value, double half_width) {
  return {value, value - half_width, value + half_width};
}

inline std::vector<double> sample_levels() {
  std::vector<double> levels;
  for (int i = 1; i < 20; ++i) levels.push_back(i / 20.0);
  return levels;
}

inline Scores sample_scores(const MadeUp& e, std::string of, double loss) {
  Scores scores{.of = std::move(of), .scored = 118'000, .censored = 0};
  scores.pinball = around(loss, loss * 0.01);
  for (const double level : sample_levels()) {
    scores.pinball_by_level.push_back(4 * loss * level * (1 - level));
    scores.coverage.push_back(around(made_up_coverage(e, level), 0.004));
  }
  scores.crps = around(2 * loss, loss * 0.02);
  scores.interval_score_80 = 9 * loss;
  scores.interval_score_90 = 12 * loss;
  scores.mean_absolute_error = 2.6 * loss;
  scores.mean_absolute_percentage_error = 0.31 * e.to_oracle;
  scores.bias = around(-e.bias * loss, loss * 0.02);
  return scores;
}

inline Curves sample_curves(const MadeUp& e, const std::vector<double>& changes) {
  Curves curves;
  for (const double depth : {0.0, 1.0, 2.5, 5.0, 9.0, 16.0, 30.0, 55.0, 110.0}) {
    const double drift = 0.012 * (e.to_oracle - 1) * depth;
    curves.coverage_50_by_depth.push_back(
        {depth, std::max(0.02, made_up_coverage(e, 0.5) - drift / 4)});
    curves.coverage_90_by_depth.push_back(
        {depth, std::max(0.05, made_up_coverage(e, 0.9) - drift / 6)});
  }
  for (int window = 0; window < 24; ++window) {
    const double at = 500.0 * (window + 1);
    double dip = 0.006 * std::sin(window * 2.1);
    for (const double change : changes) {
      if (at > change) dip -= 0.25 * e.to_oracle * std::exp(-(at - change) / 600);
    }
    const auto share = [&](double level) {
      return std::clamp(made_up_coverage(e, level) + dip * (1.3 - level), 0.0, 1.0);
    };
    curves.rolling_50.push_back({at, share(0.5)});
    curves.rolling_90.push_back({at, share(0.9)});
  }
  std::uint32_t state = 12345;
  const auto uniform = [&state] {
    state = state * 1664525u + 1013904223u;
    return (static_cast<double>(state >> 8) + 0.5) / 16777216.0;
  };
  for (int i = 0; i < 240; ++i) {
    const double p50 = 0.05 * std::exp(5.5 * uniform());
    const double u = uniform();
    curves.actual_by_p50.push_back({p50, p50 * std::exp(0.35 * (std::log(u / (1 - u)) - e.bias) *
                                                        std::min(e.to_oracle, 2.0))});
  }
  return curves;
}

inline EstimatorResult sample_result(const MadeUp& e, double loss,
                                     const std::vector<double>& changes) {
  EstimatorResult r{.name = e.name, .role = e.role};
  r.terminal = sample_scores(e, "terminal", loss * e.to_oracle);
  r.success = sample_scores(e, "success", loss * e.to_oracle * 1.02);
  r.success.scored = 112'400;
  r.success.censored = 5'600;
  r.to_oracle = {"oracle", e.role == Role::kOracle ? Estimate{1, 1, 1}
                                                   : around(e.to_oracle, 0.005 * e.to_oracle)};
  for (const MadeUp& other : made_up_estimators()) {
    if (other.role != Role::kBaseline || other.name == e.name) continue;
    const double ratio = e.to_oracle / other.to_oracle;
    r.to_baselines.push_back({other.name, around(ratio, 0.006 * ratio)});
  }
  const double to_best = e.to_oracle / 1.41;
  r.to_best_baseline = {"queue-length", around(to_best, 0.006 * to_best)};
  double worst = 0;
  for (const double level : {0.5, 0.8, 0.9, 0.95}) {
    worst = std::max(worst, std::abs(made_up_coverage(e, level) - level));
  }
  r.worst_coverage_error = around(worst, std::min(worst, 0.003));
  r.worst_stratum_error = 1.7 * worst + 0.01;
  for (int depth = 1; depth <= 5; ++depth) {
    for (int cold = 0; cold < 2; ++cold) {
      Stratum stratum{depth, cold == 1, 1 + (depth + cold) % 3, cold == 1 ? 1'200 : 20'400, {}};
      for (const double level : {0.5, 0.8, 0.9, 0.95}) {
        stratum.coverage.push_back(made_up_coverage(e, level) - 0.003 * (depth - 3));
      }
      r.strata.push_back(std::move(stratum));
    }
  }
  r.by_depth = {{0, 0, 80'000, 0.5 * loss, 0.37},
                {1, 3, 20'000, 1.2 * loss, 0.22},
                {4, 15, 6'000, 2.5 * loss, 0.14},
                {16, 99, 2'000, 9 * loss, 0.16},
                {100, {}, 0, kUnknown, 0.11}};
  r.width_50 = 1.8 * loss / e.spread;
  r.width_80 = 3.9 * loss / e.spread;
  r.width_90 = 5.4 * loss / e.spread;
  for (int bin = 0; bin < 20; ++bin) {
    r.pit.bins.push_back(made_up_coverage(e, (bin + 1) / 20.0) - made_up_coverage(e, bin / 20.0));
  }
  r.pit.null_low = 0.0475;
  r.pit.null_high = 0.0525;
  r.pit.p_value = worst < 0.01 ? 0.41 : 1e-12;
  if (!changes.empty()) {
    r.adaptation = Adaptation{.after_change = around(1 + 4 * (e.to_oracle - 1), 0.02),
                              .worst_window = 0.06 + worst};
    if (e.to_oracle < 1.1) r.adaptation->completions_until_recovered = 740;
  }
  r.bytes = e.role == Role::kBaseline ? 18'432 : 1'245'184;
  r.bytes_per_function = static_cast<double>(r.bytes) / 200;
  r.curves = sample_curves(e, changes);
  r.flags = {{"calibrated", worst < 0.02, "coverage error <= 2 pp", "see the worst level"},
             {"no-better-than-the-oracle", true, "ratio >= 1", "it is"}};
  if (e.name == "best") {
    r.flags.push_back({"goal/pinball-to-oracle", true, "<= 1.02", "1.014 [1.009, 1.019]"});
    r.flags.push_back({"goal/pinball-to-best-baseline", true, "<= 0.78", "0.719 [0.715, 0.723]"});
  }
  return r;
}

inline WorkloadResult sample_workload(std::string name, std::string about, double loss,
                                      std::vector<double> changes) {
  WorkloadResult w{.name = std::move(name), .about = std::move(about)};
  w.config = R"({"slots":8,"functions":200,"arrivals":{"kind":"poisson","load":0.85}})";
  for (std::uint64_t seed = 1; seed <= 12; ++seed) w.seeds.push_back(seed);
  w.counts = {.predicted = 144'000,
              .completed = 134'000,
              .failed = 2'400,
              .timed_out = 3'900,
              .cancelled = 3'600,
              .censored = 7'500,
              .unfinished = 100,
              .dropped = 24'000,
              .scored = 118'000,
              .refused = 12};
  w.warm_up_found = 812.5;
  w.warm_up_cut = 2000;
  w.changes = std::move(changes);
  w.stopped = StopReason::kPrecise;
  w.relative_half_width = 0.0049;
  w.wanted_half_width = 0.005;
  w.analytic = {{"M/M/4", "mean wait", 0.745540589734, around(0.7461, 0.004), 0.27, true}};
  for (const MadeUp& e : made_up_estimators()) {
    w.estimators.push_back(sample_result(e, loss, w.changes));
  }
  return w;
}

/// A workload with few data: one replication, hence no intervals; no oracle, no curves.
inline WorkloadResult sparse_workload() {
  WorkloadResult w{.name = kHostileName,
                   .about = "predictions recorded elsewhere; <img src=x onerror=alert(1)>"};
  w.config = R"({"note":"</script><script>alert(1)</script>"})";
  w.trace_digest = 0xfedcba9876543210u;
  w.seeds = {std::numeric_limits<std::uint64_t>::max()};
  w.counts = {.predicted = 900, .completed = 880, .cancelled = 20, .censored = 20, .scored = 900};
  w.stopped = StopReason::kRecorded;
  w.relative_half_width = kUnknown;
  w.wanted_half_width = kUnknown;
  const std::vector<MadeUp>& all = made_up_estimators();
  for (const std::size_t i : {std::size_t{0}, std::size_t{2}, std::size_t{4}}) {
    EstimatorResult r = sample_result(all[i], 0.2, {});
    const auto drop_interval = [](Estimate& estimate) { estimate.low = estimate.high = kUnknown; };
    for (Scores* scores : {&r.terminal, &r.success}) {
      drop_interval(scores->pinball);
      drop_interval(scores->crps);
      drop_interval(scores->bias);
      for (Estimate& coverage : scores->coverage) drop_interval(coverage);
    }
    r.to_oracle = {"", {kUnknown, kUnknown, kUnknown}};
    drop_interval(r.to_best_baseline.ratio);
    for (Ratio& ratio : r.to_baselines) drop_interval(ratio.ratio);
    drop_interval(r.worst_coverage_error);
    r.worst_stratum_error = kUnknown;
    r.strata.clear();
    r.by_depth.clear();
    r.pit.p_value = kUnknown;
    r.curves = {.actual_by_p50 = std::move(r.curves.actual_by_p50)};
    r.flags.resize(1);
    w.estimators.push_back(std::move(r));
  }
  return w;
}

inline StudyReport sample_study_report() {
  StudyReport report;
  report.tool_version = "0.1.0";
  report.command = "quintain study studies/sample.json --seeds 12";
  report.name = "sample";
  report.about = "Made-up numbers, to test what shows them";
  report.file = "studies/sample.json";
  report.default_estimator = "best";
  report.levels = sample_levels();
  report.workloads = {
      sample_workload("stationary", "Poisson arrivals at load .85, 200 lognormal functions", 0.21,
                      {}),
      sample_workload("regime-change", "service times double, then halve", 0.34, {4000, 8200}),
      sparse_workload()};
  report.wall_clock = {.started_at = "2024-05-01T12:00:00Z",
                       .duration_seconds = 412.5,
                       .executions_per_second = 35'000,
                       .events_per_second = 210'000,
                       .jobs = 2,
                       .environment = {{"compiler", "g++ 12.2"}, {"sanitizer", "none"}}};
  for (const char* workload : {"stationary", "regime-change"}) {
    for (const MadeUp& e : made_up_estimators()) {
      PredictionCost cost{workload, e.name, e.cost_ns, e.cost_ns * 2.4, {}};
      for (const double depth : {0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0}) {
        cost.by_depth.push_back({depth, e.cost_ns * (1 + (e.cost_ns > 1000 ? depth / 12 : 0))});
      }
      report.costs.push_back(std::move(cost));
    }
  }
  return report;
}

}  // namespace quintain::study
