#include "study/report/study_goals.h"

#include <gmock/gmock.h>

#include <vector>

#include "study/report/sample_study_report.h"
#include "study/report/study_json.h"

namespace quintain::study {
namespace {

using testing::HasSubstr;
using testing::Not;

StudyReport with_goals(std::vector<Flag> flags) {
  return {.command = "quintain study s.study.json",
          .name = "s",
          .workloads = {{.name = "w",
                         .counts = {.scored = 1},
                         .estimators = {{.name = "best", .flags = std::move(flags)},
                                        {.name = "other", .flags = {{"calibrated", false}}}}}}};
}

const Flag kMet = {"goal/coverage-error", true, "at most 0.01", "0.004"};
const Flag kMissed = {"goal/pinball-to-oracle", false, "at most 1.3",
                      "1.35 [1.2, 1.5], 0.05 too much"};

TEST(StudyGoals, ListsTheMissedOnesAndByHowMuch) {
  const std::string text = render_goals(with_goals({kMet, kMissed, {"flat", false}}));
  EXPECT_THAT(text, HasSubstr("1 of 2 goals are met (`quintain study s.study.json`)."));
  EXPECT_THAT(text, HasSubstr("| w | `best` | pinball to oracle | at most 1.3 | 1.35 [1.2, 1.5] | "
                              "0.05 |\n"));
  EXPECT_THAT(text, Not(HasSubstr("coverage"))) << "a goal that is met";
  EXPECT_THAT(text, Not(HasSubstr("flat"))) << "no goal";
}

TEST(StudyGoals, NamesTheReferenceWhereThereIsNoOracle) {
  StudyReport report = with_goals({kMissed});
  report.workloads[0].no_oracle = "recorded calls";
  EXPECT_THAT(render_goals(report), HasSubstr("pinball to reference"));
}

TEST(StudyGoals, HasNoTableIfAllAreMet) {
  EXPECT_EQ(render_goals(with_goals({kMet})),
            "1 of 1 goals are met (`quintain study s.study.json`).\n");
}

TEST(StudyGoals, AnUnknownValueIsMissed) {
  const Flag unknown = {"goal/pinball-to-oracle", false, "at most 1.3", "nan"};
  EXPECT_THAT(render_goals(with_goals({unknown})), HasSubstr("| nan | - |"));
}

TEST(StudyGoals, CountsTheGoalsOfSeveralStudies) {
  const std::vector<StudyReport> reports = {with_goals({kMet, kMissed}), with_goals({kMet})};
  EXPECT_EQ(render_goals_sentence(reports),
            "The default estimator meets 1 of 2 goals of `s` and 1 of 1 goals of `s`.");
}

TEST(StudyGoals, TheKeptReportIsSmallAndHasTheSameGoals) {
  const StudyReport whole = sample_study_report();
  const StudyReport kept = goals_only(whole);
  EXPECT_EQ(render_goals(kept), render_goals(whole));
  const auto json = to_json(kept);
  ASSERT_TRUE(json.ok()) << json.status();
  EXPECT_LT(json->size(), to_json(whole)->size() / 2);
  const auto read = study_from_json(*json);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(render_goals(*read), render_goals(whole));
}

}  // namespace
}  // namespace quintain::study
