// What happened in runs, so that an exploration can say what it has not reached.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "sim/history.h"

namespace quintain::scenarios {

/// Counts situations of a run by name: "RUNNING -> TIMEOUT", "refused: RESOURCE_EXHAUSTED", "a
/// cancel at the instant of the end". Those that are faults of a part of the world have its name in
/// front: "runtime: a start fails", "client: repeats a call", "network: the request is lost".
/// Serial context only.
class Situations {
 public:
  void on_event(const sim::Event& event);

  /// Adds the counts of another run.
  void add(const Situations& other);

  const std::map<std::string, std::int64_t, std::less<>>& counts() const { return counts_; }

  /// The situations that worlds drawn by draw_world() must reach, if there are some thousand.
  static const std::vector<std::string_view>& expected();

 private:
  void count(std::string name) { ++counts_[std::move(name)]; }
  void on_transition(const sim::Event& event);
  void on_call(const sim::Event& event);
  void count_leaving(const sim::Event& event);

  std::map<std::string, std::int64_t, std::less<>> counts_;
  std::map<sim::ExecutionRef, core::Instant> cancelled_at_;
  core::Instant last_end_ = core::Instant::never();
  sim::ExecutionRef last_ended_;
  std::uint64_t last_creator_ = 0;  // the call of the last acceptance
  std::set<sim::ExecutionRef> restored_;
  std::set<sim::ExecutionRef> stopping_;
  std::map<sim::ExecutionRef, spearlet::ExecutionStatus> status_;  // of those that are not PENDING
  std::map<std::uint64_t, sim::ExecutionRef> executions_of_;       // by the call that created them
  std::map<sim::ExecutionRef, std::uint64_t> creators_;
  std::set<std::uint64_t> open_calls_;  // invocations
  std::set<std::uint64_t> repeats_;     // calls that may join the execution of another
  std::map<std::pair<std::uint32_t, std::string>, std::uint64_t> first_calls_;  // by node and id
  std::set<std::uint32_t> draining_;                                            // nodes
};

}  // namespace quintain::scenarios
