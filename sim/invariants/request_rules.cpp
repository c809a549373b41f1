// Invariants on what a request asks for: its deadline, its place in the queue, its answer, and the
// stop of a function.
#include <absl/container/flat_hash_map.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/base/duration_text.h"
#include "sim/invariants/invariant.h"

namespace quintain::sim {
namespace {

// The deadline is computed here from the request and the settings of the node alone. Only without a
// network: there a request arrives later than it is sent.
class DeadlinesAsRequested final : public Invariant {
 public:
  explicit DeadlinesAsRequested(World& world)
      : Invariant(
            world, "deadlines-as-requested",
            "a deadline is the acceptance plus the timeout of the request, or the default of "
            "its mode, or the maximum if that is less; that of a SYNC call or a stream may be "
            "sooner, as the call's is",
            {EventKind::kCallSent, EventKind::kAccepted}) {}

  void on_event(const Event& event, const ExecutionFacts*) override {
    if (event.kind == EventKind::kCallSent) {
      const auto* request = message_as<spearlet::InvokeFunctionRequest>(event);
      if (request == nullptr) return;
      call_ = event.call;
      timeout_ms_ = request->context().timeout_ms();
      return;
    }
    if (event.call != call_ || call_ == 0) return;
    const core::TimeoutConfig& config = world().node(event.execution.node).config().timeout;
    const bool async = event.mode == spearlet::EXECUTION_MODE_ASYNC;
    core::Duration timeout = async ? config.async_default : config.sync_default;
    constexpr std::int64_t kMaxMs = core::Duration::max() / std::chrono::milliseconds(1);
    if (timeout_ms_ > 0) timeout = std::chrono::milliseconds(std::min(timeout_ms_, kMaxMs));
    const core::Instant deadline = event.at + std::min(timeout, config.maximum);
    if (event.deadline == deadline || (!async && event.deadline < deadline)) return;
    violation(event.execution, fmt::format("its deadline is {}, the request asks for {}",
                                           core::format_duration(event.deadline.since_start()),
                                           core::format_duration(deadline.since_start())));
  }

 private:
  // The last invocation.
  std::uint64_t call_ = 0;
  std::int64_t timeout_ms_ = 0;
};

class EstimatesInOrder final : public Invariant {
 public:
  explicit EstimatesInOrder(World& world)
      : Invariant(world, "estimates-in-order",
                  "the median of an estimate is at most its 90th percentile, and neither is beyond "
                  "the deadline",
                  {EventKind::kAccepted}) {}

  void on_event(const Event& event, const ExecutionFacts*) override {
    const core::Duration left = event.deadline - event.at;
    if (event.eta_p50 < core::Duration::zero() || event.eta_p50 > event.eta_p90 ||
        event.eta_p90 > left) {
      violation(event.execution,
                fmt::format("p50 {}, p90 {}, deadline in {}", core::format_duration(event.eta_p50),
                            core::format_duration(event.eta_p90), core::format_duration(left)));
    }
  }
};

// Checked at the end of every instant: work that is accepted may get its slot at once.
class QueueWithinLimit final : public Invariant {
 public:
  explicit QueueWithinLimit(World& world)
      : Invariant(
            world, "queue-within-limit",
            "no more executions wait for a slot than the queue may hold, except those that were "
            "taken over at a restart",
            {EventKind::kAccepted, EventKind::kAttemptDispatched, EventKind::kTransition,
             EventKind::kNodeCrashed, EventKind::kRestored}),
        nodes_(world.nodes()) {}

  void on_event(const Event& event, const ExecutionFacts* facts) override {
    Node& node = nodes_[event.execution.node];
    if (event.kind == EventKind::kNodeCrashed) {
      node = {};
    } else if (event.kind == EventKind::kRestored) {
      if (event.restored->live != nullptr) ++node.waiting, ++node.restored;
    } else if (event.kind == EventKind::kAccepted) {
      ++node.waiting;
      node.last = event.execution;
      has_grown_ = true;
    } else if (facts != nullptr && !facts->ended() && facts->dispatched_at.is_never() &&
               (event.kind == EventKind::kAttemptDispatched || is_end(event))) {
      --node.waiting;
    }
  }

  bool watches_instants() const override { return true; }
  void on_instant_over(core::Instant) override {
    if (!std::exchange(has_grown_, false)) return;
    for (std::size_t index = 0; index < nodes_.size(); ++index) {
      const Node& node = nodes_[index];
      const std::int64_t limit = world().node(index).config().queue_limit;
      if (node.waiting <= std::max(limit, node.restored)) continue;
      violation(node.last, fmt::format("{} wait, the queue may hold {}", node.waiting, limit));
    }
  }

