// The suite: which cases are run, how, and what came of each.
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

/// What came of one case.
struct CaseResult {
  const Case* subject = nullptr;
  /// Why it was not run; empty if it was.
  std::string skipped{};
  /// What the target or its manifest lacks, or why the case could not be brought to its end.
  std::string unmet{};
  /// What went wrong in the harness.
  std::string error{};
  /// By clause, those that don't apply to the profile left out.
  Findings findings{};
  std::deque<RecordedCall> recorded_calls{};
  /// Virtual time, or real time for a live target.
  core::Duration took{0};
};

struct SuiteOptions {
  const Manifest* manifest = nullptr;
  const Profile* profile = nullptr;
  /// Makes an transport for one case; called by several threads if `jobs` > 1. May give nullptr:
  /// the target can't be reached.
  std::function<std::unique_ptr<Transport>()> connect{};
  /// Whether time is virtual: then every case has a target of its own.
  bool virtual_time = true;
  /// Cases that run at once. Exclusive ones run alone, before the others.
  int jobs = 1;
  /// Begins all execution ids of this run.
  std::string run_id = "q";
  /// Told after each case.
  std::function<void(std::size_t done, std::size_t of)> progress{};
};

/// Runs the cases, in whatever order is fast; gives the results in the order of the cases.
std::vector<CaseResult> run_suite(std::span<const Case* const> cases, const SuiteOptions& options);

/// Runs one case on one transport.
CaseResult run_case(const Case& subject, const SuiteOptions& options, std::size_t number);

}  // namespace quintain::conformance
