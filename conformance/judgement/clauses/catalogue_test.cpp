#include <gmock/gmock.h>

#include <map>
#include <set>
#include <string>

#include "conformance/judgement/clauses/clause.h"

namespace quintain::conformance {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

std::string_view family_of(std::string_view id) { return id.substr(0, id.find('-')); }

TEST(Catalogue, HasEveryClauseOfEveryFamily) {
  std::map<std::string_view, int> counts;
  for (const Clause& clause : all_clauses()) ++counts[family_of(clause.id)];
  EXPECT_THAT(counts,
              ElementsAre(Pair("ASYNC", 11), Pair("CANCEL", 12), Pair("DRAIN", 2), Pair("DUR", 3),
                          Pair("ETA", 7), Pair("FIELD", 3), Pair("IDEM", 7), Pair("LIST", 9),
                          Pair("MODE", 4), Pair("PAYLOAD", 2), Pair("RETRY", 5), Pair("STATE", 13),
                          Pair("STATS", 7), Pair("STREAM", 6), Pair("SYNC", 9), Pair("TASK", 11),
                          Pair("TIME", 7), Pair("WIRE", 5)));
}

TEST(Catalogue, NumbersEachFamilyFromOneWithoutAGap) {
  // Hence ids are well-formed and unique.
  std::map<std::string_view, int> last;
  std::set<std::string_view> closed;
  std::string_view family;
  for (const Clause& clause : all_clauses()) {
    if (family_of(clause.id) != family) {
      closed.insert(family);
      family = family_of(clause.id);
    }
    EXPECT_FALSE(closed.contains(family)) << clause.id << " is not next to its family";
    EXPECT_EQ(clause.id, std::string(family) + "-" + std::to_string(++last[family]));
  }
}

TEST(Catalogue, StatesEachClauseInOneSentence) {
  std::set<std::string_view> texts;
  for (const Clause& clause : all_clauses()) {
    EXPECT_TRUE(texts.insert(clause.text).second) << clause.id;
    EXPECT_TRUE(clause.text.ends_with('.')) << clause.id;
    EXPECT_EQ(clause.text.find(". "), std::string_view::npos) << clause.id;
    EXPECT_FALSE(clause.source.empty()) << clause.id;
  }
}

TEST(Catalogue, OnlyTheMeasuredClausesAreShould) {
  std::vector<std::string_view> should;
  for (const Clause& clause : all_clauses()) {
    if (clause.level == Level::kShould) should.push_back(clause.id);
  }
  EXPECT_THAT(should, ElementsAre("ETA-7"));
}

TEST(Catalogue, FindsClausesById) {
  ASSERT_NE(find_clause("STATE-10"), nullptr);
  EXPECT_EQ(find_clause("STATE-10")->id, "STATE-10");
  EXPECT_EQ(find_clause("STATE-99"), nullptr);
  EXPECT_EQ(find_clause("state-1"), nullptr);
}

}  // namespace
}  // namespace quintain::conformance
