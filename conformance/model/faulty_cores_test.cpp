// The model by itself: the faulty cores that it tells from the correct one.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "conformance/faulty/faulty_core.h"
#include "conformance/fixtures/fixture_runtime.h"
#include "conformance/model/contract_model.h"
#include "conformance/modelled_target.h"
#include "conformance/suite.h"
#include "conformance/wire/profile.h"

namespace quintain::conformance {
namespace {

// The faulty cores that the model does not catch, because
const std::vector<std::string> kNotShown = {
    // the fault is in the queue, a slot, an attempt or a pause, of which it has none:
    "sync-without-a-slot",
    "cancelled-keeps-its-place",
    "queue-without-a-limit",
    "stop-not-passed-on",
    "slot-held-after-cancel",
    "slot-leaked-after-timeout",
    "one-attempt-too-many",
    "retry-without-a-pause",
    "pauses-do-not-grow",
    "cancel-waits-for-the-pause",
    "retries-overflow",
    "restart-fails-what-waits",
    // the value of an estimate is wrong, not its shape:
    "estimate-too-high",
    "percentile-is-the-median",
    "percentile-far-too-long",
    "refreshed-estimates-constant",
    "estimate-constant",
    "estimate-blind-to-the-queue",
    "estimate-far-too-short",
    // the fault is on the wire, below the calls:
    "descriptor-field-missing",
    "descriptor-field-moved",
    "descriptor-type-changed",
    "descriptor-label-changed",
    "unknown-methods-answered",
    "deaf-after-malformed",
    // it does not know enough: how long a function takes, what it logs and streams, how a task
    // looks:
    "sync-caller-gone-unnoticed",
    "logs-never",
    "long-deadline-does-not-bound",
    "deadline-does-not-bound",
    "timeout-before-completion",
    "stream-loses-a-chunk",
    "stream-sent-at-its-end",
    "stream-error-told-twice",
    "page-cut-short",
    "busy-task-deleted",
    "new-task-without-artifact",
    "new-task-reuses-an-existing-one",
    "task-executions-oldest-first",
    "include-executions-ignored",
    "task-page-cut-short",
    "task-details-omitted",
    "task-always-completed",
    "task-never-updated",
    "task-times-in-seconds",
    "cleanup-ignored",
    "cleanup-not-counted",
    "waiting-counted-up-to-one",
    "average-doubled",
    "tasks-not-counted-by-type",
    "tasks-always-idle",
    "uptime-in-milliseconds",
    "draining-node-is-serving",
    "payload-of-a-stream-cut",
};

// The first disagreement of each case with a core (nullptr: the correct one), of at most `most`
// cases.
std::map<std::string, std::string> disagreements_with(const FaultyCore* core, std::size_t most) {
  const Manifest manifest = reference_manifest(kLongRetention);
  const SuiteOptions options{
      .manifest = &manifest, .profile = find_profile(manifest.profile), .connect = [&] {
        return make_sim_transport(reference_node(kLongRetention), core);
      }};
  std::map<std::string, std::string> found;
  std::size_t number = 0;
  for (const Case& one : all_cases()) {
    const CaseResult result = run_case(one, options, ++number);
    ModelledNode node = modelled_target(manifest, core::Duration(0), /*alone=*/true);
    node.async_timeout = reference_node().timeout.async_default;
    node.restarts = one.name.starts_with("durability/");
    const std::vector<RecordedCall> calls(result.recorded_calls.begin(),
                                          result.recorded_calls.end());
    for (const Disagreement& disagreement : disagreements(calls, node)) {
      found.try_emplace(std::string(one.name), disagreement.what);
    }
    if (found.size() >= most) break;
  }
  return found;
}

TEST(ContractModel, AgreesWithTheCorrectCore) {
  for (const auto& [test_case, what] : disagreements_with(nullptr, all_cases().size())) {
    ADD_FAILURE() << test_case << ": " << what;
  }
}

TEST(ContractModel, CatchesFaultyCores) {
  const auto cores = faulty_cores();
  std::vector<std::string> first(cores.size());
  run_in_parallel(cores.size(), 2, [&](std::size_t i) {
    const auto found = disagreements_with(&cores[i], 1);
    if (!found.empty()) first[i] = found.begin()->second;
  });
  std::vector<std::string> missed;
  for (std::size_t i = 0; i < cores.size(); ++i) {
    if (first[i].empty()) missed.emplace_back(cores[i].name);
  }
  EXPECT_THAT(missed, testing::UnorderedElementsAreArray(kNotShown))
      << fmt::format("{}", fmt::join(missed, "\", \""));
}

}  // namespace
}  // namespace quintain::conformance
