// The fast linearizability check, on examples and compared with a brute-force search.
#include "conformance/judgement/history/monotone.h"

#include <gmock/gmock.h>
#include <rapidcheck.h>

#include <vector>

#include "conformance/judgement/testing/linearization_search.h"

namespace quintain::conformance {
namespace {

Moment moment(std::int64_t at, std::uint64_t next = 0) {
  return {core::Instant(core::Duration(at)), next};
}

Read read(std::int64_t start, std::int64_t end, int stage) {
  // Equal times are unordered: an end counts as later than a start.
  return {moment(start, 0), moment(end, 1), stage};
}

TEST(FindContradiction, AcceptsOverlappingReadsThatDisagree) {
  EXPECT_FALSE(find_contradiction({}));
  EXPECT_FALSE(find_contradiction(std::vector{read(0, 10, 1), read(5, 20, 0)}));
  EXPECT_FALSE(find_contradiction(std::vector{read(0, 10, 1), read(10, 20, 0)}));
  EXPECT_FALSE(find_contradiction(std::vector{read(0, 10, 0), read(11, 20, 2)}));
}

TEST(FindContradiction, RejectsALaterReadOfAnEarlierStage) {
  const auto found = find_contradiction(std::vector{read(0, 10, 1), read(11, 20, 0)});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->earlier, 0U);
  EXPECT_EQ(found->later, 1U);
}

TEST(FindContradiction, OrdersEqualTimesByCallNumber) {
  const Read first = {moment(0, 1), moment(10, 2), 1};
  EXPECT_TRUE(find_contradiction(std::vector{first, Read{moment(10, 2), moment(10, 3), 0}}));
  const Read open = {moment(0, 1), moment(10, 3), 1};
  EXPECT_FALSE(find_contradiction(std::vector{open, Read{moment(10, 2), moment(10, 3), 0}}));
}

TEST(FindContradiction, ReturnsTheContradictionThatEndsFirst) {
  const auto found = find_contradiction(
      std::vector{read(0, 1, 0), read(2, 3, 2), read(4, 100, 0), read(5, 50, 1), read(6, 7, 2)});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->earlier, 1U);
  EXPECT_EQ(found->later, 3U);
}

TEST(FindContradiction, ReturnsTheFirstReadOfTheHighestStage) {
  const auto found =
      find_contradiction(std::vector{read(0, 1, 1), read(2, 3, 2), read(2, 4, 2), read(5, 6, 0)});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->earlier, 1U);
}

// ---- Compared with a search ---------------------------------------------------------------------

rc::Gen<std::vector<Read>> any_reads() {
  const auto one =
      rc::gen::map(rc::gen::tuple(rc::gen::inRange<std::int64_t>(0, 20),
                                  rc::gen::inRange<std::int64_t>(0, 6), rc::gen::inRange(0, 3)),
                   [](const auto& parts) {
                     const auto [start, length, stage] = parts;
                     return read(start, start + length, stage);
                   });
  return rc::gen::mapcat(rc::gen::inRange<std::size_t>(0, 7), [one](std::size_t count) {
    return rc::gen::container<std::vector<Read>>(count, one);
  });
}

TEST(FindContradiction, AgreesWithASearchOfAllLinearizations) {
  int illegal = 0;
  EXPECT_TRUE(rc::check([&] {
    const std::vector<Read> reads = *any_reads();
    const bool legal = is_linearizable(reads);
    illegal += legal ? 0 : 1;
    RC_ASSERT(legal == !find_contradiction(reads).has_value());
  }));
  EXPECT_GT(illegal, 10) << "too few illegal histories were generated";
}

TEST(FindContradiction, ReturnsAContradictionWithoutWhichTheHistoryIsLegal) {
  EXPECT_TRUE(rc::check([] {
    const std::vector<Read> reads = *any_reads();
    const auto found = find_contradiction(reads);
    if (!found) return;
    RC_ASSERT(precedes(reads[found->earlier], reads[found->later]));
    RC_ASSERT(reads[found->earlier].stage > reads[found->later].stage);
    std::vector<Read> before;
    for (const Read& read : reads) {
      if (read.end < reads[found->later].end) before.push_back(read);
    }
    RC_ASSERT(is_linearizable(before));
  }));
}

}  // namespace
}  // namespace quintain::conformance
