// What tests of the suite against real servers share.
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

inline std::vector<const Case*> live_cases() {
  std::vector<const Case*> cases;
  for (const Case& one : all_cases()) {
    if (one.virtual_time_only.empty()) cases.push_back(&one);
  }
  return cases;
}

/// The cases that are there for one of these clauses.
inline std::vector<const Case*> cases_for(const std::vector<std::string_view>& clauses) {
  std::vector<const Case*> cases = live_cases();
  std::erase_if(cases, [&](const Case* one) {
    return std::find_first_of(one->clauses.begin(), one->clauses.end(), clauses.begin(),
                              clauses.end()) == one->clauses.end();
  });
  return cases;
}

/// A server that is a command; nullptr, and a failure, if it does not come up.
inline std::unique_ptr<SpawnedServer> spawn(const std::string& command) {
  auto server = SpawnedServer::start({.command = command});
  EXPECT_TRUE(server.ok()) << server.status();
  return server.ok() ? *std::move(server) : nullptr;
}

inline std::vector<CaseResult> judge_live(const std::string& address, const Manifest& manifest,
                                          const std::vector<const Case*>& cases) {
  const auto target = LiveTarget::of({.address = address, .slack = manifest.policies.grace});
  EXPECT_TRUE(target.ok()) << target.status();
  return run_suite(cases, {.manifest = &manifest,
                           .profile = find_profile(manifest.profile),
                           .connect = [&] { return target->make_arm(); },
                           .virtual_time = false,
                           .jobs = 4});
}

/// Everything that is wrong, a line each; empty: nothing is.
inline std::string complaints(const std::vector<CaseResult>& results) {
  std::string text;
  for (const CaseResult& result : results) {
    for (const std::string& problem : {result.error, result.unmet}) {
      if (!problem.empty()) text += fmt::format("{}: {}\n", result.subject->name, problem);
    }
    for (const auto& [clause, finding] : result.findings.by_clause()) {
      for (const Violation& violation : finding.violations) {
        text += fmt::format("{}: {}: expected {}; observed {}\n", result.subject->name, clause,
                            violation.expected, violation.observed);
      }
    }
  }
  return text;
}

inline std::set<std::string, std::less<>> broken_clauses(const std::vector<CaseResult>& results) {
  std::set<std::string, std::less<>> broken;
  for (const CaseResult& result : results) {
    for (const auto& [clause, finding] : result.findings.by_clause()) {
      if (!finding.violations.empty()) broken.insert(clause);
    }
  }
  return broken;
}

}  // namespace quintain::conformance
