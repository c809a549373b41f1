// Pairs the cases and metrics of two reports, tests the metrics, and renders the result.
#include "reports/comparison.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <numeric>
#include <utility>

#include "reports/json_parts.h"
#include "reports/page/page.h"
#include "reports/pieces.h"
#include "reports/text.h"

namespace quintain::reports {
namespace {

// ---- Outcomes -----------------------------------------------------------------------------------

// The greater the worse.
int badness(Outcome outcome) {
  switch (outcome) {
    case Outcome::kPassed:
      return 0;
    case Outcome::kUnexpectedPass:
    case Outcome::kSkipped:
      return 1;
    case Outcome::kNotJudged:
    case Outcome::kKnownFailure:
      return 2;
    case Outcome::kFailed:
    case Outcome::kError:
      return 3;
  }
  return 0;
}

using CaseKey = std::pair<std::string_view, std::uint64_t>;
using CasesByKey = std::map<CaseKey, const Case*>;

CasesByKey by_key(const Report& report) {
  CasesByKey cases;
  for (const Case& c : report.cases) cases[{c.name, c.seed}] = &c;
  return cases;
}

void compare_outcomes(const CasesByKey& base, const CasesByKey& head, bool seeded,
                      Comparison& result) {
  const auto name_of = [&](const Case& c) {
    return seeded ? fmt::format("{} seed={}", c.name, c.seed) : c.name;
  };
  for (const auto& [key, after] : head) {
    const auto found = base.find(key);
    const Outcome now = outcome_of(*after);
    OutcomeChange change{
        .name = name_of(*after), .after = std::string(to_string(now)), .why = headline(*after)};
    if (found == base.end()) {
      // A new case that fails was not there to pass.
      change.change = badness(now) == 3 ? Change::kWorse : Change::kNew;
      result.outcomes.push_back(std::move(change));
      continue;
    }
    ++result.compared_cases;
    const Outcome before = outcome_of(*found->second);
    if (before == now) continue;
    change.before = to_string(before);
    change.change = badness(now) > badness(before)   ? Change::kWorse
                    : badness(now) < badness(before) ? Change::kBetter
                                                     : Change::kOther;
    result.outcomes.push_back(std::move(change));
  }
  for (const auto& [key, before] : base) {
    if (head.contains(key)) continue;
    result.outcomes.push_back({.name = name_of(*before),
                               .change = Change::kGone,
                               .before = std::string(to_string(outcome_of(*before)))});
  }
}

// ---- Metrics ------------------------------------------------------------------------------------

double to_double(const Metric& metric) {
  return std::visit([](auto value) { return static_cast<double>(value); }, metric.value);
}

// By case and metric: the values by seed.
using Values = std::map<std::uint64_t, double>;
using ValuesByMetric = std::map<std::pair<std::string_view, std::string_view>, Values>;

ValuesByMetric by_metric(const Report& report) {
  ValuesByMetric values;
  for (const Case& c : report.cases) {
    for (const Metric& metric : c.metrics) {
      const double value = to_double(metric);
      if (std::isfinite(value)) values[{c.name, metric.name}][c.seed] = value;
    }
  }
  return values;
}

// +1: more is worse, -1: less is worse, 0: neither.
int direction_of(std::string_view metric) {
  constexpr std::array<std::string_view, 14> kMoreIsWorse = {
      "response_ms.", "wait_ms.",     "queue.",        "eta.mean_absolute_error",
      "latency",      "share.FAILED", "share.TIMEOUT", "share.refused",
      "share.waited", "count.FAILED", "count.TIMEOUT", "count.refused",
      "retries",      "kills"};
  constexpr std::array<std::string_view, 2> kLessIsWorse = {"share.COMPLETED", "count.COMPLETED"};
  const auto begins = [&](std::string_view start) { return metric.starts_with(start); };
  if (std::ranges::any_of(kMoreIsWorse, begins)) return 1;
  return std::ranges::any_of(kLessIsWorse, begins) ? -1 : 0;
}

double mean_of(const Values& values) {
  double sum = 0;
  for (const auto& [seed, value] : values) sum += value;
  return sum / static_cast<double>(values.size());
}

// Fewer cannot show a difference that is not chance: 2 / 2^5 is more than the usual level.
constexpr std::size_t kMinPairs = 6;
constexpr std::size_t kMinSample = 8;

struct Tested {
  MetricChange change;
  bool decidable = false;
};

Tested test(const Values& base, const Values& head) {
  std::vector<double> differences;
  std::vector<double> before;
  std::vector<double> after;
  Values common_base;
  Values common_head;
  for (const auto& [seed, value] : head) {
    after.push_back(value);
    const auto found = base.find(seed);
    if (found == base.end()) continue;
    differences.push_back(value - found->second);
    common_base[seed] = found->second;
    common_head[seed] = value;
  }
  for (const auto& [seed, value] : base) before.push_back(value);
  Tested tested;
  const bool same = std::ranges::all_of(differences, [](double d) { return d == 0; });
  if (!differences.empty()) {
    tested.change.before = mean_of(common_base);
    tested.change.after = mean_of(common_head);
    tested.change.pairs = static_cast<int>(differences.size());
    tested.decidable = same || differences.size() >= kMinPairs;
    tested.change.p = tested.decidable && !same ? signed_rank_p(differences) : 1;
    return tested;
  }
  tested.change.before = mean_of(base);
  tested.change.after = mean_of(head);
  tested.decidable = before.size() >= kMinSample && after.size() >= kMinSample;
  tested.change.p = tested.decidable ? rank_sum_p(before, after) : 1;
  return tested;
}

// Holm: the smallest p-value counts as many times as there are tests, the next one once less, and
// none less than one before it.
void correct(std::vector<MetricChange>& changes) {
  std::vector<std::size_t> order(changes.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, {}, [&](std::size_t i) { return changes[i].p; });
  double largest = 0;
  for (std::size_t rank = 0; rank < order.size(); ++rank) {
    double& p = changes[order[rank]].p;
    largest = std::max(largest, std::min(1.0, p * static_cast<double>(order.size() - rank)));
    p = largest;
  }
}

double relative(const MetricChange& change) {
  const double difference = change.after - change.before;
  if (difference == 0) return 0;
  if (change.before == 0) return std::copysign(std::numeric_limits<double>::infinity(), difference);
  return difference / std::abs(change.before);
}

void compare_metrics(const Report& base, const Report& head, const ComparisonOptions& options,
                     Comparison& result) {
  const ValuesByMetric before = by_metric(base);
  std::vector<MetricChange> changes;
  for (const auto& [key, after] : by_metric(head)) {
    const auto found = before.find(key);
    if (found == before.end()) continue;
    Tested tested = test(found->second, after);
    if (!tested.decidable) {
      ++result.undecided_metrics;
      continue;
    }
    tested.change.name = key.first;
    tested.change.metric = key.second;
    changes.push_back(std::move(tested.change));
  }
  result.compared_metrics = static_cast<int>(changes.size());
  correct(changes);
  for (MetricChange& change : changes) {
    const double by = relative(change);
    if (change.p >= options.alpha || std::abs(by) <= options.threshold) continue;
    const int direction = direction_of(change.metric);
    change.change = direction == 0                ? Change::kOther
                    : (by > 0) == (direction > 0) ? Change::kWorse
                                                  : Change::kBetter;
    result.metrics.push_back(std::move(change));
  }
}

// ---- Tests --------------------------------------------------------------------------------------

double normal_two_sided(double z) { return std::erfc(std::abs(z) / std::sqrt(2.0)); }

// The mean ranks of the values, from 1, and the sum of t^3 - t over groups of t equal values.
std::pair<std::vector<double>, double> ranks_of(const std::vector<double>& values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, {}, [&](std::size_t i) { return values[i]; });
  std::vector<double> ranks(values.size());
  double ties = 0;
  for (std::size_t first = 0; first < order.size();) {
    std::size_t end = first + 1;
    while (end < order.size() && values[order[end]] == values[order[first]]) ++end;
    const double rank = static_cast<double>(first + 1 + end) / 2;
    for (std::size_t i = first; i < end; ++i) ranks[order[i]] = rank;
    const auto count = static_cast<double>(end - first);
    ties += count * count * count - count;
    first = end;
  }
  return {std::move(ranks), ties};
}

// P(W <= w) for the sum of the ranks 1 to n of random signs.
double exact_signed_rank(std::size_t n, std::size_t w) {
  std::vector<double> ways(n * (n + 1) / 2 + 1);
  ways[0] = 1;
  for (std::size_t rank = 1; rank <= n; ++rank) {
    for (std::size_t sum = ways.size(); sum-- > rank;) ways[sum] += ways[sum - rank];
  }
  const double below = std::accumulate(
      ways.begin(), ways.begin() + static_cast<std::ptrdiff_t>(std::min(w + 1, ways.size())), 0.0);
  return below / std::exp2(static_cast<double>(n));
}

// ---- Texts --------------------------------------------------------------------------------------

std::string percent(const MetricChange& change) {
  const double by = relative(change);
  return std::isfinite(by) ? fmt::format("{:+.1f} %", 100 * by) : "from 0";
}

std::string verdict_line(const Comparison& comparison) {
  const auto outcomes = [&](Change wanted) {
    return std::ranges::count(comparison.outcomes, wanted, &OutcomeChange::change);
  };
  const auto metrics = [&](Change wanted) {
    return std::ranges::count(comparison.metrics, wanted, &MetricChange::change);
  };
  return fmt::format(
      "{}: {} cases compared ({} worse, {} better, {} new, {} gone), {} metrics ({} worse, {} "
      "better, {} changed{})",
      comparison.is_worse() ? "worse" : "not worse", comparison.compared_cases,
      outcomes(Change::kWorse), outcomes(Change::kBetter), outcomes(Change::kNew),
      outcomes(Change::kGone), comparison.compared_metrics, metrics(Change::kWorse),
      metrics(Change::kBetter), metrics(Change::kOther),
      comparison.undecided_metrics == 0
          ? ""
          : fmt::format("; {} in too few runs to be compared", comparison.undecided_metrics));
}

}  // namespace

