// The result of a run, as plain data. Verdicts and totals are derived from the checks and not
// stored, so they cannot contradict them. Every member has an initial value, so designated
// initialisers may omit any of them.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "reports/timeline.h"

namespace quintain::reports {

/// The version of the JSON form; it grows when a reader of the older form would be misled.
inline constexpr int kSchemaVersion = 1;

/// The result of a check, a case or a run. An error is a fault of the harness itself: it says
/// nothing about the target. Only a check can be a warning: a recommendation was not met, and
/// nothing fails because of it. Only a case can be not judged: it was chosen and applies, but the
/// target did not give what is needed to judge it.
enum class Verdict { kPassed, kFailed, kSkipped, kError, kWarning, kNotJudged };

/// The events that explain the verdict of a check.
struct Evidence {
  std::vector<Event> events{};
  /// The number of further events, which were omitted for brevity.
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

/// One property of a case that was checked.
struct Check {
  /// Stable within the case: "invariant/slots-within-limit", "expect/3".
  std::string name{};
  CheckKind kind = CheckKind::kInvariant;
  Verdict verdict = Verdict::kPassed;
  /// The property, described for a person.
  std::string expected{};
  /// The observation; for a skipped check or an error, why there is none.
  std::string observed{};
  Evidence evidence{};
  /// Where the expectation is in the scenario file.
  std::optional<Location> where{};

  bool operator==(const Check&) const = default;
};

/// A measured value. A value that is not finite (the mean of no samples) becomes null in JSON.
struct Metric {
  std::string name{};
  std::variant<std::int64_t, double> value{};
  /// "ns", "1/s"; "1" for a plain number or a share.
  std::string unit{};

  bool operator==(const Metric&) const = default;
};

/// One case, run with one seed.
struct Case {
  /// The folders, the file and the values of the matrix: "cancel/while-queued[mode=sync]".
  std::string name{};
  std::string file{};
  std::uint64_t seed = 0;
  /// Why the case was not run; empty if it was.
  std::string skip_reason{};
  /// Why the case could not be judged; empty if it was.
  std::string not_judged_reason{};
  /// The fault of the harness; empty if there was none.
  std::string error_message{};
  /// Why the case is known to fail; empty if it has to pass.
  std::string known_failure{};
  std::vector<Check> checks{};
  std::vector<Metric> metrics{};
  /// The resolved configuration, as JSON text.
  std::string config = "{}";
  /// The rolling hash of the run; nullopt if the case did not run or has no hash.
  std::optional<std::uint64_t> history_digest{};
  std::int64_t events = 0;
  std::chrono::nanoseconds virtual_time{0};
  /// nullopt if it was not recorded.
  std::optional<Timeline> timeline{};
  /// The command line that runs only this case again.
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
  /// Facts on host and build. Names are unique: {"compiler", "g++ 12.2"}, {"sanitizer", "none"}.
  std::vector<std::pair<std::string, std::string>> environment{};

  bool operator==(const WallClock&) const = default;
};

/// The part of a run that one of several processes did; see shard.h.
struct Shard {
  /// From 1.
  int number = 1;
  int count = 1;
  /// What was divided is the worlds of a search. Each shard then reports on all of its worlds
  /// together, and `cases` and `places` are empty.
  bool of_worlds = false;
  /// Identifies what was divided: shards of other scenarios have another digest.
  std::uint64_t inputs = 0;
  /// The number of cases in all shards.
  std::int64_t cases = 0;
  /// For each case of this report, in order, its place among those of all shards, from 0.
  std::vector<std::int64_t> places{};

  bool operator==(const Shard&) const = default;
};

/// One run of the harness.
struct Report {
  std::string tool_version{};
  /// The command line, without options that cannot change the result (--jobs, --report).
  std::string command{};
  std::vector<std::uint64_t> seeds{};
  /// Why the run ended before all of its cases were run; empty if it did not.
  std::string incomplete{};
  /// What was judged, as JSON text: an address, the facts that it declares. Empty: not told.
  std::string target{};
  /// Which part of the run this is; nullopt if it is all of it.
  std::optional<Shard> shard{};
  std::vector<Case> cases{};
  WallClock wall_clock{};

  bool operator==(const Report&) const = default;
};

/// How a case counts in a run: its verdict combined with whether it is known to fail.
enum class Outcome {
  kPassed,
  kFailed,
  kSkipped,
  kNotJudged,
  kError,
  kKnownFailure,
  kUnexpectedPass
};

/// The number of cases of each outcome; every case is counted once. `warnings` counts checks.
struct Totals {
  std::int64_t cases = 0;
  std::int64_t passed = 0;
  std::int64_t failed = 0;
  std::int64_t skipped = 0;
  std::int64_t not_judged = 0;
  std::int64_t error = 0;
  /// Cases that failed and are known to fail.
  std::int64_t known_failures = 0;
  /// Cases that passed but are known to fail. The mark is out of date, so the run fails.
  std::int64_t unexpected_passes = 0;
  /// Checks with a warning; they are in no other count.
  std::int64_t warnings = 0;

  void add(const Case& c);

  bool operator==(const Totals&) const = default;
};

/// "passed", "failed", "skipped", "error", "warning", "not_judged".
std::string_view to_string(Verdict verdict);

/// "invariant", "expectation", "determinism", "liveness", "clause".
std::string_view to_string(CheckKind kind);

/// The first that applies: error if the harness or any check had one; failed if any check failed;
/// skipped if there is a skip reason; not judged if there is a reason for that; passed if any check
/// passed or is a warning; else error, since nothing was checked.
Verdict verdict_of(const Case& c);

/// The reason for the verdict error, never empty; empty for any other verdict.
std::string error_text(const Case& c);

/// "passed", "failed", "skipped", "not judged", "error", "known failure", "unexpected pass".
std::string_view to_string(Outcome outcome);

Outcome outcome_of(const Case& c);
Totals totals_of(const Report& report);

/// The first that applies: failed if any case failed or passed unexpectedly; error if any case is
/// an error, if there is no case, or if the run ended early; passed if any case passed or is a
/// known failure; not judged if any case is; else skipped.
Verdict verdict_of(const Report& report);

/// The same of a report whose cases have these totals.
Verdict verdict_of(const Totals& totals, bool incomplete);

/// The program's exit code for the verdict of a run: 0 passed, skipped or not judged, 1 failed,
/// 3 error.
int exit_code(Verdict run);

/// Why the case failed, is an error, was skipped or not judged, in one line; empty if it passed.
std::string headline(const Case& c);

/// Cases whose names have the same top folder, in the report's order.
struct CaseGroup {
  /// "cancel"; empty for cases without a folder.
  std::string name{};
  std::vector<const Case*> cases{};
};

/// The groups, in the order in which they first occur. Valid as long as the report.
std::vector<CaseGroup> group_by_folder(const Report& report);

/// The case's name within its group. If there are several seeds, the name ends in "seed=7", so
/// that the names of a group are unique.
std::string name_in_group(const Case& c, const std::vector<std::uint64_t>& seeds);

/// The top folder of the case's name; empty if it has none.
std::string folder_of(const Case& c);

/// The case's name without its top folder.
std::string name_below_folder(const Case& c);

}  // namespace quintain::reports
