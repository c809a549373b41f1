// Every shipped scenario passes, and two runs of it are the same: events, draws, requests, answers,
// estimates and deadlines. Scenarios with very many calls are left to .ci/run.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "reports/json_input/diagnostics.h"
#include "reports/report.h"
#include "scenarios/language/loader.h"
#include "scenarios/runner/run.h"

namespace quintain::scenarios {
namespace {

namespace fs = std::filesystem;

constexpr double kMaxCalls = 20'000;

std::vector<std::string> families() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(QUINTAIN_SOURCE_DIR "/scenarios/cases")) {
    if (entry.is_directory()) names.push_back(entry.path().filename().string());
  }
  std::ranges::sort(names);
  return names;
}

class ShippedScenarios : public ::testing::TestWithParam<std::string> {};

TEST_P(ShippedScenarios, PassAndAreDeterministic) {
  json_input::Diagnostics diagnostics;
  const std::string folder = QUINTAIN_SOURCE_DIR "/scenarios/cases/" + GetParam();
  for (const std::string& file : find_scenario_files({folder}, diagnostics)) {
    for (const Scenario& scenario : load_scenario_file(file, naming_root(file), diagnostics)) {
      if (expected_calls(scenario) > kMaxCalls) continue;
      RunOptions options;
      options.check_determinism = true;
      const reports::Case result = run_scenario(scenario, /*seed=*/1, options);
      EXPECT_EQ(result.error_message, "") << result.name;
      if (!result.skip_reason.empty()) continue;
      EXPECT_TRUE(std::ranges::any_of(result.checks, [](const reports::Check& check) {
        return check.kind == reports::CheckKind::kDeterminism;
      }));
      for (const reports::Check& check : result.checks) {
        if (check.verdict != reports::Verdict::kFailed) continue;
        std::string evidence;
        for (const auto& event : check.evidence.events) {
          evidence += "\n  " + std::to_string(event.at.count()) + " " + event.text;
        }
        ADD_FAILURE() << result.name << ": " << check.name << ": expected " << check.expected
                      << ", observed " << check.observed << evidence;
      }
    }
  }
  EXPECT_TRUE(diagnostics.empty()) << diagnostics.text();
}

INSTANTIATE_TEST_SUITE_P(All, ShippedScenarios, ::testing::ValuesIn(families()),
                         [](const auto& family) { return family.param; });

}  // namespace
}  // namespace quintain::scenarios
