// The suite against a server that shares no code with Quintain: the peer in Node.js.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
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

}  // namespace
}  // namespace quintain::conformance
