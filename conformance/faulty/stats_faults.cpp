// Faults of the numbers of GetStats and GetHealth.
#include <algorithm>
#include <chrono>
#include <string>

#include "conformance/faulty/decorators.h"

namespace quintain::conformance::faulty {
namespace {

// Counts every status query as an execution.
class QueriesAreCounted final : public ForwardingService {
 public:
  using ForwardingService::ForwardingService;

  void GetExecutionStatus(const GetExecutionStatusRequest& request,
                          Answer<GetExecutionStatusResponse> answer) override {
    ++queries_;
    inner().GetExecutionStatus(request, std::move(answer));
  }

  void GetStats(const GetStatsRequest& request, Answer<GetStatsResponse> answer) override {
    inner().GetStats(request, edited(std::move(answer), [this](GetStatsResponse& response) {
                       auto& service = *response.mutable_service_stats();
                       service.set_total_executions(service.total_executions() + queries_);
                       if (!response.has_execution_stats()) return;
                       auto& counts =
                           *response.mutable_execution_stats()->mutable_executions_by_function();
                       counts["status"] += queries_;
                     }));
  }

 private:
  int queries_ = 0;
};

// Edits of the execution statistics, if the answer has them.
template <class Edit>
FaultyCore::Decorate editing_executions(Edit) {
  return editing({.stats = [](GetStatsResponse& response) {
    if (response.has_execution_stats()) Edit()(*response.mutable_execution_stats());
  }});
}

std::vector<FaultyCore> stats_faults() {
  return {
      {.name = "failures-not-counted",
       .about = "GetStats never counts FAILED executions.",
       .origin = "for STATS-1",
       .caught_by = {"STATS-1"},
       .decorate = editing_executions([](auto& stats) { stats.clear_failed_executions(); })},
      {.name = "failures-include-timeouts-and-cancels",
       .about = "GetStats counts every execution that did not complete as failed.",
       .origin = "for STATS-1",
       .caught_by = {"STATS-1"},
       .decorate = editing_executions([](auto& stats) {
         int failed = -stats.running_executions() - stats.pending_executions() -
                      stats.completed_executions();
         for (const auto& [name, count] : stats.executions_by_function()) failed += count;
         stats.set_failed_executions(failed);
       })},
      {.name = "functions-not-counted",
       .about = "GetStats counts only one function.",
       .origin = "for STATS-1",
       .caught_by = {"STATS-1"},
       .decorate = editing_executions([](auto& stats) {
         auto& counts = *stats.mutable_executions_by_function();
         while (counts.size() > 1) counts.erase(counts.begin());
       })},
      {.name = "five-functions-counted",
       .about = "GetStats counts at most five functions.",
       .origin = "for STATS-1",
       .caught_by = {"STATS-1"},
       .decorate = editing_executions([](auto& stats) {
         auto& counts = *stats.mutable_executions_by_function();
         while (counts.size() > 5) counts.erase(counts.begin());
       })},
      {.name = "waiting-counted-up-to-one",
       .about = "GetHealth and GetStats count one waiting execution at most.",
       .origin = "for STATS-1",
       .caught_by = {"STATS-1"},
       .decorate =
           editing({.health =
                        [](auto& response) {
                          if (!response.has_details()) return;
                          auto& details = *response.mutable_details();
                          details.set_pending_executions(std::min(details.pending_executions(), 1));
                        },
                    .stats =
                        [](auto& response) {
                          if (!response.has_execution_stats()) return;
                          auto& stats = *response.mutable_execution_stats();
                          stats.set_pending_executions(std::min(stats.pending_executions(), 1));
                        }})},
      {.name = "average-doubled",
       .about = "average_execution_time_ms is twice the mean.",
       .origin = "for STATS-2",
       .caught_by = {"STATS-2"},
       .decorate = editing_executions([](auto& stats) {
         stats.set_average_execution_time_ms(2 * stats.average_execution_time_ms());
       })},
      {.name = "success-rate-is-a-fraction",
       .about = "success_rate_percent is a fraction of 1.",
       .origin = "for STATS-2",
       .caught_by = {"STATS-2"},
       .decorate = editing_executions([](auto& stats) {
         stats.set_success_rate_percent(stats.success_rate_percent() / 100);
       })},
      {.name = "success-rate-of-completed-and-failed",
       .about = "success_rate_percent does not count TIMEOUT and CANCELLED as ended.",
       .origin = "for STATS-2",
       .caught_by = {"STATS-2"},
       .decorate = editing_executions([](auto& stats) {
         const double completed = stats.completed_executions();
         const double ended = completed + stats.failed_executions();
         stats.set_success_rate_percent(ended == 0 ? 0 : 100 * completed / ended);
       })},
      {.name = "tasks-not-counted-by-type",
       .about = "GetStats counts all tasks under one type.",
       .origin = "for STATS-3",
       .caught_by = {"STATS-3"},
       .decorate = editing({.stats =
                                [](auto& response) {
                                  if (!response.has_task_stats()) return;
                                  auto& counts =
                                      *response.mutable_task_stats()->mutable_tasks_by_type();
                                  counts.clear();
                                  counts["task"] = response.service_stats().total_tasks();
                                }})},
      {.name = "tasks-always-idle",
       .about = "GetStats counts every task as idle.",
       .origin = "for STATS-3",
       .caught_by = {"STATS-3"},
       .decorate = editing({.stats =
                                [](auto& response) {
                                  if (!response.has_task_stats()) return;
                                  auto& tasks = *response.mutable_task_stats();
                                  tasks.clear_active_tasks();
                                  tasks.set_idle_tasks(response.service_stats().total_tasks());
                                }})},
      {.name = "negative-time-range-accepted",
       .about = "A negative time_range_hours means all executions.",
       .origin = "for STATS-4",
       .caught_by = {"STATS-4"},
       .decorate = editing({.stats_query =
                                [](auto& query) {
                                  if (query.time_range_hours() < 0) query.clear_time_range_hours();
                                }})},
      {.name = "time-range-ignored",
       .about = "GetStats ignores time_range_hours.",
       .origin = "for STATS-4",
       .caught_by = {"STATS-4"},
       .virtual_time_only = "it takes a record that is more than an hour old",
       .configure = [](core::NodeConfig& node) { node.retention.age = std::chrono::hours(24); },
       .decorate = editing({.stats_query =
                                [](auto& query) {
                                  if (query.time_range_hours() > 0) query.clear_time_range_hours();
                                }})},
      {.name = "total-executions-are-the-live-ones",
       .about = "GetHealth counts only unfinished executions in total_executions.",
       .origin = "for STATS-5",
       .caught_by = {"STATS-5"},
       .decorate = editing({.health =
                                [](auto& response) {
                                  if (!response.has_details()) return;
                                  auto& details = *response.mutable_details();
                                  details.set_total_executions(details.running_executions() +
                                                               details.pending_executions());
                                }})},
      {.name = "statistics-unasked",
       .about = "GetStats always returns every part.",
       .origin = "for STATS-5",
       .caught_by = {"STATS-5"},
       .decorate = editing({.stats_query =
                                [](auto& query) {
                                  query.set_include_task_stats(true);
                                  query.set_include_execution_stats(true);
                                }})},
      {.name = "health-without-details",
       .about = "GetHealth ignores include_details.",
       .origin = "for STATS-5",
       .caught_by = {"STATS-5"},
       .decorate = editing({.health_query = [](auto& query) { query.clear_include_details(); }})},
      {.name = "uptime-in-milliseconds",
       .about = "GetHealth returns the uptime in milliseconds.",
       .origin = "for STATS-6",
       .caught_by = {"STATS-6"},
       .decorate = editing({.health =
                                [](auto& response) {
                                  response.set_uptime_seconds(1000 * response.uptime_seconds());
                                }})},
      {.name = "health-status-unknown",
       .about = "GetHealth returns the status OK.",
       .origin = "for STATS-6",
       .caught_by = {"STATS-6"},
       .decorate = editing({.health = [](auto& response) { response.set_status("OK"); }})},
      {.name = "queries-are-counted",
       .about = "GetStats counts every status query as an execution.",
       .origin = "for STATE-8",
       .caught_by = {"STATE-8"},
       .decorate = decorated_by<QueriesAreCounted>()},
  };
}

const RegisterFaults kStatsFaults(11, stats_faults);

}  // namespace
}  // namespace quintain::conformance::faulty
