// The suite against real servers: what the transport in virtual time says, the live transport says
// as well.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "conformance/case.h"
#include "conformance/faulty/faulty_core.h"
#include "conformance/fixtures/fixture_runtime.h"
#include "conformance/fixtures/reference_node.h"
#include "conformance/live/grpc_transport.h"
#include "conformance/live/spawn.h"
#include "conformance/reference_manifest.h"
#include "conformance/sim_transport.h"
#include "conformance/suite.h"
#include "conformance/testing/live_judging.h"

namespace quintain::conformance {
namespace {

std::unique_ptr<SpawnedServer> serve(const std::string& words) {
  return spawn(fmt::format("'{}' serve --fixtures {}", QUINTAIN_PROGRAM, words));
}

std::vector<CaseResult> judge_in_virtual_time(const std::vector<const Case*>& cases,
                                              const FaultyCore* core) {
  const Manifest manifest = reference_manifest();
  return run_suite(cases, {.manifest = &manifest,
                           .profile = find_profile(manifest.profile),
                           .connect = [&] { return make_sim_arm(reference_node(), core); }});
}

// Case by case, the clauses that it put to the test.
std::map<std::string, std::set<std::string>> judged_clauses(
    const std::vector<CaseResult>& results) {
  std::map<std::string, std::set<std::string>> judged;
  for (const CaseResult& result : results) {
    for (const std::string_view clause : result.subject->clauses) {
      if (result.findings.judged(clause)) {
        judged[std::string(result.subject->name)].emplace(clause);
      }
    }
  }
  return judged;
}

TEST(LiveSuite, TheGoodCorePassesOverTcpAsInVirtualTime) {
  const auto server = serve("--listen 127.0.0.1:0");
  ASSERT_NE(server, nullptr);
  auto cases = live_cases();
  const auto live = judge_live(server->address(), reference_manifest(), cases);
  EXPECT_EQ(complaints(live), "");
  std::erase_if(cases, [](const Case* one) { return !one->live_only.empty(); });
  const auto simulated = judge_in_virtual_time(cases, nullptr);
  EXPECT_EQ(complaints(simulated), "");
  auto judged = judged_clauses(live);
  for (const Case* one : live_cases()) {
    if (!one->live_only.empty()) judged.erase(std::string(one->name));
  }
  EXPECT_EQ(judged, judged_clauses(simulated));
}

TEST(LiveSuite, TheGoodCorePassesOverAUnixSocket) {
  const std::string path =
      (std::filesystem::path(testing::TempDir()) / "quintain-live-suite.sock").string();
  const auto server = serve("--listen unix:" + path);
  ASSERT_NE(server, nullptr);
  EXPECT_EQ(complaints(judge_live(server->address(), reference_manifest(), live_cases())), "");
}

// What a process gives back is text, and it takes milliseconds to begin.
TEST(LiveSuite, TheFixtureProgramPlaysTheFixtures) {
  const auto file = std::filesystem::path(testing::TempDir()) / "quintain-live-suite.json";
  std::string functions;
  for (const std::string_view name : fixture_names()) {
    functions += fmt::format(R"({}"{}": {{"command": ["{}", "fixture", "{}"]}})",
                             functions.empty() ? "" : ", ", name, QUINTAIN_PROGRAM, name);
  }
  std::ofstream(file) << fmt::format(R"({{
    "node": {{"slots": 4, "queue_limit": 8, "cancel_grace": "3s", "retention": {{"age": "10s"}},
             "timeout": {{"maximum": "60s", "sync_default": "5s", "async_default": "60s"}}}},
    "tasks": {{"fixtures": {{"functions": {{{}}}}}}}
  }})",
                                     functions);
  const auto server = spawn(fmt::format("'{}' serve --functions '{}' --listen 127.0.0.1:0",
                                        QUINTAIN_PROGRAM, file.string()));
  ASSERT_NE(server, nullptr);
  EXPECT_EQ(complaints(judge_live(server->address(), reference_manifest(), live_cases())), "");
}

TEST(LiveSuite, EveryFaultyCoreIsCaughtAsInVirtualTime) {
  std::vector<const FaultyCore*> cores;
  for (const FaultyCore& core : faulty_cores()) {
    if (core.virtual_time_only.empty() && core.not_served.empty()) cores.push_back(&core);
  }
  ASSERT_GT(cores.size(), 50U);
  std::mutex mutex;
  std::string missed;
  std::atomic<std::size_t> next = 0;
  {
    // They wait more than they work.
    std::vector<std::jthread> workers;
    for (int i = 0; i < 8; ++i) {
      workers.emplace_back([&] {
        for (std::size_t j = next++; j < cores.size(); j = next++) {
          const FaultyCore& core = *cores[j];
          const auto server = serve(fmt::format("--listen 127.0.0.1:0 --faulty {}", core.name));
          if (server == nullptr) continue;
          const auto cases = cases_for(core.caught_by);
          const auto live =
              broken_clauses(judge_live(server->address(), reference_manifest(), cases));
          const auto simulated = broken_clauses(judge_in_virtual_time(cases, &core));
          const std::lock_guard lock(mutex);
          for (const std::string_view clause : core.caught_by) {
            if (!live.contains(clause)) {
              missed += fmt::format("{} is not caught live by {}\n", core.name, clause);
            }
            if (!simulated.contains(clause)) {
              missed += fmt::format("{} is not caught in virtual time by {}\n", core.name, clause);
            }
          }
        }
      });
    }
  }
  EXPECT_EQ(missed, "");
}

}  // namespace
}  // namespace quintain::conformance