std::string_view to_string(Change change) {
  constexpr std::array<std::string_view, 5> kNames = {"worse", "better", "new", "gone", "changed"};
  return kNames[static_cast<std::size_t>(change)];
}

bool Comparison::is_worse() const {
  const auto worse = [](const auto& change) { return change.change == Change::kWorse; };
  return std::ranges::any_of(outcomes, worse) || std::ranges::any_of(metrics, worse);
}

double signed_rank_p(const std::vector<double>& differences) {
  constexpr std::size_t kMaxExact = 25;
  std::vector<double> sizes;
  std::vector<bool> positive;
  for (const double difference : differences) {
    if (difference == 0) continue;
    sizes.push_back(std::abs(difference));
    positive.push_back(difference > 0);
  }
  const std::size_t n = sizes.size();
  if (n == 0) return 1;
  const auto [ranks, ties] = ranks_of(sizes);
  double up = 0;
  for (std::size_t i = 0; i < n; ++i) up += positive[i] ? ranks[i] : 0;
  const auto count = static_cast<double>(n);
  const double all = count * (count + 1) / 2;
  const double smaller = std::min(up, all - up);
  if (n <= kMaxExact && ties == 0) {
    return std::min(1.0, 2 * exact_signed_rank(n, static_cast<std::size_t>(smaller)));
  }
  const double variance = count * (count + 1) * (2 * count + 1) / 24 - ties / 48;
  return std::min(1.0, normal_two_sided((all / 2 - smaller - 0.5) / std::sqrt(variance)));
}

