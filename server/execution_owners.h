// Whose executions a node works for.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "core/observer.h"

namespace quintain::server {

/// Counts the executions of each caller that have not ended, however their calls ended. Executions
/// that a node has taken over from its store belong to no caller. Serial context only.
class ExecutionOwners final : public core::Observer {
 public:
  /// Executions that are accepted from now on belong to this caller; empty: to none.
  void set_caller(std::string_view name) { caller_ = name; }

  /// The executions of this caller that wait or run.
  std::int64_t live(std::string_view name) const;

  void on_accepted(const Accepted& event) override;
  void on_transition(std::uint64_t ordinal, spearlet::ExecutionStatus from,
                     spearlet::ExecutionStatus to) override;
  void on_attempt_started(const AttemptStarted&) override {}
  void on_attempt_running(std::uint64_t, core::AttemptId) override {}
  void on_attempt_stop_requested(std::uint64_t, core::AttemptId) override {}
  void on_attempt_ended(std::uint64_t, core::AttemptId, bool) override {}
  void on_slot_released(std::uint64_t) override {}
  void on_cancel_requested(std::uint64_t, bool) override {}
  void on_report_ignored(core::AttemptId) override {}
  void on_record_dropped(std::uint64_t) override {}

 private:
  // A caller stays here once it has had an execution: there are only as many as the access list has
  // had.
  using Counts = std::map<std::string, std::int64_t, std::less<>>;

  std::string caller_;
  Counts counts_;
  std::map<std::uint64_t, Counts::iterator> live_;  // by ordinal
};

}  // namespace quintain::server
