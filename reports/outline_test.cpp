#include "reports/outline.h"

#include <gmock/gmock.h>

#include "reports/sample_report.h"

namespace quintain::reports {
namespace {

using ::testing::ElementsAre;

TEST(GroupByFolder, KeepsTheOrder) {
  const Report report = sample_report();
  std::vector<std::string> names;
  std::vector<std::size_t> sizes;
  for (const CaseGroup& group : group_by_folder(report)) {
    names.push_back(group.name);
    sizes.push_back(group.cases.size());
  }
  EXPECT_THAT(names, ElementsAre("cancel", "http", "retry", ""));
  EXPECT_THAT(sizes, ElementsAre(3, 1, 1, 1));
}

TEST(NameInGroup, TellsSeedsApartWhereThereAreSeveral) {
  Report report = sample_report();
  EXPECT_EQ(name_in_group(report.cases[0], report), "while-queued[mode=sync]");
  report.seeds = {7, 8};
  EXPECT_EQ(name_in_group(report.cases[0], report), "while-queued[mode=sync] seed=7");
  EXPECT_EQ(name_in_group(sample_case("a[file=x/y]"), {}), "a[file=x/y]");
}

TEST(Headline, SaysWhatCameOfTheCase) {
  std::vector<std::string> lines;
  for (const Case& c : sample_report().cases) lines.push_back(headline(c));
  EXPECT_THAT(lines,
              ElementsAre("", "expect/3: a is COMPLETED at 1s,", "the target speaks no HTTP",
                          "the target did not start", "known failure: backoff is not built yet",
                          "passes, so it is no longer a known failure: flaky clock"));
}

}  // namespace
}  // namespace quintain::reports
