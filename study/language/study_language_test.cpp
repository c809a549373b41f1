#include "study/language/study.h"

#include <gmock/gmock.h>

#include <chrono>
#include <string>

#include "core/eta/estimator.h"
#include "scenarios/testing/read_text.h"
#include "study/language/traffic.h"

namespace quintain::study {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

std::optional<Study> read(std::string_view text, std::string& errors) {
  json_input::Diagnostics diagnostics;
  std::optional<Study> study;
  if (const auto document =
          json_input::Document::parse("folder/small.study.json", text, diagnostics)) {
    study = read_study(*document, diagnostics);
  }
  errors = scenarios::lines_of(diagnostics);
  return study;
}

Study good(std::string_view text) {
  std::string errors;
  const auto study = read(text, errors);
  EXPECT_TRUE(study) << errors;
  return study.value_or(Study());
}

std::string errors_of(std::string_view text) {
  std::string errors;
  EXPECT_FALSE(read(text, errors));
  return errors;
}

constexpr std::string_view kSmall = R"({
  "about": "small",
  "population": {"functions": 3, "service": {"exponential": {"mean": "1s"}}},
  "workloads": [{"name": "w", "about": "a", "traffic": {"arrivals": {"poisson": 2}, "load": 0.5}}]
})";

TEST(StudyLanguage, HasDefaults) {
  const Study study = good(kSmall);
  EXPECT_EQ(study.name, "small");
  EXPECT_EQ(study.estimators.size(), core::eta::estimator_names().size());
  EXPECT_EQ(study.replications.least, 10);
  ASSERT_EQ(study.workloads.size(), 1u);
  EXPECT_EQ(study.workloads[0].arrivals, 20'000);
  EXPECT_EQ(study.workloads[0].warm_up, 2'000);
  EXPECT_EQ(study.workloads[0].node.config.slots, 8);
  EXPECT_EQ(study.workloads[0].node.functions.size(), 3u);
  // The configuration includes what was taken from the study.
  EXPECT_THAT(study.workloads[0].config, HasSubstr("\"population\":{\"functions\":3"));
}

TEST(StudyLanguage, ScalesServicesToTheLoad) {
  const Workload workload = good(kSmall).workloads[0];
  double mean = 0;
  for (std::size_t i = 0; i < 3; ++i) {
    mean += workload.traffic->targets[i].weight * workload.node.functions[i].service.mean_seconds();
  }
  EXPECT_NEAR(mean * 2 / 8, 0.5, 1e-9);
}

TEST(StudyLanguage, ReadsEveryKey) {
  const Study study = good(scenarios::source_file("study/language/data/every-key.json"));
  EXPECT_EQ(study.name, "every-key");
  EXPECT_EQ(study.replications.most, 20);
  ASSERT_EQ(study.workloads.size(), 6u);
  const Workload& mixed = study.workloads[0];
  EXPECT_EQ(mixed.node.config.slots, 4);
  EXPECT_EQ(mixed.node.slowdowns.size(), 1u);
  EXPECT_EQ(mixed.arrivals, 2000);
  EXPECT_EQ(mixed.traffic->count, 2000);
  EXPECT_EQ(mixed.max_retries, 1);
  EXPECT_EQ(mixed.until, core::Instant(1h));
  EXPECT_EQ(mixed.traffic->priorities[1].priority, -9);
  EXPECT_TRUE(mixed.traffic->cancels->force);
  EXPECT_EQ(mixed.traffic->targets[0].request.context().max_retries(), 1);
  // Between five and ten times the function's mean.
  const double mean = mixed.node.functions[0].service.mean_seconds();
  EXPECT_NEAR(mixed.traffic->targets[0].timeout->mean_seconds(), 7.5 * mean, 1e-6);
  EXPECT_EQ(mixed.node.functions[0].failure_probability, 0.1);
  EXPECT_EQ(mixed.goals[0].estimator, "state");
  EXPECT_EQ(mixed.goals[0].after_change_to_oracle, 1.1);
  EXPECT_THAT(mixed.goals[0].flags,
              testing::ElementsAre("calibrated", "no-better-than-the-oracle"));
  const Workload& one = study.workloads[1];
  EXPECT_EQ(one.node.config.slots, 2);  // the study's
  EXPECT_EQ(one.arrivals, 1000);
  EXPECT_EQ(one.closed_forms[0].bound, 1s);
  EXPECT_EQ(study.workloads[2].loads[0].count, 1000);
  EXPECT_EQ(study.workloads[2].max_retries, 3);
  EXPECT_EQ(study.workloads[3].trace->length, std::chrono::minutes(10));
  EXPECT_TRUE(study.workloads[4].traffic);  // the study's
}

TEST(StudyLanguage, ReportsAllProblemsAtOnce) {
  const std::string errors = errors_of(R"({
  "about": "wrong",
  "replications": {"least": 4, "most": 20, "precision": 0.01},
  "estimators": ["les", "stat"],
  "workloads": [
    {"name": "a/b", "about": "a", "colour": 1,
     "population": {"functions": 3, "service": {"lognormal": {"median": "1s"}}},
     "traffic": {"arrivals": {"poisson": 2}}},
    {"name": "empty", "about": "no calls"},
    {"name": "empty", "about": "again",
     "functions": {"f": {}},
     "traffic": {"arrivals": {"closed": {"clients": 1, "think": "1s"}}, "load": 0.5},
     "arrivals": 1000, "warm_up": 501,
     "goals": [{"estimator": "nope", "pinball": 1, "flags": ["flatt"]}]}
  ]
})");
  for (const char* const expected :
       {"small.study.json:3: /replications: the minimum number of replications is 4",
        "/estimators/1: expected one of", "did you mean 'state'", "is missing: it is the default",
        "/workloads/0/name: a workload's name is made of", "/workloads/0/colour: unknown key",
        "/workloads/0/population/service/lognormal: 'sigma' is", "/workloads/1: there are no calls",
        "/workloads/2/name: there is already a workload \"empty\"",
        "/workloads/2/traffic/arrivals: traffic arrives independently",
        "'functions' are not scaled", "/workloads/2/warm_up: a warm-up of 501 is more than half",
        "/workloads/2/goals/0/pinball: unknown key",
        "/workloads/2/goals/0/flags/0: expected one of"}) {
    EXPECT_THAT(errors, HasSubstr(expected));
  }
}

TEST(StudyLanguage, RejectsContradictoryMembers) {
  EXPECT_THAT(errors_of(R"({"about": "x", "workloads": [{"name": "w", "about": "a",
    "functions": {"f": {}}, "population": {"functions": 1, "service": {"exponential": {"mean": "1s"}}},
    "traffic": {"arrivals": {"poisson": 1}}}]})"),
              HasSubstr("'population' is given too"));
  EXPECT_THAT(errors_of(R"({"about": "x", "workloads": [{"name": "w", "about": "a",
    "functions": {"f": {}}, "traffic": {"arrivals": {"poisson": 1}},
    "trace": {"folder": "t", "mode": "async"}}]})"),
              HasSubstr("only one of 'traffic', 'loads' and 'trace'"));
  EXPECT_THAT(errors_of(R"({"about": "x", "nodes": {"a": {}}, "workloads": [{"name": "w",
    "about": "a", "functions": {"f": {}}, "traffic": {"arrivals": {"poisson": 1}}}]})"),
              HasSubstr("a workload of a study has one node"));
  EXPECT_THAT(errors_of(R"({"about": "x", "workloads": [{"name": "w", "about": "a",
    "population": {"functions": 2,
                   "service": {"pareto": {"minimum": "1s", "shape": [0.5, 0.9]}}},
    "traffic": {"arrivals": {"poisson": 1}, "load": 0.5}}]})"),
              HasSubstr("no finite mean"));
  EXPECT_THAT(errors_of(R"({"about": "x", "workloads": [{"name": "w", "about": "a",
    "population": {"functions": 2, "service": {"exponential": {"mean": "1s"}}},
    "traffic": {"arrivals": {"at": ["1s"]}, "load": 0.5}}]})"),
              HasSubstr("'load' needs a process with a rate"));
}

TEST(StudyLanguage, ComputesMeanRates) {
  namespace arrivals = sim::arrivals;
  EXPECT_EQ(mean_rate(arrivals::Poisson{3}), 3);
  EXPECT_EQ(mean_rate(arrivals::Deterministic{.interval = 250ms, .start = {}}), 4);
  EXPECT_EQ(mean_rate(arrivals::Diurnal{5, 0.5, 1h, 0s}), 5);
  EXPECT_EQ(mean_rate(arrivals::Mmpp{
                {{.rate = 1, .mean_sojourn = 30s}, {.rate = 5, .mean_sojourn = 10s}}}),
            2);
  EXPECT_EQ(mean_rate(arrivals::Renewal{sim::distribution::Constant{500ms}}), 2);
  EXPECT_FALSE(mean_rate(arrivals::AtTimes{}));
}

}  // namespace
}  // namespace quintain::study
