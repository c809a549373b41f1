#include "cli/explore_report.h"

#include <gmock/gmock.h>

namespace quintain::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

scenarios::ExploredFailure failure(const std::string& check, std::uint64_t seed,
                                   std::int64_t worlds) {
  scenarios::ExploredFailure failure;
  failure.check = check;
  failure.observed = "it is (in 2 worlds) wrong";
  failure.seed = seed;
  failure.worlds = worlds;
  failure.drawn = {{"steps", {1, 2, 3}}};
  failure.document = {{"steps", {1}}};
  failure.tried = 9;
  return failure;
}

reports::Case shown(const std::string& check, std::uint64_t seed, std::int64_t worlds) {
  return failure_case(failure(check, seed, worlds), "seed-" + std::to_string(seed), "file.json");
}

scenarios::Explored explored(std::uint64_t worlds) {
  scenarios::Explored result;
  result.worlds = worlds;
  return result;
}

TEST(CombineExplored, ACheckIsShownInItsFirstWorldAndCountsAreAdded) {
  const reports::Case coverage = coverage_case(explored(3), true, false);
  const auto combined = combine_explored({{coverage, shown("a", 5, 2), shown("b", 9, 1)},
                                          {coverage, shown("a", 2, 4), shown("c", 2, 1)}});
  EXPECT_THAT(combined, ElementsAre(coverage_case(explored(6), true, true), shown("a", 2, 6),
                                    shown("c", 2, 1), shown("b", 9, 1)));
  EXPECT_THAT(combined[1].checks[0].observed,
              HasSubstr("it is (in 2 worlds) wrong (in 6 worlds; shrunk from 3 steps to 1"));
}

TEST(CombineExplored, ManyRandomWorldsHaveToReachEverySituation) {
  const auto verdict = [](bool random, std::uint64_t worlds) {
    const reports::Case coverage = coverage_case(explored(worlds), random, false);
    EXPECT_EQ(verdict_of(coverage), reports::Verdict::kPassed);
    return verdict_of(combine_explored({{coverage}, {coverage}}).front());
  };
  EXPECT_EQ(verdict(true, 2499), reports::Verdict::kPassed);
  EXPECT_EQ(verdict(true, 2500), reports::Verdict::kFailed);
  EXPECT_EQ(verdict(false, 2500), reports::Verdict::kPassed);
}

TEST(CombineExplored, NoMoreFailuresThanASearchReports) {
  std::vector<reports::Case> cases = {coverage_case(explored(1), true, false)};
  for (std::uint64_t seed = 40; seed > 0; --seed) {
    cases.push_back(shown("check" + std::to_string(seed), seed, 1));
  }
  const auto combined = combine_explored({cases});
  ASSERT_EQ(combined.size(), scenarios::kMaxExploredFailures + 1);
  EXPECT_EQ(combined[1].seed, 1U);
  EXPECT_EQ(combined.back().seed, scenarios::kMaxExploredFailures);
}

}  // namespace
}  // namespace quintain::cli
