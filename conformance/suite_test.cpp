// The suite with small cases, and consistency checks of all cases.
#include "conformance/suite.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "conformance/case_run.h"
#include "conformance/fixtures/fixture_runtime.h"
#include "conformance/judgement/clauses/clause.h"

namespace quintain::conformance {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

class SuiteTest : public testing::Test {
 protected:
  SuiteOptions options(std::string_view profile = "contract") {
    return {.manifest = &manifest_, .profile = find_profile(profile), .connect = [] {
              return make_sim_transport(reference_node(), nullptr);
            }};
  }

  CaseResult run(const Case& test_case) { return run_case(test_case, options(), 1); }

  Manifest manifest_ = reference_manifest();
};

TEST_F(SuiteTest, JudgesAllCallsByRules) {
  const Case test_case{
      .name = "x/one", .about = "", .clauses = {"SYNC-1"}, .run = [](CaseRun& run) {
        run.call(run.sync("echo"));
      }};
  const CaseResult result = run(test_case);
  EXPECT_THAT(result.error + result.aborted + result.skipped, IsEmpty());
  EXPECT_TRUE(result.findings.judged("SYNC-1"));
  EXPECT_EQ(result.recorded_calls.size(), 1U);
}

TEST_F(SuiteTest, ReportsACaseThatDoesNotJudgeItsClause) {
  const Case test_case{
      .name = "x/idle", .about = "", .clauses = {"IDEM-4"}, .run = [](CaseRun&) {}};
  EXPECT_THAT(run(test_case).error, HasSubstr("IDEM-4"));
}

TEST_F(SuiteTest, DoesNotJudgeACaseThatTheManifestLacksSomethingFor) {
  manifest_.fixtures.erase("echo");
  manifest_.node.slots.reset();
  const Case fixture{
      .name = "x/f", .about = "", .clauses = {"SYNC-1"}, .fixtures = {"echo"}, .run = [](CaseRun&) {
      }};
  EXPECT_THAT(run(fixture).not_judged, HasSubstr("'echo'"));
  const Case fact{.name = "x/n",
                  .about = "",
                  .clauses = {"SYNC-1"},
                  .needs = {Need::kSlots},
                  .run = [](CaseRun&) {}};
  EXPECT_THAT(run(fact).not_judged, HasSubstr("node.slots"));
}

TEST_F(SuiteTest, BlocksWhatDependsOnAFailedSmokeCase) {
  const auto judge_sync = [](CaseRun&) { CaseRun::abort("nothing works"); };
  const auto hold = [](CaseRun& run) { run.check("SYNC-2", true, "", ""); };
  const Case other{.name = "x/o", .about = "", .clauses = {"SYNC-2"}, .run = hold};
  const Case alone{
      .name = "x/a", .about = "", .clauses = {"SYNC-2"}, .depends_on = Smoke::kNone, .run = hold};
  const Case smoke{
      .name = std::string(kSmokeSync), .about = "", .clauses = {"SYNC-2"}, .run = judge_sync};
  const std::vector<const Case*> cases{&other, &alone, &smoke};
  SuiteOptions blocking = options();
  blocking.smoke_first = true;
  const auto results = run_suite(cases, blocking);
  EXPECT_EQ(results[0].not_judged, "blocked by smoke/sync, which failed");
  EXPECT_THAT(results[1].not_judged, IsEmpty());
  EXPECT_EQ(results[2].aborted, "nothing works");
  EXPECT_THAT(run_suite(cases, options())[0].not_judged, IsEmpty()) << "only on request";
}

TEST_F(SuiteTest, AStopEndsWaitingCasesAndTheRest) {
  const Case waits{.name = "x/w", .about = "", .clauses = {"SYNC-2"}, .run = [](CaseRun& run) {
                     run.sleep_for(std::chrono::hours(1));
                   }};
  const Case later{.name = "x/l", .about = "", .clauses = {"SYNC-2"}, .run = [](CaseRun&) {}};
  const std::vector<const Case*> cases{&waits, &later};
  SuiteOptions stopping = options();
  std::atomic<int> asked = 0;
  stopping.stop = [&] { return ++asked > 5 ? "interrupted by SIGINT" : ""; };
  const auto results = run_suite(cases, stopping);
  EXPECT_EQ(results[0].not_judged, "interrupted by SIGINT");
  EXPECT_EQ(results[1].not_judged, "interrupted by SIGINT");
}

TEST_F(SuiteTest, DoesNotJudgeExclusiveCasesOnASharedNode) {
  manifest_.shared = true;
  Case test_case{.name = "x/e",
                 .about = "",
                 .clauses = {"SYNC-1"},
                 .exclusive = true,
                 .run = [](CaseRun& run) { run.call(run.sync("echo")); }};
  EXPECT_THAT(run(test_case).not_judged, HasSubstr("shared"));
  test_case.exclusive = false;
  EXPECT_THAT(run(test_case).not_judged, IsEmpty());
}

// Breaks the connection under some calls.
class BreakingTransport final : public Transport {
 public:
  BreakingTransport(std::unique_ptr<Transport> inner, bool breaks)
      : inner_(std::move(inner)), breaks_(breaks) {}

