// Node, and NodeService, the FunctionService of a node: invocations and cancels go to the manager;
// queries, lists and statistics are answered here from the tracker's records.
#include "core/node.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <limits>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/planted_fault.h"
#include "core/execution_response.h"

namespace quintain::core {
namespace {

// A page token is an ordinal after a character that no execution id may contain. Unlike an id it
// stays valid when its record is dropped.
constexpr char kTokenMark = '#';

// nullopt if the text is not a token.
std::optional<std::uint64_t> parse_token(std::string_view token) {
  if (token.empty() || token.front() != kTokenMark) return std::nullopt;
  std::uint64_t ordinal = 0;
  const char* const end = token.data() + token.size();
  const auto [parsed, error] = std::from_chars(token.data() + 1, end, ordinal);
  if (error != std::errc() || parsed != end) return std::nullopt;
  return ordinal;
}

constexpr std::size_t kMaxActiveTasks = 10;

// Function names in statistics; those with the fewest executions are left out.
constexpr std::size_t kMaxCountedFunctions = 1000;

// What a page needs besides its entries, and a status besides result and log lines.
constexpr std::size_t kPageRest = 32 << 10;

// Clamps a count to the 32 bits of the wire format.
std::int32_t narrow(std::int64_t count) {
  return static_cast<std::int32_t>(
      std::min<std::int64_t>(count, std::numeric_limits<std::int32_t>::max()));
}

std::int64_t epoch_milliseconds(WallTime time) { return floor_milliseconds(time.since_epoch); }

spearlet::TaskInfo to_info(const Task& task, bool include_details) {
  spearlet::TaskInfo info;
  info.set_task_id(task.id());
  info.set_task_name(task.spec().task_name);
  info.set_created_at(epoch_milliseconds(task.created_at()));
  info.set_updated_at(epoch_milliseconds(task.activity.updated_at));
  info.set_execution_count(narrow(task.activity.records));
  info.set_last_status(task.activity.last_status);
  if (include_details) {
    *info.mutable_artifact_spec() = task.spec().artifact;
    if (!task.spec().description.empty()) {
      (*info.mutable_metadata())["description"] = task.spec().description;
    }
  }
  return info;
}

double milliseconds(Duration d) { return std::chrono::duration<double, std::milli>(d).count(); }

// Implements the calls by the manager, its tracker and its tasks.
class NodeService final : public FunctionService {
 public:
  NodeService(Environment& environment, const NodeConfig& config, TaskExecutionManager& manager)
      : environment_(environment),
        config_(config),
        manager_(manager),
        started_at_(environment.now()) {}

  void InvokeFunction(spearlet::InvokeFunctionRequest&& request, const CallContext& call,
                      Answer<spearlet::InvokeFunctionResponse> answer) override {
    manager_.submit_execution(std::move(request), call, std::move(answer));
  }

  void StreamFunction(spearlet::InvokeFunctionRequest&& request, const CallContext& call,
                      StreamAnswer<spearlet::StreamExecutionResult> answer) override {
    manager_.submit_stream(std::move(request), call, std::move(answer));
  }

  void CancelExecution(const spearlet::CancelExecutionRequest& request,
                       Answer<spearlet::CancelExecutionResponse> answer) override {
    manager_.cancel(request, std::move(answer));
  }

  void GetExecutionStatus(const spearlet::GetExecutionStatusRequest& request,
                          Answer<spearlet::GetExecutionStatusResponse> answer) override {
    AsyncExecution* execution = manager_.tracker().find(request.execution_id());
    if (execution == nullptr || planted("status-never-found")) {
      spearlet::GetExecutionStatusResponse response;
      response.set_message(fmt::format("no execution {}", quoted(request.execution_id())));
      return std::move(answer).send(std::move(response));
    }
    ExecutionResponse description = describe(*execution);
    manager_.add_estimate(*execution, description);
    if (!request.include_result()) description.output_data = {};
    spearlet::GetExecutionStatusResponse& response =
        description.is_completed ? final_status_ : live_status_;
    response.set_found(true);
    write_result(description, *response.mutable_result());
    response.clear_logs();
    response.clear_message();
    if (request.include_logs()) add_logs(*execution, response);
    if (description.is_completed) manager_.note_read(*execution);
    std::move(answer).send(std::move(response));
  }

  // ---- Lists ------------------------------------------------------------------------------------

