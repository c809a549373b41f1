#include "reports/shard.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <numeric>
#include <queue>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace quintain::reports {
namespace {

// The missing shards that an error lists.
constexpr std::size_t kMaxListed = 20;
// More cases than any run has: 10^6 seeds of 1,000 scenarios.
constexpr std::int64_t kMaxCases = 1'000'000'000;

bool parse_whole(std::string_view text, int& value) {
  const bool digits = std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
  return digits && absl::SimpleAtoi(absl::string_view(text.data(), text.size()), &value);
}

}  // namespace

absl::StatusOr<ShardNumber> parse_shard(std::string_view text) {
  const std::size_t slash = text.find('/');
  ShardNumber shard;
  if (slash == std::string_view::npos || !parse_whole(text.substr(0, slash), shard.number) ||
      !parse_whole(text.substr(slash + 1), shard.count) || shard.number < 1 ||
      shard.number > shard.count || shard.count > kMaxShards) {
    return absl::InvalidArgumentError(
        fmt::format("'{}' is not of the form I/N with 1 <= I <= N <= {}", text, kMaxShards));
  }
  return shard;
}

std::string missing_shards(const std::vector<bool>& there) {
  std::vector<std::string> missing;
  for (std::size_t i = 0; i < there.size(); ++i) {
    if (!there[i]) missing.push_back(fmt::format("{}/{}", i + 1, there.size()));
  }
  const std::size_t listed = std::min(missing.size(), kMaxListed);
  const std::string more =
      missing.size() > listed ? fmt::format(" and {} more", missing.size() - listed) : "";
  missing.resize(listed);
  return absl::StrJoin(missing, ", ") + more;
}

std::vector<bool> places_of_shard(const std::vector<double>& costs, std::size_t repeats,
                                  ShardNumber shard) {
  std::vector<std::size_t> order(costs.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, std::ranges::greater{}, [&](std::size_t i) { return costs[i]; });
  using Load = std::pair<double, int>;  // the cost so far, and the shard
  std::priority_queue<Load, std::vector<Load>, std::greater<>> loads;
  for (int i = 1; i <= shard.count; ++i) loads.emplace(0, i);
  std::vector<bool> chosen(costs.size() * repeats);
  for (const std::size_t item : order) {
    for (std::size_t i = 0; i < repeats; ++i) {
      auto [load, number] = loads.top();
      loads.pop();
      chosen[item * repeats + i] = number == shard.number;
      // Starting a case costs something, too: cases that cost nothing are spread over all shards.
      loads.emplace(load + costs[item] + 1, number);
    }
  }
  return chosen;
}

ShardMerge::ShardMerge(ReportStream::Options files, CombineWorlds combine_worlds)
    : files_(std::move(files)), combine_worlds_(std::move(combine_worlds)) {}

absl::Status ShardMerge::check(const Report& report) const {
  if (!report.shard) return absl::InvalidArgumentError("it is a whole report, not that of a shard");
  const Shard& shard = *report.shard;
  const auto wrong = [](std::string_view what) {
    return absl::InvalidArgumentError(std::string(what));
  };
  if (shard.number < 1 || shard.number > shard.count || shard.count > kMaxShards ||
      shard.cases < 0 || shard.cases > kMaxCases ||
      shard.places.size() != (shard.of_worlds ? 0 : report.cases.size())) {
    return wrong("its shard contradicts itself");
  }
  if (!report.incomplete.empty()) {
    return wrong(fmt::format("it is incomplete ({}); run the shard again", report.incomplete));
  }
  if (!head_) return absl::OkStatus();
  const auto differs = [&](std::string_view what, const auto& ours, const auto& first) {
    return absl::InvalidArgumentError(
        fmt::format("{} is {}, but that of the first report is {}: they are not of one run", what,
                    ours, first));
  };
  if (shard.count != head_->shard->count) {
    return differs("its number of shards", shard.count, head_->shard->count);
  }
  if (shard.cases != head_->shard->cases || shard.of_worlds != head_->shard->of_worlds) {
    return differs("its number of cases in all shards", shard.cases, head_->shard->cases);
  }
  if (report.command != head_->command) {
    return differs("its command", "'" + report.command + "'", "'" + head_->command + "'");
  }
  if (shard.inputs != head_->shard->inputs) {
    return wrong("its cases are not those of the first report: the scenarios differ");
  }
  if (report.tool_version != head_->tool_version) {
    return differs("its program's version", report.tool_version, head_->tool_version);
  }
  if (report.seeds != head_->seeds || report.target != head_->target) {
    return wrong("its seeds or its target differ from those of the first report");
  }
  const std::string& same = names_[static_cast<std::size_t>(shard.number - 1)];
  if (!same.empty()) {
    return wrong(fmt::format("it is shard {}/{}, as '{}' is", shard.number, shard.count, same));
  }
  return absl::OkStatus();
}

