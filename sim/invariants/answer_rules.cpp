// Invariants on the answers that callers get.
#include <absl/container/flat_hash_map.h>
#include <absl/status/status.h>
#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "sim/invariants/invariant.h"

namespace quintain::sim {
namespace {

class EveryCallAnsweredOnce final : public Invariant {
 public:
  explicit EveryCallAnsweredOnce(World& world)
      : Invariant(world, "every-call-answered-once",
                  "every call gets exactly one answer or one refusal",
                  {EventKind::kCallSent, EventKind::kCallAnswered, EventKind::kCallRefused}) {}

  void on_event(const Event& event, const ExecutionFacts*) override {
    if (event.kind == EventKind::kCallSent) {
      open_.emplace(event.call, event);
    } else if (open_.erase(event.call) == 0) {
      violation(fmt::format("call {} is answered without being open", event.call), {event});
    }
  }
  void on_end(const Ledger&, const RunEnd& end) override {
    if (!end.settled) return;
    std::vector<Event> unanswered;
    for (const auto& [call, sent] : open_) unanswered.push_back(sent);  // sorted below
    std::ranges::sort(unanswered, {}, &Event::call);
    for (const Event& sent : unanswered) {
      violation(fmt::format("call {} was never answered", sent.call), {sent});
    }
  }

 private:
  absl::flat_hash_map<std::uint64_t, Event> open_;
};

// The shape of an answer to InvokeFunction depends on the requested mode.
class AnswersInShape final : public Invariant {
 public:
  explicit AnswersInShape(World& world)
      : Invariant(world, "answers-in-shape",
                  "a SYNC answer is final, without endpoint and estimate; an ASYNC answer has "
                  "both, and the first says PENDING",
                  {EventKind::kCallSent, EventKind::kCallAnswered, EventKind::kCallRefused}) {}

  void on_event(const Event& event, const ExecutionFacts*) override {
    if (event.kind == EventKind::kCallSent) {
      const auto* request = message_as<spearlet::InvokeFunctionRequest>(event);
      if (request != nullptr) {
        const std::string& id = request->has_execution_id() ? request->execution_id()
                                                            : request->context().execution_id();
        asked_.insert({event.call, {.mode = request->execution_mode(), .chosen_id = id}});
      }
    } else {
      const auto position = asked_.find(event.call);
      if (position == asked_.end()) return;
      const Asked asked = std::move(position->second);
      asked_.erase(position);
      // The call of a node that crashed may have been accepted: an answer to the next call with its
      // id need not be the first about the execution.
      if (event.kind == EventKind::kCallRefused && !asked.chosen_id.empty() &&
          event.number == static_cast<int>(absl::StatusCode::kUnavailable)) {
        chosen_ids_.insert(asked.chosen_id);
      }
      const auto* answer = message_as<spearlet::InvokeFunctionResponse>(event);
      if (answer == nullptr) return;
      asked.mode == spearlet::EXECUTION_MODE_SYNC
          ? check_sync(event, *answer)
          : check_async(event, *answer, !asked.chosen_id.empty());
    }
  }

 private:
  void check_sync(const Event& event, const spearlet::InvokeFunctionResponse& answer) {
    const spearlet::ExecutionStatus status = answer.result().status();
    const bool completed = status == spearlet::EXECUTION_STATUS_COMPLETED;
    require(event, is_final(status), "a SYNC answer says {}", short_name(status));
    require(event, answer.status_endpoint().empty(), "a SYNC answer has the endpoint '{}'",
            answer.status_endpoint());
    require(event, answer.estimated_completion_ms() == 0, "a SYNC answer estimates {} ms",
            answer.estimated_completion_ms());
    require(event, answer.success() == completed, "a SYNC answer says success={} and {}",
            answer.success(), short_name(status));
    require(event, completed == answer.result().error_code().empty(),
            "a SYNC answer says {} with error_code '{}'", short_name(status),
            answer.result().error_code());
    require(event, completed || !answer.result().has_result(),
            "a SYNC answer says {} and has a result", short_name(status));
    require(event, !answer.execution_id().empty(), "a SYNC answer has no {}", "execution_id");
  }

  void check_async(const Event& event, const spearlet::InvokeFunctionResponse& answer,
                   bool chose_id) {
    const spearlet::ExecutionResult& result = answer.result();
    // Only with an id that the caller chose can a second call name the same execution. On a network
    // it may be answered before the first one.
    const bool network = world().node(event.execution.node).has_network();
    const bool first = !chose_id || (!network && chosen_ids_.insert(answer.execution_id()).second);
    require(event, answer.success(), "an ASYNC answer says success={}", answer.success());
    require(event, !answer.execution_id().empty(), "an ASYNC answer has no {}", "execution_id");
    require(event, answer.status_endpoint().find(answer.execution_id()) != std::string::npos,
            "an ASYNC answer's endpoint is '{}'", answer.status_endpoint());
    require(event, answer.estimated_completion_ms() > 0, "an ASYNC answer estimates {} ms",
            answer.estimated_completion_ms());
    require(event, !first || result.status() == spearlet::EXECUTION_STATUS_PENDING,
            "the first ASYNC answer says {}", short_name(result.status()));
    require(event, !first || (!result.has_result() && !result.has_completed_at()),
            "the first ASYNC answer has a {}", result.has_result() ? "result" : "completed_at");
  }

