#include "conformance/self_testing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "conformance/judgement/clauses/clause.h"
#include "conformance/verdicts.h"

namespace quintain::conformance {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(SelfTest, CatchesEveryFaultyCoreAndOnlyThose) {
  const std::vector<CoreVerdict> matrix = run_self_test(2, {});
  const std::vector<MutationVerdict> mutations = run_mutations(2, {});
  EXPECT_THAT(problems(matrix, mutations), IsEmpty());
  EXPECT_GT(matrix.size(), all_clauses().size()) << "there are fewer faults than clauses";
  std::ifstream file(QUINTAIN_SOURCE_DIR "/docs/clauses.md");
  std::stringstream page;
  page << file.rdbuf();
  EXPECT_EQ(page.str(), clauses_page(matrix, mutations))
      << "generate it again: quintain conform --self-test --markdown docs/clauses.md";
}

// The verdicts of a perfect suite, without running it.
std::vector<CoreVerdict> perfect() {
  std::vector<CoreVerdict> verdicts(1);
  for (const FaultyCore& core : faulty_cores()) {
    CoreVerdict& verdict = verdicts.emplace_back();
    verdict.core = &core;
    for (const std::string_view clause : core.caught_by) {
      verdict.violated[std::string(clause)].insert("a/case");
    }
  }
  return verdicts;
}

// The generated faults that alone prove some clauses.
std::vector<MutationVerdict> perfect_mutations() {
  return {{.mutation = find_mutation("GetStats/answer-late"),
           .caught_by = &all_cases().front(),
           .clauses = {"WIRE-5", "TASK-11", "STATS-7", "FIELD-3"}}};
}

TEST(SelfTest, ReportsNoProblemOfAPerfectSuite) {
  EXPECT_THAT(problems(perfect(), perfect_mutations()), IsEmpty());
}

CoreVerdict without(const CoreVerdict& verdict, const std::string& clause) {
  CoreVerdict changed = verdict;
  changed.violated.erase(clause);
  return changed;
}

TEST(SelfTest, ReportsAClauseThatTheCorrectCoreViolates) {
  std::vector<CoreVerdict> verdicts = perfect();
  verdicts.front().violated["SYNC-1"].insert("sync/completes");
  EXPECT_THAT(problems(verdicts, perfect_mutations()),
              ElementsAre(HasSubstr("the correct core violates SYNC-1")));
}

TEST(SelfTest, ReportsAnAbortedCase) {
  std::vector<CoreVerdict> verdicts = perfect();
  verdicts.front().aborted.emplace_back("sync/completes: no fixture");
  EXPECT_THAT(problems(verdicts, perfect_mutations()), ElementsAre(HasSubstr("no fixture")));
}

TEST(SelfTest, ReportsAFaultThatIsNotCaught) {
  std::vector<CoreVerdict> verdicts = perfect();
  for (CoreVerdict& verdict : verdicts) {
    if (verdict.core == nullptr) continue;
    const std::string clause(verdict.core->caught_by.front());
    verdict = without(verdict, clause);
    EXPECT_THAT(missed_clauses(verdict), ElementsAre(clause));
    EXPECT_THAT(problems(verdicts, perfect_mutations()),
                Contains(HasSubstr(std::string(verdict.core->name))));
    break;
  }
}

TEST(SelfTest, ReportsAGeneratedFaultThatIsMissed) {
  std::vector<MutationVerdict> mutations = perfect_mutations();
  mutations.push_back({.mutation = find_mutation("GetStats/effect-twice")});
  EXPECT_THAT(problems(perfect(), mutations),
              ElementsAre(HasSubstr("GetStats/effect-twice is caught by no case")));
  mutations.back().free = &free_mutations().front();
  EXPECT_THAT(problems(perfect(), mutations), IsEmpty());
}

TEST(SelfTest, ReportsAClauseThatCatchesNothing) {
  std::vector<CoreVerdict> verdicts = perfect();
  std::erase_if(verdicts, [](const CoreVerdict& verdict) {
    if (verdict.core == nullptr) return false;
    const auto& clauses = verdict.core->caught_by;
    return std::find(clauses.begin(), clauses.end(), "LIST-5") != clauses.end();
  });
  EXPECT_THAT(problems(verdicts, perfect_mutations()),
              ElementsAre(HasSubstr("LIST-5 catches none")));
}

}  // namespace
}  // namespace quintain::conformance
