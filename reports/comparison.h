// What became worse, better, new or gone between two reports.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "reports/report.h"

namespace quintain::reports {

struct ComparisonOptions {
  /// The probability, at most, that a comparison of reports without a difference shows one in any
  /// of its metrics.
  double alpha = 0.05;
  /// A change of a metric's mean counts if it is more than this share of the old mean.
  double threshold = 0.02;
};

/// A metric may change in a way that is neither better nor worse.
enum class Change { kWorse, kBetter, kNew, kGone, kOther };

/// "worse", "better", "new", "gone", "changed".
std::string_view to_string(Change change);

/// A case, of one seed, whose outcome is not the same in both reports.
struct OutcomeChange {
  /// With the seed if there are several.
  std::string name{};
  Change change = Change::kOther;
  /// "passed", "failed", ...; empty on the side that lacks the case.
  std::string before{};
  std::string after{};
  /// headline() of the case in the new report.
  std::string why{};
};

/// A metric of a case that changed by more than the threshold, and not by chance.
struct MetricChange {
  std::string name{};
  std::string metric{};
  Change change = Change::kOther;
  /// The means over the seeds.
  double before = 0;
  double after = 0;
  /// The probability of such a difference by chance, corrected for the number of metrics.
  double p = 1;
  /// Pairs of runs with the same seed; 0: the seeds differ, and the two samples were compared.
  int pairs = 0;
};

struct Comparison {
  std::vector<OutcomeChange> outcomes{};
  std::vector<MetricChange> metrics{};
  int compared_cases = 0;
  int compared_metrics = 0;
  /// Metrics that differ in too few runs to tell a change from chance; they are in no list.
  int undecided_metrics = 0;

  /// Whether an outcome or a metric is worse.
  bool is_worse() const;
};

/// Compares outcomes exactly, case by case and seed by seed. A metric is compared over the seeds of
/// its case: pair by pair where both reports have the seed, by Wilcoxon's signed-rank test (F.
/// Wilcoxon, Biometrics Bulletin 1, 1945), otherwise by the test of Mann and Whitney (Annals of
/// Mathematical Statistics 18, 1947); both corrected for the number of metrics by Holm's method (S.
/// Holm, Scandinavian Journal of Statistics 6, 1979).
Comparison compare(const Report& base, const Report& head, const ComparisonOptions& options);

/// The two-sided p-value of Wilcoxon's signed-rank test of these differences, without those that
/// are 0: exact up to 25 of them without ties, otherwise by the normal approximation.
double signed_rank_p(const std::vector<double>& differences);

/// The two-sided p-value of the test of Mann and Whitney, by the normal approximation, corrected
/// for ties. Requires: both samples are not empty.
double rank_sum_p(const std::vector<double>& a, const std::vector<double>& b);

/// For a terminal or a log, with the verdict as its last line.
std::string render_comparison(const Comparison& comparison);
/// For a comment on a pull request.
std::string comparison_markdown(const Comparison& comparison);
std::string comparison_json(const Comparison& comparison);
/// A page for a browser, like to_html().
std::string comparison_html(const Comparison& comparison);

}  // namespace quintain::reports