  template <class... Arguments>
  void require(const Event& event, bool holds, fmt::format_string<Arguments...> problem,
               Arguments&&... arguments) {
    if (!holds) violation(fmt::format(problem, std::forward<Arguments>(arguments)...), {event});
  }

  struct Asked {
    spearlet::ExecutionMode mode;
    std::string chosen_id;  // empty: the node makes the id
  };
  absl::flat_hash_map<std::uint64_t, Asked> asked_;  // by open call
  std::set<std::string> chosen_ids_;
};

// For every result in an answer: each time is set once it has happened, and times are in order.
class TimestampsOrdered final : public Invariant {
 public:
  explicit TimestampsOrdered(World& world)
      : Invariant(world, "timestamps-ordered",
                  "started_at <= completed_at <= now; completed_at is set exactly at the end; "
                  "execution_time_ms is the time between them",
                  {EventKind::kCallAnswered}) {}

  void on_event(const Event& event, const ExecutionFacts*) override {
    if (const auto* answer = message_as<spearlet::InvokeFunctionResponse>(event)) {
      check(event, answer->result());
    } else if (const auto* status = message_as<spearlet::GetExecutionStatusResponse>(event)) {
      if (status->found()) check(event, status->result());
    }
  }

 private:
  void check(const Event& event, const spearlet::ExecutionResult& result) {
    const core::Duration now = event.at.since_start();
    const core::Duration started = since_world_start(result.started_at());
    const core::Duration completed = since_world_start(result.completed_at());
    const auto report = [&](std::string_view what) {
      violation(fmt::format("a result with status {}: {}", short_name(result.status()), what),
                {event});
    };
    if (result.has_completed_at() != is_final(result.status())) {
      report(result.has_completed_at() ? "completed_at is set" : "completed_at is not set");
    }
    if (result.status() == spearlet::EXECUTION_STATUS_PENDING && result.has_started_at()) {
      report("started_at is set");
    }
    const bool ran = result.status() == spearlet::EXECUTION_STATUS_RUNNING ||
                     result.status() == spearlet::EXECUTION_STATUS_COMPLETED;
    if (ran && !result.has_started_at()) report("started_at is not set");
    if (result.has_started_at() && started > now) report("started_at is in the future");
    if (result.has_completed_at() && completed > now) report("completed_at is in the future");
    if (!result.has_started_at() || !result.has_completed_at()) return;
    if (started > completed) report("started_at is after completed_at");
    if (result.execution_time_ms() != core::floor_milliseconds(completed - started)) {
      report(fmt::format("execution_time_ms is {}", result.execution_time_ms()));
    }
  }
};

class StreamsEndOnce final : public Invariant {
 public:
  explicit StreamsEndOnce(World& world)
      : Invariant(world, "streams-end-once",
                  "a stream that ends without an error ends with its only final message",
                  {EventKind::kCallSent, EventKind::kStreamMessage, EventKind::kCallAnswered,
                   EventKind::kCallRefused, EventKind::kCallerGone}) {}

  void on_event(const Event& event, const ExecutionFacts*) override {
    if (event.kind == EventKind::kCallSent) {
      if (event.mode == spearlet::EXECUTION_MODE_STREAM) has_ended_.emplace(event.call, false);
      return;
    }
    if (has_ended_.empty()) return;
    const auto stream = has_ended_.find(event.call);
    if (stream == has_ended_.end()) return;
    if (event.kind == EventKind::kStreamMessage) {
      const auto* message = message_as<spearlet::StreamExecutionResult>(event);
      if (stream->second) {
        violation(fmt::format("call {}: a message comes after the final one", event.call), {event});
      }
      stream->second |= message != nullptr && message->is_final();
      return;
    }
    // A stream without any message that ends well is recorded as a refusal with the status OK.
    const bool ended_well = event.kind == EventKind::kCallAnswered ||
                            (event.kind == EventKind::kCallRefused && event.number == 0);
    if (ended_well && !stream->second) {
      violation(fmt::format("call {}: the stream ends without a final message", event.call),
                {event});
    }
    has_ended_.erase(stream);
  }

 private:
  absl::flat_hash_map<std::uint64_t, bool> has_ended_;  // by open call of a stream
};

}  // namespace

void add_answer_rules(World& world, Invariants& invariants) {
  invariants.push_back(std::make_unique<EveryCallAnsweredOnce>(world));
  invariants.push_back(std::make_unique<AnswersInShape>(world));
  invariants.push_back(std::make_unique<TimestampsOrdered>(world));
  invariants.push_back(std::make_unique<StreamsEndOnce>(world));
}

}  // namespace quintain::sim
