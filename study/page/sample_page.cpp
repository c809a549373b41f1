// Writes a sample page to standard output: that of a study, or, with "report" and a number of
// cases, or with "comparison" or "capacity", one of the other pages.
#include <fmt/format.h>

#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>

#include "reports/comparison.h"
#include "reports/formats.h"
#include "reports/testing/sample_report.h"
#include "study/capacity/capacity.h"
#include "study/page/study_page.h"
#include "study/report/sample_study_report.h"

namespace {

using quintain::reports::Case;
using quintain::reports::CheckKind;
using quintain::reports::Report;
using quintain::reports::Verdict;

/// As many checks and metrics as a case of `run` has; each 50th case fails.
Case numbered_case(int i) {
  Case c = quintain::reports::sample_case(fmt::format("many-{}/case-{}", i / 1000, i));
  const bool fails = i % 50 == 7;
  for (int k = 0; k < 25; ++k) {
    c.checks.push_back({.name = fmt::format("CANCEL-{}", k),
                        .kind = CheckKind::kClause,
                        .verdict = fails && k == 3 ? Verdict::kFailed : Verdict::kPassed,
                        .expected = fmt::format("clause {} holds", k),
                        .observed = fails && k == 3 ? "it does not" : "it does"});
    c.metrics.push_back({fmt::format("metric.{}", k), std::int64_t{i} * k, "ns"});
  }
  if (fails) c.checks[4].evidence = {{{{}, "call"}, {std::chrono::milliseconds(i), "answer"}}, 0};
  return c;
}

Report report_of(int cases) {
  Report report = quintain::reports::sample_report();
  report.cases[1].checks.back().observed += "</script><img src=x onerror=alert(1)>";
  for (int i = static_cast<int>(report.cases.size()); i < cases; ++i) {
    report.cases.push_back(numbered_case(i));
  }
  return report;
}

// As `quintain capacity --html` writes it.
std::string capacity() {
  using namespace quintain::study;
  Workload calls;
  calls.name = "calls.csv";
  const CapacityGoal goal = *parse_capacity_goal("response.p95=2s");
  Capacity result{.load = 1.5, .points = {}, .fewest = 4};
  for (int slots = 2; slots <= 6; ++slots) {
    const double wait = slots == 6 ? 0 : 8.0 / (slots * slots);
    result.points.push_back({.slots = slots,
                             .calls = 1000,
                             .wait = {wait, wait, wait, 2 * wait, 3 * wait, 9 * wait},
                             .response = {1 + wait, 1, 1, 1 + 2 * wait, 1 + 3 * wait, 9},
                             .waited = 0.5 / slots,
                             .busy = 1.5 / slots,
                             .slot_hours = slots * 0.5,
                             .estimate_error = wait / 4,
                             .after_p90 = 0.11});
  }
  return capacity_page(report_of(calls, result, {goal}, 0.2, "quintain capacity"));
}

std::string page(std::string_view kind, int cases) {
  if (kind == "report") return quintain::reports::to_html(report_of(cases));
  if (kind == "comparison") {
    Report base = report_of(20);
    base.cases[7].checks[4].verdict = Verdict::kPassed;
    return quintain::reports::comparison_html(quintain::reports::compare(base, report_of(30), {}));
  }
  if (kind == "capacity") return capacity();
  return quintain::study::render_page(quintain::study::sample_study_report());
}

}  // namespace

int main(int argc, char** argv) {
  std::cout << page(argc > 1 ? argv[1] : "", argc > 2 ? std::atoi(argv[2]) : 0);
  return std::cout.flush() ? 0 : 1;
}