  void ListExecutions(const spearlet::ListExecutionsRequest& request,
                      Answer<spearlet::ListExecutionsResponse> answer) override {
    const auto size = page_size(request.limit());
    if (!size.ok()) return std::move(answer).refuse(size.status());
    const auto start = page_start(request.start_after());
    if (!start.ok()) return std::move(answer).refuse(start.status());
    if (!spearlet::ExecutionStatus_IsValid(request.status_filter())) {
      return std::move(answer).refuse(invalid_argument({fmt::format(
          "status_filter: {} is no ExecutionStatus", static_cast<int>(request.status_filter()))}));
    }
    const auto matches = [&](const AsyncExecution& execution) {
      return (request.task_id().empty() || execution.task->id() == request.task_id()) &&
             (request.status_filter() == spearlet::EXECUTION_STATUS_UNSPECIFIED ||
              execution.status() == request.status_filter());
    };
    // Overwrites the entries of the previous list.
    spearlet::ListExecutionsResponse& response = listing_;
    response.set_has_more(false);
    response.clear_next_start_after();
    auto& entries = *response.mutable_executions();
    std::size_t listed = 0;
    std::size_t left = page_bytes();
    std::uint64_t ordinal = *start;
    // To the end if the filter fits to few records, because has_more must be exact.
    while (const AsyncExecution* execution = manager_.tracker().next_after(ordinal)) {
      const bool matching = matches(*execution) && !planted("lists-always-empty");
      const std::size_t bytes = matching ? bytes_of(*execution) : 0;
      if (matching && (listed == *size || bytes > left)) {
        response.set_has_more(!planted("page-cut-short"));
        response.set_next_start_after(fmt::format("{}{}", kTokenMark, ordinal));
        break;
      }
      if (matching) {
        left -= bytes;
        const int place = static_cast<int>(listed++);
        write_info(*execution, place < entries.size() ? *entries.Mutable(place) : *entries.Add());
      }
      ordinal = execution->ordinal;
    }
    const int beyond = entries.size() - static_cast<int>(listed);
    if (beyond > 0) entries.DeleteSubrange(static_cast<int>(listed), beyond);
    std::move(answer).send(std::move(response));
  }

  void ListTasks(const spearlet::ListTasksRequest& request,
                 Answer<spearlet::ListTasksResponse> answer) override {
    const auto size = page_size(request.limit());
    if (!size.ok()) return std::move(answer).refuse(size.status());
    spearlet::ListTasksResponse response;
    const auto& tasks = manager_.tasks().all();
    auto position = request.start_after() < request.prefix()
                        ? tasks.lower_bound(request.prefix())
                        : tasks.upper_bound(request.start_after());
    std::size_t left = page_bytes();
    for (; position != tasks.end() && position->first.starts_with(request.prefix()); ++position) {
      spearlet::TaskInfo info = to_info(*position->second, request.include_details());
      const std::size_t bytes = info.ByteSizeLong() + kEntryRest;
      const auto listed = static_cast<std::size_t>(response.tasks_size());
      if (listed == *size || (listed > 0 && bytes > left)) {
        response.set_has_more(true);
        response.set_next_start_after(response.tasks().rbegin()->task_id());
        break;
      }
      left -= std::min(left, bytes);
      *response.add_tasks() = std::move(info);
    }
    std::move(answer).send(std::move(response));
  }

  void GetTask(const spearlet::GetTaskRequest& request,
               Answer<spearlet::GetTaskResponse> answer) override {
    const auto size = page_size(request.execution_limit());
    if (!size.ok()) return std::move(answer).refuse(size.status());
    spearlet::GetTaskResponse response;
    const Task* task = manager_.tasks().find(request.task_id());
    if (task == nullptr) {
      response.set_message(fmt::format("no task {}", quoted(request.task_id())));
      return std::move(answer).send(std::move(response));
    }
    response.set_found(true);
    *response.mutable_task() = to_info(*task, /*include_details=*/true);
    if (request.include_executions()) {
      // The latest first.
      std::size_t left = page_bytes();
      for (auto position = task->records.rbegin(); position != task->records.rend(); ++position) {
        const auto& execution = static_cast<const AsyncExecution&>(*position);
        const std::size_t bytes = bytes_of(execution);
        if (static_cast<std::size_t>(response.executions_size()) == *size || bytes > left) break;
        left -= bytes;
        write_info(execution, *response.add_executions());
      }
    }
    std::move(answer).send(std::move(response));
  }

  void DeleteTask(const spearlet::DeleteTaskRequest& request,
                  Answer<spearlet::DeleteTaskResponse> answer) override {
    spearlet::DeleteTaskResponse response;
    Task* const task = manager_.tasks().find(request.task_id());
    if (task == nullptr) {
      response.set_message(fmt::format("no task {}", quoted(request.task_id())));
      return std::move(answer).send(std::move(response));
    }
    if (task->activity.active > 0 && !request.force()) {
      response.set_message(
          fmt::format("{} executions of task '{}' wait or run; force would end them",
                      task->activity.active, task->id()));
      return std::move(answer).send(std::move(response));
    }
    manager_.delete_task(*task, request, std::move(answer));
  }

  // ---- Health and statistics --------------------------------------------------------------------

