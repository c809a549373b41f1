// Invariant on the records that a node takes over from its store after a crash.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sim/invariants/invariant.h"

namespace quintain::sim {
namespace {

// What a record says, member by member, as texts that are compared.
using Content = std::vector<std::pair<std::string_view, std::string>>;

std::string digest_of(const google::protobuf::Message& message) {
  std::string serialized;
  return fmt::to_string(fold_message(0, message, serialized));
}

// What is decided at the acceptance.
Content accepted_content(const core::AsyncExecution& record) {
  const core::TaskSpec& task = record.task->spec();
  Content content = {
      {"id", record.execution_id},
      {"task", task.task_id},
      {"task's name", task.task_name},
      {"task's description", task.description},
      {"task's artifact", digest_of(task.artifact)},
      {"task's instance limit", fmt::to_string(task.instance_limit)},
      {"task's creation", fmt::to_string(record.task->created_at().since_epoch.count())},
      {"function", record.function->name},
      {"mode", fmt::to_string(static_cast<int>(record.mode))},
      {"acceptance", fmt::to_string(record.wall_accepted_at.since_epoch.count())},
      {"deadline", fmt::to_string(record.deadline.since_start().count())},
      {"estimate", fmt::to_string(record.estimated_completion_ms)},
  };
  const auto& fingerprint = record.details().fingerprint;
  content.emplace_back(
      "fingerprint",
      fingerprint ? fmt::format("{} {}", fingerprint->at(0), fingerprint->at(1)) : std::string());
  return content;
}

Content request_content(const core::LiveExecution& live) {
  return {{"request", digest_of(live.request)},
          {"retries", fmt::to_string(live.max_retries)},
          {"90th percentile", fmt::to_string(live.estimated_p90_ms)}};
}

Content ended_content(const core::AsyncExecution& record) {
  const core::ExecutionDetails& details = record.details();
  std::string logs;
  for (const std::string& line : details.logs) logs += line + "\n";
  return {
      {"status", std::string(short_name(record.status()))},
      {"start", fmt::to_string(
                    record.started_at.is_never() ? 0 : record.wall_started_at.since_epoch.count())},
      {"end", fmt::to_string(record.wall_completed_at.since_epoch.count())},
      {"execution time", fmt::to_string(record.execution_time().count())},
      {"attempts", fmt::to_string(record.attempts)},
      {"instance", std::string(record.instance_id.str())},
      {"result's type", std::string(record.result.type_url.str())},
      {"result", record.result.value},
      {"memory", fmt::to_string(record.memory_used_bytes)},
      {"error code", details.error_code},
      {"error message", details.error_message},
      {"log lines", std::move(logs)},
      {"dropped log lines", fmt::to_string(details.logs.dropped())},
  };
}

// Only nodes with a journal are checked: it takes a copy of each result.
class RestoredAsRecorded final : public Invariant {
 public:
  explicit RestoredAsRecorded(World& world)
      : Invariant(world, "restored-as-recorded",
                  "what a node takes over after a crash says what the record of that execution "
                  "said before: all that was accepted, and, if it has ended, all of its end",
                  kinds_in(world)) {}

  void on_event(const Event& event, const ExecutionFacts*) override {
    SimulatedNode& node = world().node(event.execution.node);
    if (!node.has_journal()) return;
    if (event.kind == EventKind::kRecordDropped) {
      kept_.erase(event.execution);
    } else if (event.kind == EventKind::kRestored) {
      compare(event.execution, *event.restored);
    } else if (const auto* record = node.record(event.execution.ordinal); record == nullptr) {
      return;
    } else if (event.kind == EventKind::kAccepted) {
      Kept& kept = kept_[event.execution];
      kept.accepted = accepted_content(*record);
      if (record->live != nullptr) kept.request = request_content(*record->live);
    } else if (is_end(event)) {
      kept_[event.execution].ended = ended_content(*record);
    }
  }

 private:
  struct Kept {
    Content accepted;
    Content request;
    Content ended;
  };

  static std::vector<EventKind> kinds_in(World& world) {
    for (std::size_t node = 0; node < world.nodes(); ++node) {
      if (!world.node(node).has_journal()) continue;
      return {EventKind::kAccepted, EventKind::kTransition, EventKind::kRestored,
              EventKind::kRecordDropped};
    }
    return {};
  }

  void compare(ExecutionRef execution, const core::AsyncExecution& restored) {
    const auto position = kept_.find(execution);
    if (position == kept_.end()) return;
    const Kept& kept = position->second;
    compare(execution, kept.accepted, accepted_content(restored));
    if (restored.live != nullptr) {
      compare(execution, kept.request, request_content(*restored.live));
    } else {
      compare(execution, kept.ended, ended_content(restored));
    }
  }

  void compare(ExecutionRef execution, const Content& before, const Content& after) {
    // Without a record at that event there is nothing to compare with.
    if (before.empty()) return;
    const auto [old, now] = std::ranges::mismatch(before, after);
    if (now == after.end()) return;
    violation(execution, fmt::format("its {} was '{}' and is '{}' after the restart", old->first,
                                     old->second, now->second));
  }

  std::map<ExecutionRef, Kept> kept_;
};

}  // namespace

void add_restoration_rules(World& world, Invariants& invariants) {
  invariants.push_back(std::make_unique<RestoredAsRecorded>(world));
}

}  // namespace quintain::sim