double rank_sum_p(const std::vector<double>& a, const std::vector<double>& b) {
  std::vector<double> both = a;
  both.insert(both.end(), b.begin(), b.end());
  const auto [ranks, ties] = ranks_of(both);
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += ranks[i];
  const auto m = static_cast<double>(a.size());
  const auto n = static_cast<double>(b.size());
  const double u = sum - m * (m + 1) / 2;
  const double all = m + n;
  const double variance = m * n / 12 * (all + 1 - ties / (all * (all - 1)));
  if (variance <= 0) return 1;
  const double distance = std::max(0.0, std::abs(u - m * n / 2) - 0.5);
  return normal_two_sided(distance / std::sqrt(variance));
}

Comparison compare(const Report& base, const Report& head, const ComparisonOptions& options) {
  Comparison result;
  compare_outcomes(by_key(base), by_key(head), base.seeds.size() > 1 || head.seeds.size() > 1,
                   result);
  compare_metrics(base, head, options, result);
  const auto worse_first = [](const auto& change) { return static_cast<int>(change.change); };
  std::ranges::stable_sort(result.outcomes, {}, worse_first);
  std::ranges::stable_sort(result.metrics, {}, worse_first);
  return result;
}

std::string render_comparison(const Comparison& comparison) {
  std::string text;
  for (const OutcomeChange& one : comparison.outcomes) {
    text += fmt::format("{:<8}{}: {}{}{}{}\n", to_string(one.change), printable(one.name),
                        one.before, one.before.empty() || one.after.empty() ? "" : " -> ",
                        one.after, one.why.empty() ? "" : ": " + printable(one.why));
  }
  for (const MetricChange& one : comparison.metrics) {
    text +=
        fmt::format("{:<8}{} {}: {:.6g} -> {:.6g} ({}, p = {:.2g}, {})\n", to_string(one.change),
                    printable(one.name), printable(one.metric), one.before, one.after, percent(one),
                    one.p, one.pairs == 0 ? "not paired" : fmt::format("{} pairs", one.pairs));
  }
  return text + verdict_line(comparison) + "\n";
}