  void GetHealth(const spearlet::GetHealthRequest& request,
                 Answer<spearlet::GetHealthResponse> answer) override {
    spearlet::GetHealthResponse response;
    response.set_status(manager_.draining() ? "DRAINING" : "SERVING");
    response.set_message(manager_.draining() ? "takes no new work" : "takes new work");
    response.set_uptime_seconds(uptime_seconds());
    if (request.include_details()) {
      const auto& tally = manager_.tracker().tally();
      spearlet::HealthDetails& details = *response.mutable_details();
      details.set_active_tasks(manager_.tracker().active_tasks());
      details.set_running_executions(narrow(tally.count(spearlet::EXECUTION_STATUS_RUNNING)));
      details.set_pending_executions(narrow(tally.count(spearlet::EXECUTION_STATUS_PENDING)));
      details.set_total_memory_used(manager_.usage().memory_bytes);
      details.set_total_executions(tally.total());
      auto& system = *details.mutable_system_info();
      system["node"] = config_.name;
      system["slots"] = std::to_string(config_.slots);
      system["busy_slots"] = std::to_string(manager_.busy_slots());
      system["scheduling"] = config_.scheduling.strategy;
      system["estimator"] = config_.eta.estimator;
    }
    std::move(answer).send(std::move(response));
  }

  void GetStats(const spearlet::GetStatsRequest& request,
                Answer<spearlet::GetStatsResponse> answer) override {
    if (request.time_range_hours() < 0) {
      return std::move(answer).refuse(invalid_argument(
          {fmt::format("time_range_hours: {} is negative; 0 means all that are on record",
                       request.time_range_hours())}));
    }
    const ResourceUsage usage = manager_.usage();
    spearlet::GetStatsResponse response;
    spearlet::ServiceStats& service = *response.mutable_service_stats();
    service.set_uptime_seconds(uptime_seconds());
    service.set_total_tasks(narrow(static_cast<std::int64_t>(manager_.tasks().all().size())));
    service.set_total_executions(narrow(manager_.tracker().tally().total()));
    service.set_total_memory_used(usage.memory_bytes);
    service.set_cpu_usage_percent(usage.cpu_percent);
    service.set_memory_usage_percent(usage.memory_percent);
    if (request.include_task_stats()) *response.mutable_task_stats() = task_stats();
    if (request.include_execution_stats()) {
      *response.mutable_execution_stats() = execution_stats(request.time_range_hours());
    }
    std::move(answer).send(std::move(response));
  }

 private:
  absl::StatusOr<std::size_t> page_size(std::int32_t limit) const {
    if (limit < 0) {
      return invalid_argument({fmt::format("limit: {} is negative; 0 means the default of {}",
                                           limit, config_.default_page)});
    }
    return static_cast<std::size_t>(limit == 0 ? config_.default_page
                                               : std::min(limit, config_.largest_page));
  }

  absl::StatusOr<std::uint64_t> page_start(const std::string& start_after) {
    if (start_after.empty()) return 0;
    if (const auto ordinal = parse_token(start_after)) return *ordinal;
    const AsyncExecution* execution = manager_.tracker().find(start_after);
    if (execution != nullptr) return execution->ordinal;
    return invalid_argument(
        {fmt::format("start_after: {} is neither a next_start_after nor the id of an execution",
                     quoted(start_after))});
  }

  // The objects around an entry's texts on the wire, at most.
  static constexpr std::size_t kEntryRest = 160;

  std::size_t page_bytes() const {
    return static_cast<std::size_t>(config_.answer_bytes) - kPageRest;
  }

  // The size of an execution's entry in a list, at most.
  static std::size_t bytes_of(const AsyncExecution& execution) {
    return execution.execution_id.size() + execution.task->id().size() +
           execution.function->name.size() + execution.details().error_message.size() + kEntryRest;
  }

  // Adds the last log lines for which the answer has room.
  void add_logs(const AsyncExecution& execution,
                spearlet::GetExecutionStatusResponse& response) const {
    constexpr std::size_t kLineRest = 8;
    const LogLines& logs = execution.details().logs;
    if (logs.empty()) return;
    const std::size_t result = response.result().result().value().size();
    std::size_t left = page_bytes() - std::min(page_bytes(), result);
    std::ptrdiff_t lines = 0;
    for (auto line = logs.end(); line != logs.begin(); ++lines) {
      const std::size_t bytes = (--line)->size() + kLineRest;
      if (bytes > left) break;
      left -= bytes;
    }
    for (auto line = logs.end() - lines; line != logs.end(); ++line) response.add_logs(*line);
    const std::int64_t omitted = logs.dropped() + static_cast<std::int64_t>(logs.size()) - lines;
    if (omitted > 0)
      response.set_message(fmt::format("{} earlier log lines are left out", omitted));
  }