  core::Instant now() const override { return inner_->now(); }
  core::WallTime wall_now() const override { return inner_->wall_now(); }
  std::uint64_t start(WireCall call) override {
    if (!breaks_) return inner_->start(std::move(call));
    call.on_end(absl::UnavailableError("Socket closed"));
    return 0;
  }
  void abandon(std::uint64_t call) override { inner_->abandon(call); }
  void reconnect() override { inner_->reconnect(); }
  bool run_until(core::Instant until, const std::function<bool()>& done) override {
    return inner_->run_until(until, done);
  }
  core::Duration slack() const override { return inner_->slack(); }
  absl::StatusOr<google::protobuf::FileDescriptorSet> describe() override {
    return inner_->describe();
  }
  absl::StatusOr<HttpAnswer> get(const std::string& endpoint) override {
    return inner_->get(endpoint);
  }

 private:
  std::unique_ptr<Transport> inner_;
  bool breaks_;
};

TEST_F(SuiteTest, ABrokenConnectionIsTriedAgainAndThenInconclusive) {
  const Case test_case{.name = "x/b", .about = "", .clauses = {"SYNC-2"}, .run = [](CaseRun& run) {
                         const InvokeCall call = run.call(run.sync("echo"));
                         run.check("SYNC-2", call, call.answered(), "it is answered");
                       }};
  int connections = 0;
  int broken = 1;
  SuiteOptions live = options();
  live.virtual_time = false;
  live.connect = [&] {
    return std::make_unique<BreakingTransport>(make_sim_transport(reference_node(), nullptr),
                                               connections++ < broken);
  };
  const CaseResult once = run_case(test_case, live, 1);
  EXPECT_THAT(once.error, IsEmpty());
  EXPECT_FALSE(once.findings.violated("SYNC-2"));
  EXPECT_EQ(connections, 2);

  broken = 10;
  const CaseResult always = run_case(test_case, live, 1);
  EXPECT_THAT(always.error, HasSubstr("inconclusive"));
  EXPECT_FALSE(always.findings.violated("SYNC-2")) << "a reset is no violation";

  live.reachable = [] { return false; };
  const auto results = run_suite(std::vector<const Case*>{&test_case, &test_case}, live);
  EXPECT_EQ(results[1].not_judged, "the target can no longer be reached");
}

TEST_F(SuiteTest, SkipsACaseThatDoesNotApplyToTheProfile) {
  const Case test_case{.name = "x/eta", .about = "", .clauses = {"ETA-1"}, .run = [](CaseRun&) {}};
  EXPECT_THAT(run_case(test_case, options("spear-2026-05"), 1).skipped, HasSubstr("spear-2026-05"));
}

TEST_F(SuiteTest, SkipsACaseForTheOtherKindOfTime) {
  const Case live{.name = "x/l",
                  .about = "",
                  .clauses = {"WIRE-4"},
                  .live_only = "there is no port",
                  .run = [](CaseRun&) {}};
  EXPECT_THAT(run(live).skipped, HasSubstr("there is no port"));
  const Case exact{.name = "x/v",
                   .about = "",
                   .clauses = {"TIME-5"},
                   .virtual_time_only = "clocks differ",
                   .run = [](CaseRun&) {}};
  SuiteOptions real = options();
  real.virtual_time = false;
  EXPECT_THAT(run_case(exact, real, 1).skipped, HasSubstr("clocks differ"));
}

TEST_F(SuiteTest, ReportsATargetThatCannotBeReached) {
  const Case test_case{.name = "x/u", .about = "", .clauses = {"SYNC-1"}, .run = [](CaseRun&) {}};
  SuiteOptions nowhere = options();
  nowhere.connect = [] { return nullptr; };
  EXPECT_THAT(run_case(test_case, nowhere, 1).error, HasSubstr("reached"));
}

TEST_F(SuiteTest, ReportsExceptions) {
  const Case test_case{.name = "x/t", .about = "", .clauses = {"SYNC-1"}, .run = [](CaseRun&) {
                         throw std::runtime_error("a bug in a case");
                       }};
  EXPECT_EQ(run(test_case).error, "a bug in a case");
}

TEST_F(SuiteTest, ReturnsResultsInTheOrderOfTheCases) {
  std::vector<const Case*> cases;
  for (const Case& one : all_cases()) cases.push_back(&one);
  SuiteOptions many = options();
  many.jobs = 4;
  std::atomic<std::size_t> calls = 0;
  many.progress = [&](std::size_t, std::size_t of) {
    ++calls;
    EXPECT_EQ(of, cases.size());
  };
  const auto results = run_suite(cases, many);
  ASSERT_EQ(results.size(), cases.size());
  for (std::size_t i = 0; i < cases.size(); ++i) EXPECT_EQ(results[i].test_case, cases[i]);
  EXPECT_EQ(calls, cases.size());
}

TEST(Cases, NameExistingClausesAndFixtures) {
  std::set<std::string_view> names;
  const auto fixtures = fixture_names();
  for (const Case& one : all_cases()) {
    EXPECT_TRUE(names.insert(one.name).second) << one.name << " exists twice";
    EXPECT_FALSE(one.about.empty()) << one.name;
    EXPECT_FALSE(one.clauses.empty()) << one.name;
    for (const std::string_view clause : one.clauses) {
      EXPECT_NE(find_clause(clause), nullptr) << one.name << ": " << clause;
    }
    for (const std::string_view fixture : one.fixtures) {
      EXPECT_THAT(fixtures, testing::Contains(fixture)) << one.name;
    }
  }
}

TEST(Cases, JudgeEveryClause) {
  for (const Clause& clause : all_clauses()) {
    const auto judges = [&](const Case& one) {
      return std::find(one.clauses.begin(), one.clauses.end(), clause.id) != one.clauses.end();
    };
    EXPECT_TRUE(std::any_of(all_cases().begin(), all_cases().end(), judges)) << clause.id;
  }
}

}  // namespace
}  // namespace quintain::conformance
