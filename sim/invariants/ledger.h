// What the history says about each execution so far.
#pragma once

#include <boost/container/deque.hpp>
#include <cstdint>
#include <optional>
#include <vector>

#include "sim/history.h"

namespace quintain::sim {

/// The state of one execution according to its events. It is computed from the events alone, so
/// that it can be compared with the records of the node.
struct ExecutionFacts {
  spearlet::ExecutionStatus status = spearlet::EXECUTION_STATUS_UNSPECIFIED;
  spearlet::ExecutionMode mode = spearlet::EXECUTION_MODE_UNSPECIFIED;
  core::Instant accepted_at;
  core::Instant deadline;
  core::Instant dispatched_at = core::Instant::never();
  /// Its position, from 1, among all executions that got a slot; 0: it got none.
  std::uint64_t dispatch_order = 0;
  core::Instant started_at = core::Instant::never();
  core::Instant ended_at = core::Instant::never();
  core::Instant cancel_requested_at = core::Instant::never();
  bool cancel_forced = false;
  core::Duration eta_p50{0};
  core::Duration eta_p90{0};
  /// When the node took it over after a crash; the start of the world otherwise. Nothing that was
  /// due before can have happened earlier.
  core::Instant alive_since;
  bool was_restored = false;
  int max_retries = 0;
  int attempts = 0;
  int cold_starts = 0;
  int outcomes = 0;
  bool holds_slot = false;
  /// Attempts that use the machine, according to the runtime.
  int on_machine = 0;

  bool ended() const { return outcomes > 0; }
};

/// The facts about all executions that the nodes have on record. Serial context only.
class Ledger {
 public:
  /// Returns nullptr if no event has named the execution, or the node has dropped its record.
  const ExecutionFacts* find(ExecutionRef execution) const;

  void apply(const Event& event);

  /// Calls visit(reference, facts) for all executions, ordered by node and acceptance.
  template <class Visit>
  void for_each(const Visit& visit) const {
    for (std::uint32_t node = 0; node < books_.size(); ++node) {
      std::uint64_t ordinal = books_[node].first;
      for (const auto& facts : books_[node].facts) {
        if (facts) visit(ExecutionRef{.node = node, .ordinal = ordinal}, *facts);
        ++ordinal;
      }
    }
  }

 private:
  // The executions of a node by ordinal. Ordinals are dense. A forgotten execution leaves a gap
  // until it is at the front.
  struct Book {
    std::uint64_t first = 1;
    boost::container::deque<std::optional<ExecutionFacts>, void,
                            boost::container::deque_options_t<boost::container::block_size<64>>>
        facts;
  };

  ExecutionFacts* add_entry(ExecutionRef execution);
  void add(const Event& accepted);
  void restore(const Event& restored);
  void forget(ExecutionRef execution);

  std::vector<Book> books_;  // by node
  std::uint64_t dispatches_ = 0;
};

}  // namespace quintain::sim
