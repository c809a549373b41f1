// A report with a case of every outcome, for tests.
#pragma once

#include <chrono>

#include "reports/report.h"

namespace quintain::reports {

inline Check passed_check(std::string name) {
  return {.name = std::move(name), .expected = "it holds", .observed = "it held"};
}

inline Case sample_case(std::string name) {
  Case c;
  c.name = std::move(name);
  c.file = "scenarios/cancel.json";
  c.seed = 7;
  c.checks = {passed_check("invariant/one-answer")};
  c.history_digest = 0xabc;
  c.events = 42;
  c.virtual_time = std::chrono::milliseconds(1500);
  c.reproduce = "quintain run scenarios/cancel.json --only " + c.name + " --seed 7";
  return c;
}

// An execution of each kind: one that was tried twice, one that has not ended.
inline Timeline sample_timeline() {
  using namespace std::chrono_literals;
  return {.lanes = {{.name = "#1 'a'",
                     .function = "</script><b>f",
                     .accepted = 0ms,
                     .deadline = 2s,
                     .ended = 1s,
                     .outcome = "COMPLETED",
                     .attempts = {{.start = 5ms, .cold_start = true, .end = 100ms},
                                  {.start = 200ms, .running = 200ms, .end = 1s}},
                     .marks = {{150ms, "cancel"}}},
                    {.name = "#2",
                     .accepted = 10ms,
                     .eta_p50 = 900ms,
                     .eta_p90 = 1200ms,
                     .attempts = {{.start = 1s, .running = 1100ms}}}},
          .faults = {{100ms, "the node crashes"}},
          .omitted_lanes = 3};
}

inline Report sample_report() {
  using std::chrono::nanoseconds;
  using namespace std::chrono_literals;

  Case passed = sample_case("cancel/while-queued[mode=sync]");
  passed.checks.push_back(passed_check("invariant/slots-within-limit"));
  passed.metrics = {{"latency_p99", std::int64_t{150'000'000}, "ns"}, {"timeouts", 0.1, "1"}};
  passed.config = R"({"slots":4,"rate":1.0})";

  Case failed = sample_case("cancel/while-running");
  failed.checks.push_back({.name = "expect/3",
                           .kind = CheckKind::kExpectation,
                           .verdict = Verdict::kFailed,
                           .expected = "a is CANCELLED at 150ms",
                           .observed = "a is COMPLETED at 1s,\nnever cancelled",
                           .evidence = {{{150ms, "cancel a"}, {1s, "a finished: \"café\""}}, 12},
                           .where = Location{"scenarios/cancel.json", 41}});

  failed.timeline = sample_timeline();

  Case skipped = sample_case("http/cancel");
  skipped.checks.clear();
  skipped.skip_reason = "the target has no HTTP interface";
  skipped.history_digest.reset();
  skipped.events = 0;
  skipped.virtual_time = nanoseconds(0);

  Case error = sample_case("cancel/twice");
  error.checks.clear();
  error.error_message = "the target did not start";

  Case known = sample_case("retry/backoff");
  known.checks[0].verdict = Verdict::kFailed;
  known.known_failure = "backoff is not implemented yet";
  known.virtual_time = 24h * 30;

  Case fixed = sample_case("smoke");
  fixed.known_failure = "flaky clock";

  Report report;
  report.tool_version = "0.1.0";
  report.command = "quintain run scenarios/cancel.json --seed 7";
  report.seeds = {7};
  report.cases = {passed, failed, skipped, error, known, fixed};
  report.wall_clock = {.started_at = "2024-05-01T12:00:00Z",
                       .duration_seconds = 0.25,
                       .executions_per_second = 1000,
                       .events_per_second = 1e6,
                       .jobs = 2,
                       .environment = {{"compiler", "g++ 12.2"}, {"sanitizer", "none"}}};
  return report;
}

}  // namespace quintain::reports
