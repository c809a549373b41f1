// What a run found, as plain data. Verdicts and totals are not stored but derived from the checks,
// so they cannot disagree with them. Every member has an initial value: designated initialisers may
// leave out any of them.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace quintain::reports {

/// The version of the JSON form; it grows when a reader of the older form would be misled.
inline constexpr int kSchemaVersion = 1;

/// What came of a check, a case or a run. An error is the harness's own fault: nothing was learnt
/// about what it tests. A warning is of a check alone: what should hold did not, and nothing fails
/// for it.
enum class Verdict { kPassed, kFailed, kSkipped, kError, kWarning };

/// Something that happened in a run, in words.
struct Event {
  /// Since the run began.
  std::chrono::nanoseconds at{0};
  std::string text{};

  bool operator==(const Event&) const = default;
};

/// The events that show why a check came out as it did.
struct Evidence {
  std::vector<Event> events{};
  /// How many more events belong here and were left out for brevity.
  std::int64_t omitted = 0;

  bool operator==(const Evidence&) const = default;
};

/// A line in a file; lines count from 1.
struct Location {
  std::string file{};
  int line = 1;

  bool operator==(const Location&) const = default;
};

enum class CheckKind { kInvariant, kExpectation, kDeterminism, kLiveness, kClause };

/// One question asked of a case, and its answer.
struct Check {
  /// Stable within the case: "invariant/slots-within-limit", "expect/3".
  std::string name{};
  CheckKind kind = CheckKind::kInvariant;
  Verdict verdict = Verdict::kPassed;
  /// What had to hold, for a person.
  std::string expected{};
  /// What was seen; for a skipped check or an error, why nothing was.
  std::string observed{};
  Evidence evidence{};
  /// Where the expectation is written.
  std::optional<Location> where{};

  bool operator==(const Check&) const = default;
};

/// A measured value. One that is not a finite number (the mean of nothing) becomes null in JSON.
struct Metric {
  std::string name{};
  std::variant<std::int64_t, double> value{};
  /// "ns", "1/s", "1" for a plain number or share.
  std::string unit{};

  bool operator==(const Metric&) const = default;
};

/// One case with one seed.
struct Case {
  /// Folders, then the matrix's point: "cancel/while-queued[mode=sync]".
  std::string name{};
  std::string file{};
  std::uint64_t seed = 0;
  /// Why it was not run; empty if it was.
  std::string skip_reason{};
  /// What went wrong in the harness; empty if nothing did.
  std::string error_message{};
  /// Why it is known to fail; empty if it has to pass.
  std::string known_failure{};
  std::vector<Check> checks{};
  std::vector<Metric> metrics{};
  /// The resolved configuration, as JSON text.
  std::string config = "{}";
  /// The rolling hash of the run; none if it did not run or keeps none.
  std::optional<std::uint64_t> history_digest{};
  std::int64_t events = 0;
  std::chrono::nanoseconds virtual_time{0};
  /// The command line that runs just this again.
  std::string reproduce{};

  bool operator==(const Case&) const = default;
};

/// The only place for facts that differ between two runs of the same command: time, speed, jobs,
/// machine, build type.
struct WallClock {
  /// ISO 8601, in UTC: "2024-05-01T12:00:00Z".
  std::string started_at{};
  double duration_seconds = 0;
  double executions_per_second = 0;
  double events_per_second = 0;
  int jobs = 1;
  /// Named facts on host and build, each name once: {"compiler", "g++ 12.2"}, {"sanitizer",
  /// "none"}.
  std::vector<std::pair<std::string, std::string>> environment{};

  bool operator==(const WallClock&) const = default;
};

/// One run of the harness.
struct Report {
  std::string tool_version{};
  /// The command line, without what cannot change the result (--jobs, --report).
  std::string command{};
  std::vector<std::uint64_t> seeds{};
  std::vector<Case> cases{};
  WallClock wall_clock{};

  bool operator==(const Report&) const = default;
};

/// How a case counts in a run: its verdict, seen in the light of what is known about it.
enum class Outcome { kPassed, kFailed, kSkipped, kError, kKnownFailure, kUnexpectedPass };

/// How many cases had each outcome; every case is counted once. `warnings` counts checks.
struct Totals {
  std::int64_t cases = 0;
  std::int64_t passed = 0;
  std::int64_t failed = 0;
  std::int64_t skipped = 0;
  std::int64_t error = 0;
  /// Failed, as it is known to.
  std::int64_t known_failures = 0;
  /// Passed, though known to fail: the mark is out of date, and the run fails.
  std::int64_t unexpected_passes = 0;
  /// Checks that warn; they are in no other count.
  std::int64_t warnings = 0;

  bool operator==(const Totals&) const = default;
};

/// "passed", "failed", "skipped", "error", "warning".
std::string_view to_string(Verdict verdict);

/// "invariant", "expectation", "determinism", "liveness", "clause".
std::string_view to_string(CheckKind kind);

/// The first that applies: error if the harness or any check had one, failed if any check failed,
/// skipped if there is a reason to, passed if some check passed or warned. A case that nothing
/// judged is an error, never a pass.
Verdict verdict_of(const Case& c);

/// Why the case's verdict is error, never empty then; empty for any other verdict.
std::string error_text(const Case& c);

Outcome outcome_of(const Case& c);
Totals totals_of(const Report& report);

/// The first that applies: error if any case is one or there is no case; failed if any case failed
/// or passed unexpectedly; passed if any passed or failed as known; skipped.
Verdict verdict_of(const Report& report);

/// The program's exit code for a run: 0 all held (or was skipped, for a reason), 1 something
/// failed, 3 harness error.
int exit_code(Verdict run);

}  // namespace quintain::reports
