// Test support: runs the suite against live servers.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "conformance/case.h"
#include "conformance/live/grpc_transport.h"
#include "conformance/live/spawn.h"
#include "conformance/suite.h"

namespace quintain::conformance {

/// The cases that can judge a live target and leave it running.
inline std::vector<const Case*> live_cases() {
  std::vector<const Case*> cases;
  for (const Case& one : all_cases()) {
    if (one.virtual_time_only.empty() && !one.ends_the_target) cases.push_back(&one);
  }
  return cases;
}

/// The live cases that judge at least one of these clauses.
inline std::vector<const Case*> cases_for(const std::vector<std::string_view>& clauses) {
  std::vector<const Case*> cases = live_cases();
  std::erase_if(cases, [&](const Case* one) {
    return std::find_first_of(one->clauses.begin(), one->clauses.end(), clauses.begin(),
                              clauses.end()) == one->clauses.end();
  });
  return cases;
}

/// Starts a server by a command; nullptr and a test failure if it does not start.
inline std::unique_ptr<SpawnedServer> spawn(const std::string& command) {
  auto server = SpawnedServer::start({.command = command});
  EXPECT_TRUE(server.ok()) << server.status();
  return server.ok() ? *std::move(server) : nullptr;
}

/// Runs these cases against the server at that address, some at once.
inline std::vector<CaseResult> judge_live(const std::string& address, const Manifest& manifest,
                                          const std::vector<const Case*>& cases, int jobs = 4) {
  const auto target = LiveTarget::of({.address = address, .slack = manifest.policies.grace});
  EXPECT_TRUE(target.ok()) << target.status();
  return run_suite(cases, {.manifest = &manifest,
                           .profile = find_profile(manifest.profile),
                           .connect = [&] { return target->connect(); },
                           .virtual_time = false,
                           .jobs = jobs});
}

/// Every violation and every problem, one per line; empty if there is none.
inline std::string problems_of(const std::vector<CaseResult>& results) {
  std::string text;
  for (const CaseResult& result : results) {
    for (const std::string& problem : {result.error, result.aborted}) {
      if (!problem.empty()) text += fmt::format("{}: {}\n", result.test_case->name, problem);
    }
    for (const auto& [clause, finding] : result.findings.by_clause()) {
      for (const Violation& violation : finding.violations) {
        text += fmt::format("{}: {}: expected {}; observed {}\n", result.test_case->name, clause,
                            violation.expected, violation.observed);
      }
    }
  }
  return text;
}

/// The clauses with at least one violation.
inline std::set<std::string, std::less<>> violated_clauses(const std::vector<CaseResult>& results) {
  std::set<std::string, std::less<>> violated;
  for (const CaseResult& result : results) {
    for (const auto& [clause, finding] : result.findings.by_clause()) {
      if (!finding.violations.empty()) violated.insert(clause);
    }
  }
  return violated;
}

}  // namespace quintain::conformance
