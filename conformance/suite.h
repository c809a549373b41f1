// Runs cases against a target and judges their calls.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "conformance/case.h"
#include "conformance/judgement/findings.h"
#include "conformance/judgement/recorded_call.h"
#include "conformance/manifest.h"
#include "conformance/transport.h"
#include "conformance/wire/profile.h"

namespace quintain::conformance {

class SeenEnds;

/// The result of one run of a case. At most one of `skipped`, `not_judged` and `aborted` is not
/// empty.
struct CaseResult {
  const Case* test_case = nullptr;
  /// Why it was not run; empty if it was.
  std::string skipped{};
  /// Why it could not be judged: what the manifest does not declare, or the case that failed before
  /// and on which this one depends.
  std::string not_judged{};
  /// Why it could not be run to its end: what the target lacks or refused.
  std::string aborted{};
  /// Why the case says nothing about the target: an error of the harness itself, or a connection
  /// that broke twice ("inconclusive: ...").
  std::string error{};
  /// The judgements of the clauses that apply to the profile.
  Findings findings{};
  std::deque<RecordedCall> recorded_calls{};
  /// Virtual time, or real time for a live target.
  core::Duration took{0};
};

struct SuiteOptions {
  const Manifest* manifest = nullptr;
  const Profile* profile = nullptr;
  /// Makes a transport for one case, or returns nullptr if the target cannot be reached. Called by
  /// several threads if `jobs` > 1.
  std::function<std::unique_ptr<Transport>()> connect{};
  /// Whether time is virtual. Then every case has its own target.
  bool virtual_time = true;
  /// The number of concurrent cases. On a live target exclusive cases run alone, before the others.
  int jobs = 1;
  /// Prefix of all execution ids of this run.
  std::string run_id = "q";
  /// How long a case may take on a live target. One that takes longer is ended.
  core::Duration case_budget = std::chrono::minutes(2);
  /// When a smoke case fails, the cases that depend on it are not run but blocked by it.
  bool smoke_first = false;
  /// Whether the target can still be reached. Asked after a case whose connection broke; if it
  /// cannot, the remaining cases are not judged. Empty: it always can.
  std::function<bool()> reachable{};
  /// Asked between two cases and while one waits; once it returns a reason, the run ends: running
  /// cases and those that were not run are then not judged, for this reason. Thread-safe.
  std::function<std::string()> stop{};
  /// run_suite() has one of its own for a live target.
  SeenEnds* seen_ends = nullptr;
  /// Called after each case, by one thread at a time.
  std::function<void(std::size_t done, std::size_t of)> progress{};
};

/// Runs the cases in any order and returns the results in the order of `cases`.
std::vector<CaseResult> run_suite(std::span<const Case* const> cases, const SuiteOptions& options);

/// Runs one case with a transport of its own. `number` distinguishes its execution ids from those
/// of other cases. Exceptions become CaseResult::error.
CaseResult run_case(const Case& test_case, const SuiteOptions& options, std::size_t number);

/// Calls work(0), ..., work(count - 1), on `jobs` threads at once, and returns when all are done.
void run_in_parallel(std::size_t count, int jobs, const std::function<void(std::size_t)>& work);

}  // namespace quintain::conformance