absl::Status ShardMerge::add(const std::string& name, const Report& report) {
  if (absl::Status status = check(report); !status.ok()) return status;
  const Shard& shard = *report.shard;
  std::vector<bool> places = places_;
  places.resize(static_cast<std::size_t>(std::max<std::int64_t>(shard.cases, 0)));
  for (const std::int64_t place : shard.places) {
    if (place < 0 || place >= shard.cases || places[static_cast<std::size_t>(place)]) {
      return absl::InvalidArgumentError(fmt::format(
          "case {} of {} is in another shard too, or there is none", place, shard.cases));
    }
    places[static_cast<std::size_t>(place)] = true;
  }
  places_ = std::move(places);
  if (!head_) {
    files_.seeds = report.seeds;
    stream_ = std::make_unique<ReportStream>(files_);
    names_.resize(static_cast<std::size_t>(shard.count));
    worlds_.resize(shard.of_worlds ? names_.size() : 0);
    head_ = Report{.tool_version = report.tool_version,
                   .command = report.command,
                   .seeds = report.seeds,
                   .target = report.target,
                   .shard = Shard{.number = 1,
                                  .count = shard.count,
                                  .of_worlds = shard.of_worlds,
                                  .inputs = shard.inputs,
                                  .cases = shard.cases},
                   .wall_clock = report.wall_clock};
  } else {
    add_wall_clock(report.wall_clock);
  }
  const auto index = static_cast<std::size_t>(shard.number - 1);
  names_[index] = name;
  if (shard.of_worlds) {
    worlds_[index] = report.cases;
    return absl::OkStatus();
  }
  for (std::size_t i = 0; i < report.cases.size(); ++i) {
    stream_->add(static_cast<std::size_t>(shard.places[i]), report.cases[i]);
  }
  return absl::OkStatus();
}

void ShardMerge::add_wall_clock(const WallClock& wall) {
  WallClock& all = head_->wall_clock;
  all.started_at = std::min(all.started_at, wall.started_at);
  all.duration_seconds += wall.duration_seconds;
  all.jobs = std::max(all.jobs, wall.jobs);
  std::erase_if(all.environment,
                [&](const auto& fact) { return std::ranges::count(wall.environment, fact) == 0; });
}

absl::StatusOr<Report> ShardMerge::finish() {
  if (!head_) return absl::InvalidArgumentError("there is no report of a shard");
  std::vector<bool> there;
  for (const std::string& name : names_) there.push_back(!name.empty());
  if (const std::string missing = missing_shards(there); !missing.empty()) {
    return absl::InvalidArgumentError("shards are missing: " + missing);
  }
  if (std::ranges::count(places_, false) > 0) {
    return absl::InvalidArgumentError("cases are missing, though all shards are there");
  }
  if (!worlds_.empty()) {
    const std::vector<Case> cases = combine_worlds_(worlds_);
    for (std::size_t i = 0; i < cases.size(); ++i) stream_->add(i, cases[i]);
  }
  Report head = *head_;
  head.shard.reset();
  head.wall_clock.executions_per_second = stream_->executions() / head.wall_clock.duration_seconds;
  head.wall_clock.events_per_second = stream_->events() / head.wall_clock.duration_seconds;
  return head;
}

}  // namespace quintain::reports
