// The suite against real servers: the results must equal those in virtual time.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "conformance/case.h"
#include "conformance/faulty/faulty_core.h"
#include "conformance/fixtures/fixture_runtime.h"
#include "conformance/live/grpc_transport.h"
#include "conformance/live/spawn.h"
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
                           .connect = [&] { return make_sim_transport(reference_node(), core); }});
}

// The judged clauses of each case, among those that it claims.
std::map<std::string, std::set<std::string>> judged_clauses(
    const std::vector<CaseResult>& results) {
  std::map<std::string, std::set<std::string>> judged;
  for (const CaseResult& result : results) {
    for (const std::string_view clause : result.test_case->clauses) {
      if (result.findings.judged(clause)) {
        judged[std::string(result.test_case->name)].emplace(clause);
      }
    }
  }
  return judged;
}

TEST(LiveSuite, TheCorrectCorePassesOverTcpAsInVirtualTime) {
  const auto server = serve("--listen 127.0.0.1:0");
  ASSERT_NE(server, nullptr);
  auto cases = live_cases();
  const auto live = judge_live(server->address(), reference_manifest(), cases);
  EXPECT_EQ(problems_of(live), "");
  std::erase_if(cases, [](const Case* one) { return !one->live_only.empty(); });
  const auto simulated = judge_in_virtual_time(cases, nullptr);
  EXPECT_EQ(problems_of(simulated), "");
  auto judged = judged_clauses(live);
  for (const Case* one : live_cases()) {
    if (!one->live_only.empty()) judged.erase(std::string(one->name));
  }
  EXPECT_EQ(judged, judged_clauses(simulated));
}

TEST(LiveSuite, TheCorrectCorePassesOverAUnixSocket) {
  const std::string path =
      (std::filesystem::path(testing::TempDir()) / "quintain-live-suite.sock").string();
  const auto server = serve("--listen unix:" + path);
  ASSERT_NE(server, nullptr);
  EXPECT_EQ(problems_of(judge_live(server->address(), reference_manifest(), live_cases())), "");
}

// Functions that are processes return text and need milliseconds to start.
TEST(LiveSuite, TheFixtureProgramImplementsTheFixtures) {
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
  Manifest manifest = reference_manifest();
  manifest.policies.function_output = Policies::FunctionOutput::kText;
  auto results = judge_live(server->address(), manifest, live_cases());
  // The program of a function is declared for one task, so functions of a new task cannot start.
  const auto unjudged = std::erase_if(results, [](const CaseResult& result) {
    return result.not_judged.find("a task that a call has made") != std::string::npos;
  });
  EXPECT_GT(unjudged, 0U);
  EXPECT_LT(unjudged, 6U);
  EXPECT_EQ(problems_of(results), "");
}

TEST(LiveSuite, EveryFaultyCoreIsCaughtAsInVirtualTime) {
  std::vector<const FaultyCore*> cores;
  for (const FaultyCore& core : faulty_cores()) {
    if (core.virtual_time_only.empty() && core.not_served.empty()) cores.push_back(&core);
  }
  ASSERT_GT(cores.size(), 50U);
  std::mutex mutex;
  std::string missed;
  // More threads than processors, because the cases wait most of the time.
  run_in_parallel(cores.size(), 8, [&](std::size_t i) {
    const FaultyCore& core = *cores[i];
    const auto server = serve(fmt::format("--listen 127.0.0.1:0 --faulty {}", core.name));
    if (server == nullptr) return;
    const auto cases = cases_for(core.caught_by);
    const auto live = violated_clauses(judge_live(server->address(), reference_manifest(), cases));
    const auto simulated = violated_clauses(judge_in_virtual_time(cases, &core));
    const std::lock_guard lock(mutex);
    for (const std::string_view clause : core.caught_by) {
      if (!live.contains(clause)) {
        missed += fmt::format("{} is not caught live by {}\n", core.name, clause);
      }
      if (!simulated.contains(clause)) {
        missed += fmt::format("{} is not caught in virtual time by {}\n", core.name, clause);
      }
    }
  });
  EXPECT_EQ(missed, "");
}

}  // namespace
}  // namespace quintain::conformance
