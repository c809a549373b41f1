#include "study/from_log/from_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <set>
#include <string>

#include "reports/json_input/diagnostics.h"
#include "reports/json_input/document.h"
#include "sim/random/distribution.h"
#include "study/language/study.h"

namespace quintain::study {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::SizeIs;

// `calls` of each function: function i takes (i + 1) * 10 ms, every third call thrice as long.
sim::CallLog log_of(std::vector<int> calls) {
  sim::CallLog log;
  for (std::uint32_t function = 0; function < calls.size(); ++function) {
    log.functions.push_back("f" + std::to_string(function));
    for (int i = 0; i < calls[function]; ++i) {
      log.calls.push_back({.arrival = i * 1s + function * 7ms,
                           .duration = (function + 1) * 10ms * (i % 3 == 0 ? 3 : 1),
                           .function = function,
                           .failed = i % 4 == 0});
    }
  }
  std::ranges::stable_sort(log.calls, {}, &sim::CallLog::Call::arrival);
  return log;
}

Study read_back(const std::string& text) {
  json_input::Diagnostics diagnostics;
  const auto document = json_input::Document::parse("made.study.json", text, diagnostics);
  auto study = read_study(*document, diagnostics);
  EXPECT_EQ(diagnostics.text(), "");
  return *std::move(study);
}

TEST(StudyFromLog, IsAStudyOfTheLogAndOfRedrawnCalls) {
  const Study study =
      read_back(study_from_log(log_of({300, 30}), {.trace = "calls.csv", .slots = 3}));
  ASSERT_THAT(study.workloads, SizeIs(3));
  EXPECT_EQ(study.workloads[0].name, "as-recorded");
  EXPECT_TRUE(study.workloads[0].trace);
  for (const Workload& workload : study.workloads) EXPECT_EQ(workload.node.config.slots, 3);
  EXPECT_EQ(study.workloads[1].name, "redrawn");
  EXPECT_THAT(study.workloads[1].loads, SizeIs(2));
  EXPECT_EQ(study.workloads[2].name, "twice-the-load");
}

TEST(StudyFromLog, RedrawnCallsHaveTheMeansOfTheLog) {
  const sim::CallLog log = log_of({300, 30});
  const Study study = read_back(study_from_log(log, {.trace = "calls.csv", .slots = 3}));
  const auto& functions = study.workloads[1].node.functions;
  ASSERT_THAT(functions, SizeIs(2));
  // 100 of 300 calls take 30 ms, the others 10 ms; 10 of 30 take 60 ms, the others 20 ms.
  EXPECT_NEAR(functions[0].service.mean_seconds(), 5.0 / 300, 1e-6);
  EXPECT_NEAR(functions[1].service.mean_seconds(), 10.0 / 300, 1e-6);
  EXPECT_NEAR(functions[0].failure_probability, 0.25, 1e-9);
}

TEST(StudyFromLog, RareFunctionsAreOneFunction) {
  const Study study = read_back(study_from_log(
      log_of({50, 3, 2, 1, 40}), {.trace = "calls.csv", .slots = 1, .most_functions = 3}));
  std::set<std::string> names;
  for (const auto& function : study.workloads[1].node.functions) names.insert(function.task);
  EXPECT_THAT(names, ElementsAre("3 others", "f0", "f4"));
}

TEST(StudyFromLog, TakesSingleCallsCallsAtOnceAndConstantTimes) {
  sim::CallLog log;
  log.functions = {"one", "batch"};
  log.calls.push_back({.arrival = 0s, .duration = 5s, .function = 0});
  for (int i = 0; i < 4; ++i) log.calls.push_back({.arrival = 0s, .duration = 1ms, .function = 1});
  const Study study = read_back(study_from_log(log, {.trace = "x.swf", .slots = 1}));
  EXPECT_THAT(study.workloads[1].loads, SizeIs(2));
}

}  // namespace
}  // namespace quintain::study
