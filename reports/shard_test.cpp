#include "reports/shard.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <rapidcheck/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <numeric>

#include "reports/formats.h"
#include "reports/testing/sample_report.h"

namespace quintain::reports {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::string message(const absl::Status& status) { return std::string(status.message()); }

TEST(ParseShard, ReadsTheNumberAndTheCount) {
  const auto shard = parse_shard("2/8");
  ASSERT_TRUE(shard.ok());
  EXPECT_EQ(shard->number, 2);
  EXPECT_EQ(shard->count, 8);
}

TEST(ParseShard, SaysWhatWouldBeRight) {
  for (const std::string text : {"", "2", "0/8", "9/8", "2/8x", "-1/8", "+1/8", "2//8", "2/", "/8",
                                 "1/100001", "1/99999999999", " 1/2"}) {
    const auto shard = parse_shard(text);
    ASSERT_FALSE(shard.ok()) << text;
    EXPECT_THAT(message(shard.status()),
                AllOf(HasSubstr("'" + text + "'"), HasSubstr("I/N with 1 <= I <= N")));
  }
}

RC_GTEST_PROP(PlacesOfShard, EveryPlaceIsInOneShardAndNoShardIsMuchLarger,
              (const std::vector<std::uint16_t>& drawn)) {
  const auto repeats = *rc::gen::inRange<std::size_t>(1, 5);
  const auto count = *rc::gen::inRange(1, 9);
  const std::vector<double> costs(drawn.begin(), drawn.end());
  std::vector<int> shards(costs.size() * repeats);
  double total = 0;
  double most_expensive = 0;
  std::vector<double> loads(static_cast<std::size_t>(count));
  for (int number = 1; number <= count; ++number) {
    const auto places = places_of_shard(costs, repeats, {.number = number, .count = count});
    RC_ASSERT(places.size() == shards.size());
    for (std::size_t i = 0; i < places.size(); ++i) {
      if (!places[i]) continue;
      ++shards[i];
      const double cost = costs[i / repeats] + 1;
      loads[static_cast<std::size_t>(number - 1)] += cost;
      total += cost;
      most_expensive = std::max(most_expensive, cost);
    }
  }
  RC_ASSERT(std::ranges::all_of(shards, [](int times) { return times == 1; }));
  // The bound of list scheduling: the average and one more case.
  RC_ASSERT(std::ranges::max(loads) <= total / count + most_expensive);
}

class ShardMergeTest : public ::testing::Test {
 protected:
  ShardMergeTest() {
    std::string pattern = ::testing::TempDir() + "shard_merge_XXXXXX";
    folder_ = mkdtemp(pattern.data());
    merge_.emplace(ReportStream::Options{.json = path()}, [](const auto& shards) {
      std::vector<Case> all;
      for (const auto& cases : shards) all.insert(all.end(), cases.begin(), cases.end());
      return all;
    });
  }
  ~ShardMergeTest() override { std::filesystem::remove_all(folder_); }

  std::string path() const { return (folder_ / "merged.json").string(); }

  /// The part of sample_report() that has every `count`-th case.
  static Report part(int number, int count) {
    const Report whole = sample_report();
    Report report = whole;
    report.cases.clear();
    report.shard = {.number = number, .count = count, .cases = std::ssize(whole.cases)};
    for (std::size_t i = 0; i < whole.cases.size(); ++i) {
      if (static_cast<int>(i) % count != number - 1) continue;
      report.cases.push_back(whole.cases[i]);
      report.shard->places.push_back(static_cast<std::int64_t>(i));
    }
    return report;
  }

  std::string refusal(const Report& report) { return message(merge_->add("r.json", report)); }