std::string comparison_markdown(const Comparison& comparison) {
  constexpr std::size_t kMaxRows = 100;
  std::string text = fmt::format("## quintain compare\n\n{}\n", verdict_line(comparison));
  const auto cell = [](std::string_view value) { return markup_text(value, " "); };
  if (!comparison.outcomes.empty()) {
    text += "\n| | case | before | after | why |\n|---|---|---|---|---|\n";
    for (std::size_t i = 0; i < std::min(kMaxRows, comparison.outcomes.size()); ++i) {
      const OutcomeChange& one = comparison.outcomes[i];
      text += fmt::format("| {} | {} | {} | {} | {} |\n", to_string(one.change), cell(one.name),
                          one.before, one.after, cell(one.why));
    }
  }
  if (!comparison.metrics.empty()) {
    text += "\n| | case | metric | before | after | change | p |\n|---|---|---|--:|--:|--:|--:|\n";
    for (std::size_t i = 0; i < std::min(kMaxRows, comparison.metrics.size()); ++i) {
      const MetricChange& one = comparison.metrics[i];
      text +=
          fmt::format("| {} | {} | {} | {:.6g} | {:.6g} | {} | {:.2g} |\n", to_string(one.change),
                      cell(one.name), cell(one.metric), one.before, one.after, percent(one), one.p);
    }
  }
  const std::size_t rows = std::max(comparison.outcomes.size(), comparison.metrics.size());
  if (rows > kMaxRows) text += "\nOnly the first 100 rows of a table are shown.\n";
  return text;
}

std::string comparison_json(const Comparison& comparison) {
  Json outcomes = Json::array();
  for (const OutcomeChange& one : comparison.outcomes) {
    outcomes.push_back({{"change", to_string(one.change)},
                        {"case", one.name},
                        {"before", one.before},
                        {"after", one.after},
                        {"why", one.why}});
  }
  Json metrics = Json::array();
  for (const MetricChange& one : comparison.metrics) {
    metrics.push_back({{"change", to_string(one.change)},
                       {"case", one.name},
                       {"metric", one.metric},
                       {"before", number(one.before)},
                       {"after", number(one.after)},
                       {"relative_change", number(relative(one))},
                       {"p", number(one.p)},
                       {"pairs", one.pairs}});
  }
  return dump(Json{{"worse", comparison.is_worse()},
                   {"compared_cases", comparison.compared_cases},
                   {"compared_metrics", comparison.compared_metrics},
                   {"undecided_metrics", comparison.undecided_metrics},
                   {"outcomes", std::move(outcomes)},
                   {"metrics", std::move(metrics)}},
              2) +
         "\n";
}

std::string comparison_html(const Comparison& comparison) {
  const PageFrame frame = report_page_frame("quintain compare", /*pictures=*/false);
  return frame.before +
         "{\"summary\":" + json_for_script(dump(Json(verdict_line(comparison)), -1)) +
         ",\"comparison\":" + json_for_script(comparison_json(comparison)) + "}" + frame.after;
}

}  // namespace quintain::reports
