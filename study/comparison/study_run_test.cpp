#include "study/comparison/study_run.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "study/report/study_json.h"
#include "study/testing/small_study.h"

namespace quintain::study {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class StudyRunTest : public testing::Test {
 protected:
  void SetUp() override {
    const auto& test = *testing::UnitTest::GetInstance()->current_test_info();
    folder_ = fs::path(testing::TempDir()) / test.test_suite_name() / test.name();
    fs::remove_all(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::size_t files() const {
    return fs::exists(folder_)
               ? static_cast<std::size_t>(std::distance(fs::directory_iterator(folder_), {}))
               : 0;
  }

  StudyOptions keeping() const {
    StudyOptions options;
    options.build = "a build";
    options.store = CellStore(folder_.string());
    return options;
  }

  static std::string text(const Study& study, const StudyOptions& options) {
    const auto result = run_study(study, options);
    const auto* report = std::get_if<StudyReport>(&result);
    EXPECT_TRUE(report);
    return report == nullptr ? "" : to_json(*report).value();
  }

  fs::path folder_;
};

TEST_F(StudyRunTest, ShardsLeaveTheirCellsForTheWholeStudy) {
  const Study study = small_study();
  StudyOptions options = keeping();
  std::size_t cells = 0;
  for (int number = 1; number <= 3; ++number) {
    options.shard = {.number = number, .count = 3};
    const auto result = run_study(study, options);
    const auto* done = std::get_if<ShardDone>(&result);
    ASSERT_TRUE(done);
    EXPECT_GT(done->cells.size(), 0U);
    for (const std::string& cell : done->cells) EXPECT_TRUE(fs::exists(folder_ / cell)) << cell;
    cells += done->cells.size();
    EXPECT_EQ(files(), cells);
  }
  options.shard.reset();
  std::size_t kept = 0;
  options.progress = [&](const StudyProgress& progress) { kept = progress.kept; };
  EXPECT_EQ(text(study, options), text(study, {}));
  EXPECT_EQ(kept, cells);
}

TEST_F(StudyRunTest, DoesNotDependOnTheNumberOfJobs) {
  const Study study = small_study();
  StudyOptions options;
  const std::string one = text(study, options);
  options.jobs = 3;
  EXPECT_EQ(text(study, options), one);
  EXPECT_THAT(one, HasSubstr("\"default_estimator\": \""));
}

TEST_F(StudyRunTest, FlagsEveryControl) {
  const auto result = run_study(small_study(), {});
  const auto& report = std::get<StudyReport>(result);
  ASSERT_EQ(report.workloads.size(), 2u);
  int controls = 0;
  for (const auto& estimator : report.workloads[0].estimators) {
    if (estimator.role != Role::kControl) continue;
    ++controls;
    EXPECT_TRUE(flagged(estimator)) << estimator.name;
  }
  EXPECT_EQ(controls, 3);
}

TEST_F(StudyRunTest, ContinuesAnInterruptedStudy) {
  const Study study = small_study();
  const std::string uninterrupted = text(study, {});
  std::atomic<bool> interrupt = false;
  StudyOptions options = keeping();
  options.interrupt = &interrupt;
  options.progress = [&](const StudyProgress& progress) { interrupt = progress.done == 2; };
  const auto stopped = run_study(study, options);
  ASSERT_TRUE(std::holds_alternative<Interrupted>(stopped));
  EXPECT_EQ(std::get<Interrupted>(stopped).cells, 2u);
  const auto& report = std::get<Interrupted>(stopped).report;
  ASSERT_TRUE(report);
  int replications = 0;
  for (const WorkloadResult& workload : report->workloads) {
    replications += static_cast<int>(workload.seeds.size());
    EXPECT_EQ(workload.stopped == StopReason::kInterrupted, workload.seeds.size() < 2);
  }
  EXPECT_EQ(replications, 2);
  EXPECT_EQ(files(), 2u);

  StudyProgress last;
  options = keeping();
  options.progress = [&](const StudyProgress& progress) { last = progress; };
  EXPECT_EQ(text(study, options), uninterrupted);
  EXPECT_EQ(last.done, 4u);
  EXPECT_EQ(last.kept, 2u);
  EXPECT_EQ(files(), 4u);
}

TEST_F(StudyRunTest, FindsACellOnlyByItsWholeKey) {
  Study study = small_study();
  study.workloads.resize(1);
  text(study, keeping());
  EXPECT_EQ(files(), 2u);
  StudyOptions other_build = keeping();
  other_build.build = "another build";
  text(study, other_build);
  EXPECT_EQ(files(), 4u);
  study.workloads[0].config = "{\"changed\": true}";
  text(study, keeping());
  EXPECT_EQ(files(), 6u);
  study.estimators.pop_back();
  text(study, keeping());
  EXPECT_EQ(files(), 8u);
  text(study, keeping());
  EXPECT_EQ(files(), 8u);
}

TEST_F(StudyRunTest, RunsAnUnreadableCellAgain) {
  Study study = small_study();
  study.workloads.resize(1);
  const std::string once = text(study, keeping());
  for (const auto& file : fs::directory_iterator(folder_))
    std::ofstream(file.path()) << "{\"seed\":";
  EXPECT_EQ(text(study, keeping()), once);
}

TEST_F(StudyRunTest, ReportsAFolderThatCannotBeMade) {
  const auto file = fs::path(testing::TempDir()) / "study-run-test-file";
  std::ofstream(file) << "x";
  StudyOptions options;
  options.store = CellStore((file / "cells").string());
  const auto result = run_study(small_study(), options);
  ASSERT_TRUE(std::holds_alternative<StudyError>(result));
  EXPECT_THAT(std::get<StudyError>(result).message, HasSubstr("cells"));
  fs::remove(file);
}

TEST_F(StudyRunTest, StopsWhenPreciseEnough) {
  const auto replications = [](int least, int most, double precision) {
    Study study = small_study();
    study.workloads.resize(1);
    study.workloads[0].arrivals = 400;
    study.workloads[0].traffic->count = 400;
    study.replications = {.least = least, .most = most, .precision = precision};
    StudyOptions options;
    options.jobs = 3;
    const auto result = run_study(study, options);
    return std::get<StudyReport>(result).workloads[0];
  };
  const auto soon = replications(10, 30, 0.5);
  EXPECT_EQ(soon.seeds.size(), 10u);
  EXPECT_EQ(soon.stopped, StopReason::kPrecise);
  EXPECT_LE(soon.relative_half_width, soon.wanted_half_width);
  const auto never = replications(10, 12, 0.0001);
  EXPECT_EQ(never.seeds.size(), 12u);
  EXPECT_EQ(never.stopped, StopReason::kMaxReplications);
  // The precision of twelve replications: it stops at the first replication that reaches it.
  const auto between = replications(10, 40, never.relative_half_width * 1.02);
  EXPECT_EQ(between.stopped, StopReason::kPrecise);
  EXPECT_GT(between.seeds.size(), 10u);
  EXPECT_LT(between.seeds.size(), 40u);
}

TEST_F(StudyRunTest, CostsChangeNothingElse) {
  Study study = small_study();
  study.workloads.resize(1);
  std::atomic<std::int64_t> now = 0;
  StudyOptions options;
  options.stopwatch = [&] { return now += 5; };
  const auto result = run_study(study, options);
  auto report = std::get<StudyReport>(result);
  EXPECT_EQ(report.costs.size(), study.estimators.size() + 1);  // and the oracle
  report.costs.clear();
  EXPECT_EQ(to_json(report).value(), text(study, {}));
}

TEST_F(StudyRunTest, SkipsWorkloadsWithoutATraceFolder) {
  Study study = small_study();
  study.workloads[0].trace = scenarios::TraceReplay{.folder = "some-trace"};
  auto read = read_traces(study, "");
  const auto& skipped = std::get<std::vector<SkippedWorkload>>(read);
  ASSERT_EQ(skipped.size(), 1u);
  EXPECT_EQ(skipped[0].name, "steady");
  EXPECT_THAT(skipped[0].reason, HasSubstr("--trace-dir"));
  EXPECT_EQ(study.workloads.size(), 1u);
}

TEST_F(StudyRunTest, ReadsTracesFromTheirFolderOrItsParent) {
  const fs::path trace = folder_ / "some-trace";
  fs::create_directories(trace);
  std::ofstream(trace / "invocations.csv")
      << "HashOwner,HashApp,HashFunction,Trigger,1,2\no,a,f,http,300,300\n";
  std::ofstream(trace / "durations.csv")
      << "HashOwner,HashApp,HashFunction,Average,percentile_Average_0,percentile_Average_1,"
         "percentile_Average_25,percentile_Average_50,percentile_Average_75,percentile_Average_99,"
         "percentile_Average_100\no,a,f,100,10,20,50,80,120,300,400\n";
  for (const fs::path& given : {folder_, trace}) {
    Study study = study_of(R"({
      "about": "t", "replications": 2, "warm_up": 100,
      "workloads": [
        {"name": "t", "about": "t", "trace": {"folder": "some-trace", "mode": "async"}}]})");
    const auto read = read_traces(study, given.string());
    ASSERT_TRUE(std::holds_alternative<std::vector<SkippedWorkload>>(read));
    ASSERT_TRUE(study.workloads[0].trace_digest);
    const auto result = run_study(study, {});
    EXPECT_EQ(std::get<StudyReport>(result).workloads[0].counts.predicted, 1200);
  }
  fs::remove(trace / "durations.csv");
  Study study = small_study();
  study.workloads[0].trace = scenarios::TraceReplay{.folder = "some-trace"};
  EXPECT_TRUE(std::holds_alternative<StudyError>(read_traces(study, folder_.string())));
}

}  // namespace
}  // namespace quintain::study