  std::filesystem::path folder_;
  std::optional<ShardMerge> merge_;
};

TEST_F(ShardMergeTest, TheResultIsTheWholeReport) {
  for (const int number : {2, 3, 1}) {
    Report shard = part(number, 3);
    // Each shard is read from its own JSON, as it is by the program.
    const auto read = from_json(*to_json(shard));
    ASSERT_TRUE(read.ok()) << read.status();
    ASSERT_EQ(*read, shard);
    ASSERT_TRUE(merge_->add(fmt::format("{}.json", number), *read).ok());
  }
  const auto head = merge_->finish();
  ASSERT_TRUE(head.ok()) << head.status();
  ASSERT_TRUE(merge_->stream().write_files(*head).empty());
  std::ifstream in(path());
  const std::string merged{std::istreambuf_iterator<char>(in), {}};
  const auto without_clock = [](const std::string& text) {
    return text.substr(0, text.find("\"wall_clock\""));
  };
  EXPECT_EQ(without_clock(merged), without_clock(*to_json(sample_report())));
}

TEST_F(ShardMergeTest, TheWallClockIsThatOfAllShards) {
  Report first = part(1, 2);
  first.wall_clock = {.started_at = "2024-05-01T12:00:07Z",
                      .duration_seconds = 2,
                      .jobs = 1,
                      .environment = {{"compiler", "g++"}, {"cores", "2"}}};
  Report second = part(2, 2);
  second.wall_clock = {.started_at = "2024-05-01T12:00:03Z",
                       .duration_seconds = 5,
                       .jobs = 4,
                       .environment = {{"compiler", "g++"}, {"cores", "8"}}};
  ASSERT_TRUE(merge_->add("1", first).ok());
  ASSERT_TRUE(merge_->add("2", second).ok());
  const WallClock wall = merge_->finish()->wall_clock;
  EXPECT_EQ(wall.started_at, "2024-05-01T12:00:03Z");
  EXPECT_EQ(wall.duration_seconds, 7);
  EXPECT_EQ(wall.jobs, 4);
  EXPECT_THAT(wall.environment, ::testing::ElementsAre(::testing::Pair("compiler", "g++")));
}

TEST_F(ShardMergeTest, MissingShardsAreListed) {
  EXPECT_THAT(message(merge_->finish().status()), HasSubstr("no report of a shard"));
  ASSERT_TRUE(merge_->add("2", part(2, 4)).ok());
  EXPECT_EQ(message(merge_->finish().status()), "shards are missing: 1/4, 3/4, 4/4");
}

TEST_F(ShardMergeTest, AReportThatDoesNotBelongToTheOthersIsRefused) {
  ASSERT_TRUE(merge_->add("first.json", part(1, 3)).ok());
  EXPECT_THAT(refusal(sample_report()), HasSubstr("it is a whole report"));
  EXPECT_THAT(refusal(part(1, 3)), HasSubstr("it is shard 1/3, as 'first.json' is"));
  EXPECT_THAT(refusal(part(2, 4)), HasSubstr("its number of shards is 4, but"));
  Report other = part(2, 3);
  other.command = "quintain run other";
  EXPECT_THAT(refusal(other), HasSubstr("its command is 'quintain run other', but"));
  other = part(2, 3);
  other.tool_version = "9";
  EXPECT_THAT(refusal(other), HasSubstr("its program's version is 9, but"));
  other = part(2, 3);
  other.seeds = {99};
  EXPECT_THAT(refusal(other), HasSubstr("its seeds"));
  other = part(2, 3);
  other.shard->inputs = 1;
  EXPECT_THAT(refusal(other), HasSubstr("the scenarios differ"));
  other = part(2, 3);
  other.incomplete = "interrupted by SIGINT";
  EXPECT_THAT(refusal(other), HasSubstr("incomplete (interrupted by SIGINT); run the shard again"));
  other = part(2, 3);
  ++other.shard->cases;
  EXPECT_THAT(refusal(other), HasSubstr("its number of cases in all shards"));
  // None of them was added.
  EXPECT_EQ(message(merge_->finish().status()), "shards are missing: 2/3, 3/3");
}

TEST_F(ShardMergeTest, WorldsAreCombined) {
  for (const int number : {2, 1}) {
    Report shard = sample_report();
    shard.cases = {sample_case(fmt::format("of-{}", number))};
    shard.shard = {.number = number, .count = 2, .of_worlds = true};
    const auto read = from_json(*to_json(shard));
    ASSERT_TRUE(read.ok()) << read.status();
    ASSERT_EQ(*read, shard);
    ASSERT_TRUE(merge_->add("shard.json", *read).ok());
  }
  EXPECT_THAT(refusal(part(1, 2)), HasSubstr("number of cases in all shards"));
  const auto head = merge_->finish();
  ASSERT_TRUE(head.ok());
  ASSERT_TRUE(merge_->stream().write_files(*head).empty());
  Report whole = sample_report();
  whole.cases = {sample_case("of-1"), sample_case("of-2")};
  std::ifstream in(path());
  const std::string merged{std::istreambuf_iterator<char>(in), {}};
  const std::string wanted = *to_json(whole);
  EXPECT_EQ(merged.substr(0, merged.find("\"wall_clock\"")),
            wanted.substr(0, wanted.find("\"wall_clock\"")));
}

TEST_F(ShardMergeTest, PlacesThatAreTakenOrOutOfRangeAreRefused) {
  ASSERT_TRUE(merge_->add("first.json", part(1, 3)).ok());
  for (const std::int64_t place : {std::int64_t{0}, std::int64_t{-1}, std::int64_t{1} << 40}) {
    Report other = part(2, 3);
    other.shard->places.front() = place;
    EXPECT_THAT(refusal(other), HasSubstr("is in another shard too, or there is none"));
  }
  Report other = part(2, 3);
  other.shard->cases = std::int64_t{1} << 60;
  EXPECT_THAT(refusal(other), HasSubstr("contradicts itself"));
  other = part(2, 3);
  other.shard->places.pop_back();
  EXPECT_THAT(refusal(other), HasSubstr("contradicts itself"));
  EXPECT_TRUE(merge_->add("second.json", part(2, 3)).ok());
}

}  // namespace
}  // namespace quintain::reports
