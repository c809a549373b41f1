#include "study/statistics/strata.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <vector>

namespace quintain::study::statistics {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(Strata, AreOfEqualSizeIfValuesDiffer) {
  const Strata quintiles({9, 1, 3, 7, 5, 10, 2, 4, 6, 8}, 5);
  EXPECT_THAT(quintiles.borders(), ElementsAre(2, 4, 6, 8));
  EXPECT_EQ(quintiles.count(), 5u);
  EXPECT_EQ(quintiles.of(2), 0u);
  EXPECT_EQ(quintiles.of(2.5), 1u);
  EXPECT_EQ(quintiles.of(8), 3u);
  EXPECT_EQ(quintiles.of(10), 4u);
  EXPECT_EQ(quintiles.of(-100), 0u);
  EXPECT_EQ(quintiles.of(100), 4u);
  EXPECT_THAT(Strata({1, 2, 3, 4}, 3).borders(), ElementsAre(2, 3));
}

TEST(Strata, NeverSeparateEqualValues) {
  EXPECT_THAT(Strata({0, 0, 0, 0, 0, 0, 1, 2, 3, 4}, 5).borders(), ElementsAre(0, 2));
  EXPECT_THAT(Strata({1, 2, 3, 9, 9, 9, 9, 9, 9, 9}, 3).borders(), IsEmpty());
  EXPECT_THAT(Strata({7}, 5).borders(), IsEmpty());
  EXPECT_THAT(Strata({1, 2}, 1).borders(), IsEmpty());
}

RC_GTEST_PROP(StrataProperty, AreNeverEmptyAndOfAboutEqualSize, ()) {
  const auto values = *rc::gen::nonEmpty(rc::gen::container<std::vector<double>>(
      rc::gen::map(rc::gen::inRange(0, 40), [](int i) { return i / 3.0; })));
  const auto groups = *rc::gen::inRange<std::size_t>(1, 8);
  const Strata strata(values, groups);
  RC_ASSERT(strata.count() <= groups);
  std::vector<std::size_t> sizes(strata.count());
  for (const double value : values) ++sizes[strata.of(value)];
  RC_ASSERT(!std::ranges::count(sizes, 0u));
  std::vector<double> distinct = values;
  std::ranges::sort(distinct);
  if (std::ranges::adjacent_find(distinct) != distinct.end()) return;
  // Without equal values, sizes differ by at most one.
  RC_ASSERT(strata.count() == std::min(groups, values.size()));
  const auto [least, most] = std::ranges::minmax(sizes);
  RC_ASSERT(most - least <= 1);
}

}  // namespace
}  // namespace quintain::study::statistics
