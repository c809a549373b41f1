// Node, and NodeService, the FunctionService of a node: invocations and cancels go to the manager;
// queries, lists and statistics are answered here from the tracker's records.
#include "core/node.h"

#include <absl/container/flat_hash_map.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <deque>
#include <limits>
#include <optional>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/base/planted_fault.h"
#include "core/execution_response.h"
#include "core/finish_scans.h"

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

// Names in statistics: of functions with most executions, and of types with most tasks.
constexpr std::size_t kMaxCountedNames = 1000;

// The work that one turn may do for lists and statistics: a unit for each record or task that it
// looks at, and more for each name that it copies.
constexpr std::int64_t kMaxScanWork = 2048;
constexpr std::int64_t kNameWork = 8;

// Different names that are counted; those that come later are not, so memory is bounded.
constexpr std::size_t kMaxNames = 20'000;

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
        started_at_(environment.now()),
        next_slice_(
            environment, [](void* self) { static_cast<NodeService*>(self)->continue_scans(); },
            this) {}

  ~NodeService() override {
    const absl::Status gone = absl::UnavailableError("the node was shut down");
    for (Scan& scan : scans_) {
      std::visit([&gone](auto& left) { std::move(left.answer).refuse(gone); }, scan);
    }
  }

  void finish_scans() {
    while (!scans_.empty()) continue_scans();
    next_slice_.disarm();
  }

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
    Page page{.size = *size, .left = page_bytes(), .ordinal = *start};
    std::int64_t work = kMaxScanWork;
    if (fill(request, page, listing_, work)) return std::move(answer).send(std::move(listing_));
    // It has to go far. It starts again when it is its turn, so that only one list is held.
    page = {.size = *size, .left = page_bytes(), .ordinal = *start};
    scans_.push_back(ListScan{request, page, std::move(answer)});
    continue_soon();
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
    StatsScan scan{.request = request,
                   .since = start_of_range(request.time_range_hours()),
                   .answer = std::move(answer)};
    std::int64_t work = kMaxScanWork;
    const bool is_short = !request.include_task_stats() && !request.include_execution_stats();
    if ((scans_.empty() || is_short) && advance(scan, work)) return send(scan);
    scans_.push_back(std::move(scan));
    continue_soon();
  }

 private:
  // ---- Scans --------------------------------------------------------------------------------

  // A page of a list that is being filled.
  struct Page {
    std::size_t size = 0;       // entries, at most
    std::size_t left = 0;       // bytes
    std::uint64_t ordinal = 0;  // of the last record that was looked at
    std::size_t listed = 0;
  };

  // Counts by name.
  class NameCounts {
   public:
    /// Returns the place of a name, for add().
    std::size_t place(const std::string& name, std::int64_t& work) {
      const auto known = places_.find(name);
      if (known != places_.end()) return known->second;
      if (counts_.size() == kMaxNames) return kMaxNames;
      work -= kNameWork;
      counts_.emplace_back(name, 0);
      places_.emplace(counts_.back().first, counts_.size() - 1);
      return counts_.size() - 1;
    }
    void add(std::size_t place) {
      if (place < counts_.size()) ++counts_[place].second;
    }

    /// Moves the largest counts to `map`. Of equal ones those remain that come first in the
    /// alphabet.
    void write_to(google::protobuf::Map<std::string, std::int32_t>& map) {
      places_.clear();
      if (counts_.size() > kMaxCountedNames) {
        const auto most = counts_.begin() + static_cast<std::ptrdiff_t>(kMaxCountedNames);
        std::ranges::nth_element(counts_, most, [](const auto& a, const auto& b) {
          return a.second != b.second ? a.second > b.second : a.first < b.first;
        });
        counts_.erase(most, counts_.end());
      }
      for (auto& [name, count] : counts_) map[std::move(name)] = count;
    }

   private:
    std::deque<std::pair<std::string, std::int32_t>> counts_;  // names do not move
    absl::flat_hash_map<std::string_view, std::size_t> places_;
  };

  // Calls that look at many tasks or records do so in several turns, one call after the other, so
  // that a large node answers other calls meanwhile. Each record is described as it is when it is
  // reached.
  struct ListScan {
    spearlet::ListExecutionsRequest request;
    Page page;
    Answer<spearlet::ListExecutionsResponse> answer;
  };
  struct StatsScan {
    spearlet::GetStatsRequest request;
    // Tasks.
    std::string last_task{};
    spearlet::TaskStats tasks{};
    NameCounts types{};
    std::vector<spearlet::TaskInfo> most_active{};  // the first is the most active
    bool tasks_counted = false;
    // Records.
    Instant since;
    std::uint64_t ordinal = 0;
    AsyncExecutionTracker::Tally tally{};
    // Functions with the same name are counted together across tasks.
    NameCounts functions{};
    Answer<spearlet::GetStatsResponse> answer;
  };
  using Scan = std::variant<ListScan, StatsScan>;

  void continue_soon() {
    if (!next_slice_.armed()) next_slice_.arm(environment_.now(), Precedence::kOther);
  }

  void continue_scans() {
    std::int64_t work = kMaxScanWork;
    while (!scans_.empty()) {
      const bool over = std::visit(
          [this, &work](auto& scan) { return !scan.answer.awaited() || advance(scan, work); },
          scans_.front());
      if (!over) return continue_soon();
      Scan done = std::move(scans_.front());
      scans_.pop_front();
      std::visit(
          [this](auto& scan) {
            if (scan.answer.awaited()) return send(scan);
            std::move(scan.answer).refuse(absl::CancelledError("the caller went away"));
          },
          done);
    }
  }

  bool advance(ListScan& scan, std::int64_t& work) {
    return fill(scan.request, scan.page, long_listing_, work);
  }
  bool advance(StatsScan& scan, std::int64_t& work) {
    return (!scan.request.include_task_stats() || scan.tasks_counted || count_tasks(scan, work)) &&
           (!scan.request.include_execution_stats() || count(scan, work));
  }

  void send(ListScan& scan) { std::move(scan.answer).send(std::move(long_listing_)); }

  // Adds entries to the page until it is complete or the work is done. Returns whether it is
  // complete. The response's entries of an earlier list are overwritten.
  bool fill(const spearlet::ListExecutionsRequest& request, Page& page,
            spearlet::ListExecutionsResponse& response, std::int64_t& work) {
    const auto matches = [&](const AsyncExecution& execution) {
      return (request.task_id().empty() || execution.task->id() == request.task_id()) &&
             (request.status_filter() == spearlet::EXECUTION_STATUS_UNSPECIFIED ||
              execution.status() == request.status_filter()) &&
             !planted("lists-always-empty");
    };
    response.set_has_more(false);
    response.clear_next_start_after();
    auto& entries = *response.mutable_executions();
    // To the end if the filter fits to few records, because has_more must be exact.
    while (const AsyncExecution* execution = manager_.tracker().next_after(page.ordinal)) {
      if (work-- <= 0) return false;
      if (matches(*execution)) {
        const std::size_t bytes = bytes_of(*execution);
        if (page.listed == page.size || bytes > page.left) {
          response.set_has_more(!planted("page-cut-short"));
          response.set_next_start_after(fmt::format("{}{}", kTokenMark, page.ordinal));
          break;
        }
        page.left -= bytes;
        const int place = static_cast<int>(page.listed++);
        write_info(*execution, place < entries.size() ? *entries.Mutable(place) : *entries.Add());
      }
      page.ordinal = execution->ordinal;
    }
    const int beyond = entries.size() - static_cast<int>(page.listed);
    if (beyond > 0) entries.DeleteSubrange(static_cast<int>(page.listed), beyond);
    return true;
  }

  Instant start_of_range(std::int32_t hours) const {
    constexpr std::int64_t kMillisecondsPerHour = 3'600'000;
    const Duration range =
        hours == 0 ? kForever : saturating_milliseconds(hours * kMillisecondsPerHour);
    const bool all = environment_.now() < Instant(range);
    return all ? Instant() : Instant(environment_.now() - Instant(range));
  }

  // Counts records until all are counted or the work is done. Returns whether all are.
  bool count(StatsScan& scan, std::int64_t& work) {
    // Between two turns functions may be removed, so their names are looked up in each turn.
    absl::flat_hash_map<const Function*, std::size_t> places;
    while (const AsyncExecution* execution = manager_.tracker().next_after(scan.ordinal)) {
      if (work-- <= 0) return false;
      scan.ordinal = execution->ordinal;
      if (execution->accepted_at < scan.since) continue;
      scan.tally.add(*execution);
      const auto [known, is_new] = places.try_emplace(execution->function, 0);
      if (is_new) known->second = scan.functions.place(execution->function->name, work);
      scan.functions.add(known->second);
    }
    return true;
  }

  void send(StatsScan& scan) {
    spearlet::GetStatsResponse response = service_statistics();
    if (scan.request.include_task_stats()) {
      scan.types.write_to(*scan.tasks.mutable_tasks_by_type());
      for (auto& task : scan.most_active) *scan.tasks.add_most_active_tasks() = std::move(task);
      *response.mutable_task_stats() = std::move(scan.tasks);
    }
    if (scan.request.include_execution_stats()) {
      write_execution_statistics(scan, *response.mutable_execution_stats());
    }
    std::move(scan.answer).send(std::move(response));
  }

  static void write_execution_statistics(StatsScan& scan, spearlet::ExecutionStats& stats) {
    const AsyncExecutionTracker::Tally& tally = scan.tally;
    scan.functions.write_to(*stats.mutable_executions_by_function());
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
  }

  // ---- Parts of answers ---------------------------------------------------------------------

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

  spearlet::GetStatsResponse service_statistics() const {
    const ResourceUsage usage = manager_.usage();
    spearlet::GetStatsResponse response;
    spearlet::ServiceStats& service = *response.mutable_service_stats();
    service.set_uptime_seconds(uptime_seconds());
    service.set_total_tasks(narrow(static_cast<std::int64_t>(manager_.tasks().all().size())));
    service.set_total_executions(narrow(manager_.tracker().tally().total()));
    service.set_total_memory_used(usage.memory_bytes);
    service.set_cpu_usage_percent(usage.cpu_percent);
    service.set_memory_usage_percent(usage.memory_percent);
    return response;
  }

  // Counts tasks until all are counted or the work is done. Returns whether all are.
  bool count_tasks(StatsScan& scan, std::int64_t& work) const {
    spearlet::TaskStats& stats = scan.tasks;
    const auto& tasks = manager_.tasks().all();
    for (auto position = scan.last_task.empty() ? tasks.begin() : tasks.upper_bound(scan.last_task);
         position != tasks.end(); ++position) {
      const Task& task = *position->second;
      if (work-- <= 0) {
        if (position != tasks.begin()) scan.last_task = std::prev(position)->first;
        return false;
      }
      task.activity.active > 0 ? stats.set_active_tasks(stats.active_tasks() + 1)
                               : stats.set_idle_tasks(stats.idle_tasks() + 1);
      scan.types.add(scan.types.place(task.spec().artifact.artifact_type(), work));
      add_if_active(task, scan.most_active);
    }
    scan.tasks_counted = true;
    return true;
  }

  // Tasks with equally many records stay in the order of their ids.
  static void add_if_active(const Task& task, std::vector<spearlet::TaskInfo>& most_active) {
    const std::int32_t records = narrow(task.activity.records);
    const bool is_full = most_active.size() == kMaxActiveTasks;
    if (records == 0 || (is_full && most_active.back().execution_count() >= records)) return;
    if (is_full) most_active.pop_back();
    const auto place = std::ranges::upper_bound(
        most_active, records, std::ranges::greater{},
        [](const spearlet::TaskInfo& info) { return info.execution_count(); });
    most_active.insert(place, to_info(task, /*include_details=*/false));
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
  spearlet::ListExecutionsResponse long_listing_;  // of the first of scans_
  std::deque<Scan> scans_;
  Timer next_slice_;
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

void finish_scans(Node& node) { static_cast<NodeService&>(node.service()).finish_scans(); }

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