 private:
  struct Node {
    std::int64_t waiting = 0;
    std::int64_t restored = 0;
    ExecutionRef last;
  };
  std::vector<Node> nodes_;
  bool has_grown_ = false;  // since the last check
};

class StopsFollowCancels final : public Invariant {
 public:
  explicit StopsFollowCancels(World& world)
      : Invariant(
            world, "stops-follow-cancels",
            "at the instant of its first cancel an execution ends, or its function is asked to "
            "stop; it is asked once, and only then",
            {EventKind::kCancelRequested, EventKind::kStopRequested, EventKind::kTransition,
             EventKind::kNodeCrashed}) {}

  void on_event(const Event& event, const ExecutionFacts* facts) override {
    const auto is_of_node = [&](const ExecutionRef& execution) {
      return execution.node == event.execution.node;
    };
    if (event.kind == EventKind::kNodeCrashed) {
      std::erase_if(due_, is_of_node);
      std::erase_if(asked_, is_of_node);
    } else if (event.kind == EventKind::kStopRequested) {
      if (due_.erase(event.execution) == 0) {
        violation(event.execution, asked_.contains(event.execution)
                                       ? "its function is asked to stop twice"
                                       : "its function is asked to stop without a cancel");
      }
      asked_.insert(event.execution);
    } else if (event.kind == EventKind::kCancelRequested) {
      const bool first = facts != nullptr && facts->cancel_requested_at.is_never();
      if (first && !facts->ended()) due_.insert(event.execution);
    } else if (is_end(event)) {
      if (!due_.empty()) due_.erase(event.execution);
      if (!asked_.empty()) asked_.erase(event.execution);
    }
  }

  bool watches_instants() const override { return true; }
  void on_instant_over(core::Instant) override {
    for (const ExecutionRef& execution : due_) {
      violation(execution, "it was cancelled, and its function has not been asked to stop");
    }
    due_.clear();
  }

 private:
  std::set<ExecutionRef> due_;
  std::set<ExecutionRef> asked_;
};

class AnswersBelongToTheirCalls final : public Invariant {
 public:
  explicit AnswersBelongToTheirCalls(World& world)
      : Invariant(world, "answers-belong-to-their-calls",
                  "an answer is about the execution that its call has created or named",
                  {EventKind::kCallSent, EventKind::kAccepted, EventKind::kCallAnswered,
                   EventKind::kCallRefused}) {}

  void on_event(const Event& event, const ExecutionFacts*) override {
    switch (event.kind) {
      case EventKind::kCallSent:
        sent(event);
        break;
      case EventKind::kAccepted:
        accepted(event);
        break;
      case EventKind::kCallAnswered:
        answered(event);
        break;
      default:
        forget(event.call);
        break;
    }
  }

 private:
  void sent(const Event& event) {
    if (const auto* request = message_as<spearlet::InvokeFunctionRequest>(event)) {
      const std::string& id = request->execution_id().empty() ? request->context().execution_id()
                                                              : request->execution_id();
      if (!id.empty()) named_.emplace(event.call, id);
    }
  }

  void accepted(const Event& event) {
    if (!named_.empty() && named_.contains(event.call)) return;
    SimulatedNode& node = world().node(event.execution.node);
    // On a network a request may arrive twice, and its record may be gone when the answer arrives.
    if (node.has_network() || node.has_journal()) {
      const core::AsyncExecution* record = node.record(event.execution.ordinal);
      if (record != nullptr) ids_[event.call].push_back(record->execution_id);
    } else {
      created_[event.call] = event.execution;
    }
  }

  void answered(const Event& event) {
    if (const auto* answer = message_as<spearlet::InvokeFunctionResponse>(event)) {
      check(event, answer->execution_id());
    }
    forget(event.call);
  }

  void check(const Event& event, const std::string& id) {
    const auto named = named_.empty() ? named_.end() : named_.find(event.call);
    if (named != named_.end()) {
      if (id == named->second) return;
      return violation(
          fmt::format("the call named '{}', its answer is about '{}'", named->second, id), {event});
    }
    if (const auto ids = ids_.find(event.call); ids != ids_.end()) {
      if (std::ranges::count(ids->second, id) > 0) return;
      return violation(fmt::format("the call has created '{}', its answer is about '{}'",
                                   ids->second.front(), id),
                       {event});
    }
    const auto created = created_.find(event.call);
    if (created == created_.end()) return;
    // The answer comes at the acceptance or at the end, when the record is there.
    const core::AsyncExecution* record =
        world().node(event.execution.node).record(created->second.ordinal);
    if (record == nullptr || record->execution_id != id) {
      violation(created->second, fmt::format("the answer of its call is about '{}'", id));
    }
  }

