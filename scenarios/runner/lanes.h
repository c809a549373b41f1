// What the executions of a run did and when, for the picture in its report.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "reports/timeline.h"
#include "sim/history.h"
#include "sim/world.h"

namespace quintain::scenarios {

/// Records the timeline of a run: its first executions and its first faults, so that memory is
/// bounded. Serial context only.
class LaneRecorder final : public sim::HistoryListener {
 public:
  static constexpr std::size_t kMaxLanes = 200;
  static constexpr std::size_t kMaxFaults = 200;

  /// `world` must outlive the recorder.
  explicit LaneRecorder(sim::World& world) : world_(world) {}

  void on_event(const sim::Event& event) override;

  /// What was recorded, with the names that the script gave to its executions.
  reports::Timeline timeline() const;

 private:
  void on_accepted(const sim::Event& event);
  void on_execution_event(const sim::Event& event, reports::Lane& lane);
  void on_network_event(const sim::Event& event);
  void on_crash(std::uint32_t node);
  void add_fault(std::string text);
  std::string node_name(std::uint32_t node) const;

  sim::World& world_;
  reports::Timeline timeline_;
  std::map<sim::ExecutionRef, std::size_t> lanes_;  // indices into timeline_.lanes
  std::set<sim::ExecutionRef> open_;                // those of them that may still change
};

}  // namespace quintain::scenarios