  std::int64_t uptime_seconds() const {
    return std::chrono::floor<std::chrono::seconds>(environment_.now() - started_at_).count();
  }

  spearlet::TaskStats task_stats() const {
    spearlet::TaskStats stats;
    std::vector<const Task*> called;
    for (const auto& [id, task] : manager_.tasks().all()) {
      const bool active = task->activity.active > 0;
      active ? stats.set_active_tasks(stats.active_tasks() + 1)
             : stats.set_idle_tasks(stats.idle_tasks() + 1);
      ++(*stats.mutable_tasks_by_type())[task->spec().artifact.artifact_type()];
      if (task->activity.records > 0) called.push_back(task.get());
    }
    // Stable, so that tasks with equally many records stay in the order of their ids.
    std::ranges::stable_sort(called, std::ranges::greater{},
                             [](const Task* task) { return task->activity.records; });
    if (called.size() > kMaxActiveTasks) called.resize(kMaxActiveTasks);
    for (const Task* task : called) *stats.add_most_active_tasks() = to_info(*task, false);
    return stats;
  }

  spearlet::ExecutionStats execution_stats(std::int32_t time_range_hours) {
    AsyncExecutionTracker& tracker = manager_.tracker();
    constexpr std::int64_t kMillisecondsPerHour = 3'600'000;
    const Duration range = time_range_hours == 0
                               ? kForever
                               : saturating_milliseconds(time_range_hours * kMillisecondsPerHour);
    const bool all = environment_.now() < Instant(range);
    const Instant since = all ? Instant() : Instant(environment_.now() - Instant(range));
    AsyncExecutionTracker::Tally tally;
    spearlet::ExecutionStats stats;
    struct Count {
      const Function* function = nullptr;
      std::int32_t executions = 0;
    };
    std::vector<Count> by_function;
    std::uint64_t ordinal = 0;
    while (const AsyncExecution* execution = tracker.next_after(ordinal)) {
      ordinal = execution->ordinal;
      if (execution->accepted_at < since) continue;
      tally.add(*execution);
      const Function& function = *execution->function;
      if (function.index >= by_function.size()) by_function.resize(function.index + 1);
      by_function[function.index].function = &function;
      ++by_function[function.index].executions;
    }
    std::erase_if(by_function, [](const Count& count) { return count.function == nullptr; });
    if (by_function.size() > kMaxCountedFunctions) {
      std::ranges::stable_sort(by_function, std::ranges::greater{}, &Count::executions);
      by_function.resize(kMaxCountedFunctions);
    }
    // Functions with the same name are counted together across tasks.
    for (const auto& [function, executions] : by_function) {
      (*stats.mutable_executions_by_function())[function->name] += executions;
    }
    const std::int64_t completed = tally.count(spearlet::EXECUTION_STATUS_COMPLETED);
    stats.set_running_executions(narrow(tally.count(spearlet::EXECUTION_STATUS_RUNNING)));
    stats.set_pending_executions(narrow(tally.count(spearlet::EXECUTION_STATUS_PENDING)));
    stats.set_completed_executions(narrow(completed));
    stats.set_failed_executions(narrow(tally.count(spearlet::EXECUTION_STATUS_FAILED)));
    if (completed > 0) {
      stats.set_average_execution_time_ms(milliseconds(tally.completed_time) /
                                          static_cast<double>(completed));
    }
    if (tally.ended() > 0) {
      stats.set_success_rate_percent(100.0 * static_cast<double>(completed) /
                                     static_cast<double>(tally.ended()));
    }
    return stats;
  }

  Environment& environment_;
  const NodeConfig& config_;
  TaskExecutionManager& manager_;
  Instant started_at_;
  // Reused for all answers of the same shape, so that writing one allocates nothing. A caller may
  // move from them.
  spearlet::GetExecutionStatusResponse live_status_;
  spearlet::GetExecutionStatusResponse final_status_;
  spearlet::ListExecutionsResponse listing_;
};

}  // namespace

// ---- Node ---------------------------------------------------------------------------------------

Node::Node(Environment& environment, Runtime& runtime, const NodeConfig& config, Observer* observer,
           const eta::EstimatorFactory& estimator)
    : environment_(environment),
      config_(config),
      manager_(environment, runtime, config, observer, estimator),
      service_(std::make_unique<NodeService>(environment, config_, manager_)) {}

Node::~Node() = default;

std::vector<std::string> Node::register_task(TaskSpec spec) {
  if (spec.task_id.empty()) return {"a task needs an id"};
  if (manager_.tasks().find(spec.task_id) != nullptr) {
    return {fmt::format("task '{}' is registered already", spec.task_id)};
  }
  if (spec.task_name.empty()) spec.task_name = spec.task_id;
  manager_.tasks().add(std::move(spec), environment_.wall_now());
  return {};
}

}  // namespace quintain::core
