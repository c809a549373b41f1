// Invariant on what callers were told about executions of a node with a journal. It is kept across
// crashes.
#include <absl/container/flat_hash_map.h>
#include <fmt/format.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "sim/invariants/invariant.h"

namespace quintain::sim {
namespace {

// Only nodes with a journal are checked: it takes a copy of each result.
class WhatWasToldStays final : public Invariant {
 public:
  explicit WhatWasToldStays(World& world)
      : Invariant(
            world, "what-was-told-stays",
            "on a node with a store, what an answer says about an execution agrees with every "
            "answer that came before its call, also after a crash",
            kinds_in(world)) {}

  void on_event(const Event& event, const ExecutionFacts*) override {
    SimulatedNode& node = world().node(event.execution.node);
    if (!node.has_journal()) return;
    ++now_;
    switch (event.kind) {
      case EventKind::kAccepted: {
        const auto* record = node.record(event.execution.ordinal);
        if (record != nullptr) ids_[event.execution] = record->execution_id;
        break;
      }
      case EventKind::kRestored:
        ids_[event.execution] = event.restored->execution_id;
        break;
      case EventKind::kRecordDropped:
        told_.erase({event.execution.node, ids_[event.execution]});
        dropped_[{event.execution.node, ids_[event.execution]}] = now_;
        ids_.erase(event.execution);
        break;
      case EventKind::kCallSent:
        sent(event);
        break;
      case EventKind::kCallAnswered:
        answered(event);
        asked_.erase(event.call);
        break;
      default:
        asked_.erase(event.call);
        break;
    }
  }

 private:
  static std::vector<EventKind> kinds_in(World& world) {
    for (std::size_t node = 0; node < world.nodes(); ++node) {
      if (!world.node(node).has_journal()) continue;
      return {EventKind::kCallSent, EventKind::kCallAnswered, EventKind::kCallRefused,
              EventKind::kAccepted, EventKind::kRestored,     EventKind::kRecordDropped};
    }
    return {};
  }

  struct Told {
    spearlet::ExecutionStatus status = spearlet::EXECUTION_STATUS_UNSPECIFIED;
    std::string end;  // the result without its payload and metrics, once it is final
    std::int64_t at = 0;
  };
  struct Asked {
    std::string id;  // empty: the answer says it
    std::int64_t at = 0;
  };

  void sent(const Event& event) {
    if (const auto* read = message_as<spearlet::GetExecutionStatusRequest>(event)) {
      asked_[event.call] = {read->execution_id(), now_};
    } else if (const auto* cancel = message_as<spearlet::CancelExecutionRequest>(event)) {
      asked_[event.call] = {cancel->execution_id(), now_};
    } else if (message_as<spearlet::InvokeFunctionRequest>(event) != nullptr) {
      asked_[event.call] = {{}, now_};
    }
  }

  void answered(const Event& event) {
    const auto asked = asked_.find(event.call);
    if (asked == asked_.end()) return;
    if (const auto* read = message_as<spearlet::GetExecutionStatusResponse>(event)) {
      if (read->found()) {
        check(event, asked->second, asked->second.id, read->result().status(), &read->result());
      } else {
        check_missing(event, asked->second);
      }
    } else if (const auto* invoked = message_as<spearlet::InvokeFunctionResponse>(event)) {
      check(event, asked->second, invoked->execution_id(), invoked->result().status(),
            &invoked->result());
    } else if (const auto* cancelled = message_as<spearlet::CancelExecutionResponse>(event)) {
      if (cancelled->final_status() != spearlet::EXECUTION_STATUS_UNSPECIFIED) {
        check(event, asked->second, asked->second.id, cancelled->final_status(), nullptr);
      }
    }
  }

  void check_missing(const Event& event, const Asked& asked) {
    const auto told = told_.find({event.execution.node, asked.id});
    if (told == told_.end() || told->second.at > asked.at) return;
    violation(fmt::format("'{}' was told to be {}, and is not found", asked.id,
                          short_name(told->second.status)),
              {event});
  }

  void check(const Event& event, const Asked& asked, const std::string& id,
             spearlet::ExecutionStatus status, const spearlet::ExecutionResult* result) {
    // The answer may be about an execution of this id that has expired meanwhile.
    const auto dropped = dropped_.find({event.execution.node, id});
    if (dropped != dropped_.end() && dropped->second >= asked.at) return;
    Told& told = told_[{event.execution.node, id}];
    std::string end;
    if (result != nullptr && is_final(status)) {
      spearlet::ExecutionResult copy = *result;
      copy.clear_result();
      copy.clear_metrics();
      end = copy.SerializeAsString();
    }
    if (told.at > 0 && told.at <= asked.at) {
      const bool regress = is_final(told.status) ? status != told.status : status < told.status;
      if (regress) {
        violation(fmt::format("'{}' was told to be {}, and is {}", id, short_name(told.status),
                              short_name(status)),
                  {event});
      } else if (!told.end.empty() && !end.empty() && end != told.end) {
        violation(fmt::format("'{}' has another end than was told", id), {event});
      }
    }
    // A late answer may say less than one that came before.
    if (told.at == 0 || status > told.status) told.status = status;
    if (!end.empty()) told.end = std::move(end);
    told.at = now_;
  }

  std::map<std::pair<std::uint32_t, std::string>, Told> told_;             // by node and id
  std::map<std::pair<std::uint32_t, std::string>, std::int64_t> dropped_;  // likewise: when
  std::map<ExecutionRef, std::string> ids_;
  absl::flat_hash_map<std::uint64_t, Asked> asked_;  // by open call
  std::int64_t now_ = 0;                             // counts events
};

}  // namespace

void add_promise_rules(World& world, Invariants& invariants) {
  invariants.push_back(std::make_unique<WhatWasToldStays>(world));
}

}  // namespace quintain::sim
