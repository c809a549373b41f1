// Rules for GetStats and GetHealth: what the numbers of one answer say of each other.
#include <absl/container/flat_hash_set.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <numeric>

#include "conformance/judgement/rules/rules.h"
#include "spearlet/function.pb.h"

namespace quintain::conformance {
namespace {

using spearlet::ExecutionStats;
using spearlet::GetStatsRequest;
using spearlet::GetStatsResponse;

// A percentage may be rounded to one decimal.
constexpr double kPercentRounding = 0.06;

template <class Counts>
std::int64_t sum_of(const Counts& counts) {
  return std::accumulate(counts.begin(), counts.end(), std::int64_t{0},
                         [](std::int64_t sum, const auto& entry) { return sum + entry.second; });
}

// The answer's execution statistics, or nullptr.
const ExecutionStats* executions_in(const RecordedCall& recorded) {
  if (recorded.method != Method::kGetStats || !recorded.answered()) return nullptr;
  const auto& answer = recorded.answer_as<GetStatsResponse>();
  return answer.has_execution_stats() ? &answer.execution_stats() : nullptr;
}

void executions_are_counted_once(const RecordedCall& recorded, const Policies&, Opinion& opinion) {
  const ExecutionStats* const stats = executions_in(recorded);
  if (stats == nullptr) return;
  const std::initializer_list<std::int64_t> counts = {
      stats->running_executions(), stats->pending_executions(), stats->completed_executions(),
      stats->failed_executions()};
  const std::int64_t total = std::accumulate(counts.begin(), counts.end(), std::int64_t{0});
  const std::int64_t by_function = sum_of(stats->executions_by_function());
  opinion.require(std::ranges::min(counts) >= 0, "no count is negative",
                  [&] { return fmt::format("one is {}", std::ranges::min(counts)); });
  opinion.require(total <= by_function,
                  "executions_by_function counts at least those that are counted by status",
                  [&] { return fmt::format("{} by function, {} by status", by_function, total); });
}

void rate_fits_the_counts(const RecordedCall& recorded, const Policies&, Opinion& opinion) {
  const ExecutionStats* const stats = executions_in(recorded);
  if (stats == nullptr) return;
  const std::int64_t ended = sum_of(stats->executions_by_function()) - stats->running_executions() -
                             stats->pending_executions();
  const double rate = ended <= 0 ? 0
                                 : 100.0 * static_cast<double>(stats->completed_executions()) /
                                       static_cast<double>(ended);
  opinion.require(ended <= 0 || std::abs(stats->success_rate_percent() - rate) <= kPercentRounding,
                  fmt::format("success_rate_percent is {:.1f}: {} COMPLETED of {} that have ended",
                              rate, stats->completed_executions(), ended),
                  [&] { return fmt::format("it is {}", stats->success_rate_percent()); });
  const double average = stats->average_execution_time_ms();
  opinion.require(std::isfinite(average) && average >= 0, "average_execution_time_ms is a duration",
                  [&] { return fmt::format("it is {}", average); });
  opinion.require(stats->completed_executions() != 0 || average == 0,
                  "average_execution_time_ms is 0 while no execution is COMPLETED",
                  [&] { return fmt::format("it is {}", average); });
}

void tasks_are_counted_once(const RecordedCall& recorded, const Policies&, Opinion& opinion) {
  if (recorded.method != Method::kGetStats || !recorded.answered()) return;
  const auto& answer = recorded.answer_as<GetStatsResponse>();
  if (!answer.has_task_stats()) return;
  const auto& tasks = answer.task_stats();
  const std::int64_t total = answer.service_stats().total_tasks();
  opinion.require(
      tasks.active_tasks() >= 0 && tasks.idle_tasks() >= 0 &&
          std::int64_t{tasks.active_tasks()} + tasks.idle_tasks() == total,
      fmt::format("active_tasks and idle_tasks add up to total_tasks, {}", total),
      [&] { return fmt::format("they are {} and {}", tasks.active_tasks(), tasks.idle_tasks()); });
  const std::int64_t by_type = sum_of(tasks.tasks_by_type());
  opinion.require(by_type == total, fmt::format("tasks_by_type adds up to total_tasks, {}", total),
                  [&] { return fmt::format("it adds up to {}", by_type); });
}

void active_tasks_are_distinct(const RecordedCall& recorded, const Policies&, Opinion& opinion) {
  if (recorded.method != Method::kGetStats || !recorded.answered()) return;
  absl::flat_hash_set<std::string_view> seen;
  for (const auto& task : recorded.answer_as<GetStatsResponse>().task_stats().most_active_tasks()) {
    opinion.require(!task.task_id().empty() && seen.insert(task.task_id()).second,
                    "most_active_tasks has every task at most once",
                    [&] { return fmt::format("'{}' is in it again", task.task_id()); });
  }
}

void negative_range_is_refused(const RecordedCall& recorded, const Policies&, Opinion& opinion) {
  if (recorded.method != Method::kGetStats || !recorded.ended() || recorded.ambiguous() ||
      recorded.status.code() == absl::StatusCode::kUnimplemented) {
    return;
  }
  const std::int32_t hours = recorded.request_as<GetStatsRequest>().time_range_hours();
  if (hours >= 0) return;
  opinion.require(!recorded.answered(), "a negative time_range_hours is refused",
                  [&] { return fmt::format("{} was answered", hours); });
}

void parts_are_those_asked_for(const RecordedCall& recorded, const Policies&, Opinion& opinion) {
  if (!recorded.answered()) return;
  const auto part = [&](std::string_view name, bool asked, bool there) {
    opinion.require(asked == there, fmt::format("the answer has {} exactly if asked for", name),
                    [&] { return fmt::format("asked for: {}, there: {}", asked, there); });
  };
  if (recorded.method == Method::kGetHealth) {
    part("details", recorded.request_as<spearlet::GetHealthRequest>().include_details(),
         recorded.answer_as<spearlet::GetHealthResponse>().has_details());
  } else if (recorded.method == Method::kGetStats) {
    const auto& request = recorded.request_as<GetStatsRequest>();
    const auto& answer = recorded.answer_as<GetStatsResponse>();
    part("task_stats", request.include_task_stats(), answer.has_task_stats());
    part("execution_stats", request.include_execution_stats(), answer.has_execution_stats());
    opinion.require(answer.has_service_stats(), "the answer always has service_stats",
                    [] { return "it has none"; });
    if (!answer.has_execution_stats() || request.time_range_hours() != 0) return;
    const std::int64_t total = answer.service_stats().total_executions();
    const std::int64_t counted = sum_of(answer.execution_stats().executions_by_function());
    opinion.require(total == counted,
                    fmt::format("total_executions is the number of executions, {}", counted),
                    [&] { return fmt::format("it is {}", total); });
  }
}

void health_is_known(const RecordedCall& recorded, const Policies&, Opinion& opinion) {
  if (recorded.method != Method::kGetHealth || !recorded.answered()) return;
  const auto& answer = recorded.answer_as<spearlet::GetHealthResponse>();
  opinion.require(answer.status() == "SERVING" || answer.status() == "DRAINING",
                  "the health status is SERVING or DRAINING",
                  [&] { return fmt::format("it is '{}'", answer.status()); });
  opinion.require(answer.uptime_seconds() >= 0, "uptime_seconds is not negative",
                  [&] { return fmt::format("it is {}", answer.uptime_seconds()); });
}

constexpr auto kStatsRules = std::to_array<Rule>({
    {"STATS-1", executions_are_counted_once},
    {"STATS-2", rate_fits_the_counts},
    {"STATS-3", tasks_are_counted_once},
    {"STATS-4", negative_range_is_refused},
    {"STATS-5", parts_are_those_asked_for},
    {"STATS-6", health_is_known},
    {"STATS-7", active_tasks_are_distinct},
});

}  // namespace

std::span<const Rule> stats_rules() { return kStatsRules; }

}  // namespace quintain::conformance
