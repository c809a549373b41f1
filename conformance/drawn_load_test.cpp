// Drawn loads in virtual time: the correct core passes them, and faulty ones do not.
#include "conformance/drawn_load.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "conformance/faulty/faulty_core.h"
#include "conformance/fixtures/fixture_runtime.h"
#include "conformance/model/contract_model.h"
#include "conformance/modelled_target.h"
#include "conformance/suite.h"

namespace quintain::conformance {
namespace {

CaseResult judge(std::uint64_t seed, const FaultyCore* core = nullptr) {
  static const Manifest manifest = reference_manifest();
  const SuiteOptions options{.manifest = &manifest,
                             .profile = find_profile(manifest.profile),
                             .connect = [&] { return make_sim_transport(reference_node(), core); }};
  const Case load = drawn_load(seed);
  CaseResult result = run_case(load, options, 1);
  result.test_case = nullptr;  // the load does not outlive this function
  return result;
}

std::string problems_of(const CaseResult& result) {
  std::string problems = result.aborted + result.error + result.not_judged + result.skipped;
  for (const auto& [clause, finding] : result.findings.by_clause()) {
    for (const Violation& violation : finding.violations) {
      problems += fmt::format("{}: {}\n", clause, violation.observed);
    }
  }
  return problems;
}

// The calls as their clients saw them, one per line.
std::string calls_of(const CaseResult& result) {
  std::string text;
  for (const RecordedCall& call : result.recorded_calls) text += describe(call) + "\n";
  return text;
}

constexpr std::uint64_t kLoads = 300;

TEST(DrawnLoad, TheCorrectCorePassesAndTheModelAgrees) {
  const Manifest manifest = reference_manifest();
  ModelledNode node = modelled_target(manifest, core::Duration(0), /*alone=*/true);
  node.async_timeout = reference_node().timeout.async_default;
  std::set<Method> methods;
  std::set<absl::StatusCode> codes;
  for (std::uint64_t seed = 1; seed <= kLoads; ++seed) {
    const CaseResult result = judge(seed);
    EXPECT_EQ(problems_of(result), "") << "seed " << seed;
    const std::vector<RecordedCall> calls(result.recorded_calls.begin(),
                                          result.recorded_calls.end());
    for (const Disagreement& disagreement : disagreements(calls, node)) {
      ADD_FAILURE() << "seed " << seed << ": " << disagreement.what;
    }
    for (const RecordedCall& call : calls) {
      methods.insert(call.method);
      codes.insert(call.status.code());
    }
  }
  EXPECT_THAT(methods, testing::IsSupersetOf({Method::kInvokeFunction, Method::kStreamFunction,
                                              Method::kCancelExecution, Method::kListExecutions,
                                              Method::kGetExecutionStatus}));
  EXPECT_THAT(codes, testing::IsSupersetOf(
                         {absl::StatusCode::kAlreadyExists, absl::StatusCode::kResourceExhausted,
                          absl::StatusCode::kDeadlineExceeded, absl::StatusCode::kCancelled}));
}

TEST(DrawnLoad, TheSeedDecidesWhatIsSent) {
  EXPECT_EQ(calls_of(judge(7)), calls_of(judge(7)));
  EXPECT_NE(calls_of(judge(7)), calls_of(judge(8)));
}

// Faults that one call alone does not show: they need repeats, cancels, callers that leave,
// timeouts or bursts that meet other calls.
TEST(DrawnLoad, FaultyCoresFailOne) {
  for (const std::string_view name :
       {"repeat-runs-again", "other-request-taken-for-the-first", "slot-leaked-after-timeout",
        "stale-reads", "cancel-reason-lost", "quick-completion-overwritten"}) {
    const FaultyCore* core = find_faulty_core(name);
    ASSERT_NE(core, nullptr) << name;
    std::uint64_t seed = 1;
    while (seed <= kLoads && problems_of(judge(seed, core)).empty()) ++seed;
    EXPECT_LE(seed, kLoads) << name << " is not caught";
  }
}

}  // namespace
}  // namespace quintain::conformance