  void forget(std::uint64_t call) {
    if (!named_.empty()) named_.erase(call);
    if (!ids_.empty()) ids_.erase(call);
    created_.erase(call);
  }

  absl::flat_hash_map<std::uint64_t, std::string> named_;  // by open call
  // The executions that a call without a name has created, by open call.
  absl::flat_hash_map<std::uint64_t, ExecutionRef> created_;
  absl::flat_hash_map<std::uint64_t, std::vector<std::string>> ids_;
};

// Calls that are answered without a result of their own, such as ASYNC ones, are not concerned.
class ResultsAsReturned final : public Invariant {
 public:
  explicit ResultsAsReturned(World& world)
      : Invariant(world, "results-as-returned",
                  "the result in an answer is what the function of that execution has returned",
                  {EventKind::kCallSent, EventKind::kEnvironmentFreed, EventKind::kCallAnswered,
                   EventKind::kCallRefused, EventKind::kStreamMessage, EventKind::kRecordDropped}) {
  }

  void on_event(const Event& event, const ExecutionFacts*) override {
    switch (event.kind) {
      case EventKind::kCallSent:
        if (const auto* read = message_as<spearlet::GetExecutionStatusRequest>(event)) {
          if (read->include_result()) reads_[event.call] = read->execution_id();
        }
        return;
      case EventKind::kEnvironmentFreed:
        return returned(event);
      case EventKind::kRecordDropped:
        return dropped(event);
      case EventKind::kStreamMessage:
        if (const auto* message = message_as<spearlet::StreamExecutionResult>(event)) {
          if (message->is_final() && message->has_chunk_data()) {
            check(event, message->execution_id(), message->chunk_data().value());
          }
        }
        return;
      default:
        answered(event);
    }
  }

 private:
  using Id = std::pair<std::uint32_t, std::string>;  // node and execution_id

  void returned(const Event& event) {
    const core::Payload* result = event.report->result;
    if (result == nullptr || (result->value.empty() && returned_.empty())) return;
    const core::AsyncExecution* record =
        world().node(event.execution.node).record(event.execution.ordinal);
    if (record == nullptr) return;
    const Id id(event.execution.node, record->execution_id);
    if (result->value.empty() && !returned_.contains(id)) return;
    std::vector<std::string>& values = returned_[id];
    if (std::ranges::count(values, result->value) == 0) values.push_back(result->value);
    ids_[event.execution] = record->execution_id;
  }

  // On a network, and on a node with a store, an answer may come after the record is gone.
  void dropped(const Event& event) {
    const auto id = ids_.find(event.execution);
    if (id == ids_.end()) return;
    const SimulatedNode& node = world().node(event.execution.node);
    if (!node.has_network() && !node.has_journal()) {
      returned_.erase({event.execution.node, id->second});
    }
    ids_.erase(id);
  }

  void answered(const Event& event) {
    if (const auto* answer = message_as<spearlet::InvokeFunctionResponse>(event)) {
      if (answer->result().status() == spearlet::EXECUTION_STATUS_COMPLETED) {
        check(event, answer->execution_id(), answer->result().result().value());
      }
      return;
    }
    if (reads_.empty()) return;
    const auto read = reads_.find(event.call);
    if (read == reads_.end()) return;
    const auto* answer = message_as<spearlet::GetExecutionStatusResponse>(event);
    if (answer != nullptr && answer->found() &&
        answer->result().status() == spearlet::EXECUTION_STATUS_COMPLETED) {
      check(event, read->second, answer->result().result().value());
    }
    reads_.erase(read);
  }

  void check(const Event& event, const std::string& id, const std::string& value) {
    if (value.empty() && returned_.empty()) return;
    const auto known = returned_.find({event.execution.node, id});
    if (known == returned_.end() ? value.empty() : std::ranges::count(known->second, value) > 0) {
      return;
    }
    violation(fmt::format("the answer about '{}' has a result of {} bytes, which its function has "
                          "not returned",
                          id, value.size()),
              {event});
  }

  std::map<Id, std::vector<std::string>> returned_;  // results that are not empty
  std::map<ExecutionRef, std::string> ids_;
  absl::flat_hash_map<std::uint64_t, std::string> reads_;  // by open call
};

}  // namespace

void add_request_rules(World& world, Invariants& invariants) {
  invariants.push_back(std::make_unique<DeadlinesAsRequested>(world));
  invariants.push_back(std::make_unique<EstimatesInOrder>(world));
  invariants.push_back(std::make_unique<QueueWithinLimit>(world));
  invariants.push_back(std::make_unique<StopsFollowCancels>(world));
  invariants.push_back(std::make_unique<AnswersBelongToTheirCalls>(world));
  invariants.push_back(std::make_unique<ResultsAsReturned>(world));
}

}  // namespace quintain::sim
