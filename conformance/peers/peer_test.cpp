// The suite against a server that shares no code with Quintain: the peer in Node.js.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "conformance/faulty/faulty_core.h"
#include "conformance/manifest.h"
#include "conformance/testing/live_judging.h"

namespace quintain::conformance {
namespace {

const std::string kFolder = QUINTAIN_SOURCE_DIR "/conformance/peers/node";

Manifest peer_manifest(const std::string& profile) {
  json_input::Diagnostics diagnostics;
  std::optional<Manifest> manifest = load_manifest(kFolder + "/manifest.json", diagnostics);
  EXPECT_TRUE(manifest) << diagnostics.text();
  manifest->profile = profile;
  return *manifest;
}

std::unique_ptr<SpawnedServer> start_peer(const std::string& flags) {
  return spawn(fmt::format("exec node '{}/server.js' --grace-ms 3000 --sync-timeout-ms 5000 {}",
                           kFolder, flags));
}

class CorrectPeer : public testing::TestWithParam<const char*> {};

TEST_P(CorrectPeer, Conforms) {
  const auto server = start_peer(fmt::format("--profile {}", GetParam()));
  ASSERT_NE(server, nullptr);
  const auto results = judge_live(server->address(), peer_manifest(GetParam()), live_cases());
  EXPECT_EQ(problems_of(results), "");
  const auto judged = std::count_if(results.begin(), results.end(),
                                    [](const CaseResult& r) { return r.skipped.empty(); });
  EXPECT_GT(judged, 20);
}

INSTANTIATE_TEST_SUITE_P(Profiles, CorrectPeer,
                         testing::Values("contract", "spear-2026-01", "spear-2026-03",
                                         "spear-2026-05"),
                         [](const auto& profile) {
                           std::string name = profile.param;
                           std::erase(name, '-');
                           return name;
                         });

class FaultyPeer : public testing::TestWithParam<int> {};

TEST_P(FaultyPeer, IsCaughtByTheClausesThatForbidItsFault) {
  const std::string fault = fmt::format("M{}", GetParam());
  const auto server = start_peer("--fault " + fault);
  ASSERT_NE(server, nullptr);
  // The faults M1 to M7 have the same names as the origins of the faulty cores.
  int known = 0;
  for (const FaultyCore& core : faulty_cores()) {
    if (core.origin != fault) continue;
    ++known;
    const auto results =
        judge_live(server->address(), peer_manifest("contract"), cases_for(core.caught_by));
    const auto broken = violated_clauses(results);
    for (const std::string_view clause : core.caught_by) {
      EXPECT_TRUE(broken.contains(clause)) << clause << " does not catch " << fault;
    }
  }
  EXPECT_GE(known, 1) << fault;
}

INSTANTIATE_TEST_SUITE_P(Faults, FaultyPeer, testing::Range(1, 8));

// A decision of the peer that is not the reference core's, and how a manifest declares it.
struct Decision {
  std::string_view flag;
  void (*declare)(Policies&);
  std::vector<std::string_view> cases;
};

std::vector<Decision> decisions() {
  using P = Policies;
  return {
      {"mode_unspecified=sync",
       [](P& p) { p.mode_unspecified = P::ModeUnspecified::kSync; },
       {"mode/unspecified", "mode/out-of-range"}},
      {"stream_via_invoke=unimplemented",
       [](P& p) { p.stream_via_invoke = P::StreamViaInvoke::kUnimplemented; },
       {"mode/stream-through-invoke"}},
      {"start_errors=failed_body",
       [](P& p) { p.start_errors = P::StartErrors::kFailedBody; },
       {"async/unknown-task", "async/unknown-function", "time/negative-is-refused",
        "task/refusals-make-nothing", "idempotency/other-request"}},
      {"success_sync=served",
       [](P& p) { p.success_sync = P::SuccessSync::kServed; },
       {"sync/fails", "sync/completes"}},
      {"timeout_from=start",
       [](P& p) { p.timeout_from = P::TimeoutFrom::kStart; },
       {"time/timeout-in-the-queue"}},
      {"timeout_zero=unlimited",
       [](P& p) { p.timeout_zero = P::TimeoutZero::kUnlimited; },
       {"time/zero-is-the-default", "time/zero-does-not-expire"}},
      {"cancel_running=immediate",
       [](P& p) { p.cancel_running = P::CancelRunning::kImmediate; },
       {"cancel/outrun", "cancel/twice"}},
      {"cancel_unknown=not_found",
       [](P& p) { p.cancel_unknown = P::CancelUnknown::kNotFound; },
       {"cancel/unknown"}},
      {"sync_caller_gone=continues",
       [](P& p) { p.sync_caller_gone = P::SyncCallerGone::kContinues; },
       {"sync/caller-leaves"}},
      {"duplicate_id=refused",
       [](P& p) { p.duplicate_id = P::DuplicateId::kRefused; },
       {"idempotency/after-the-end", "idempotency/in-flight", "idempotency/two-sync-callers"}},
      {"eta_quantile=0.9", [](P& p) { p.eta_quantile = 0.9; }, {"eta/calibrated"}},
  };
}

// For each decision: the peer that has taken it and declares it passes; one that has taken it and
// does not declare it fails, and so does one that declares it and has not taken it.
TEST(PeerWithADecision, PassesExactlyIfItDeclaresTheDecision) {
  const std::vector<Decision> all = decisions();
  std::mutex mutex;
  std::string wrong;
  run_in_parallel(3 * all.size(), 8, [&](std::size_t i) {
    const Decision& decision = all[i / 3];
    const bool taken = i % 3 != 1;
    const bool declared = i % 3 != 2;
    // A long grace, so that a cancelled function certainly ends within it on a busy machine.
    const auto server = start_peer(
        "--grace-ms 8000" + (taken ? fmt::format(" --policy {}", decision.flag) : std::string()));
    if (server == nullptr) return;
    Manifest manifest = peer_manifest("contract");
    manifest.node.cancel_grace = std::chrono::seconds(8);
    if (declared) decision.declare(manifest.policies);
    std::vector<const Case*> cases = live_cases();
    std::erase_if(cases, [&](const Case* one) {
      return std::ranges::find(decision.cases, one->name) == decision.cases.end();
    });
    const std::string problems = problems_of(judge_live(server->address(), manifest, cases));
    if (problems.empty() == (taken && declared) && cases.size() == decision.cases.size()) return;
    const std::lock_guard lock(mutex);
    wrong += fmt::format("{}, {}taken, {}declared: {}\n", decision.flag, taken ? "" : "not ",
                         declared ? "" : "not ", problems);
  });
  EXPECT_EQ(wrong, "");
}

}  // namespace
}  // namespace quintain::conformance
