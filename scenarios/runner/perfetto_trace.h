// A run as a timeline for Perfetto (https://ui.perfetto.dev) and chrome://tracing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <ostream>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "sim/history.h"
#include "sim/world.h"

namespace quintain::scenarios {

/// Writes the events of a run to a stream as they happen, in the JSON form of the "Trace Event
/// Format": one object whose `traceEvents` are slices (B, E), instants (i), counters (C) and the
/// names of tracks (M). Times (`ts`) are microseconds of virtual time.
///
/// For each node there are tracks for its executions, slots, instances, callers, connections (with
/// a network) and disk (with a store), and one for its faults. What has not ended when the run ends
/// is closed then. Memory is bounded by what is open and by the names of tracks. Serial context
/// only.
class PerfettoTrace final : public sim::HistoryListener {
 public:
  /// Both must outlive the timeline. `out` receives the start of the document.
  PerfettoTrace(sim::World& world, std::ostream& out);
  /// Writes the end of the document.
  ~PerfettoTrace() override;

  PerfettoTrace(const PerfettoTrace&) = delete;
  PerfettoTrace& operator=(const PerfettoTrace&) = delete;

  void on_event(const sim::Event& event) override;

 private:
  // The groups of tracks of a node.
  enum class Group : std::uint8_t {
    kFaults,
    kExecutions,
    kSlots,
    kInstances,
    kCallers,
    kConnections,
    kDisk,
  };
  static constexpr std::uint64_t kGroups = 8;

  struct Track {
    std::uint64_t group = 0;   // `pid`
    std::uint64_t number = 0;  // `tid`
    friend auto operator<=>(const Track&, const Track&) = default;
  };

  // Numbers that are free again when what had them has ended, the lowest first.
  class Lanes {
   public:
    std::uint64_t take();
    void give_back(std::uint64_t lane) { free_.insert(lane); }

   private:
    std::set<std::uint64_t> free_;
    std::uint64_t used_ = 0;
  };

  // What an execution that has not ended occupies.
  struct Execution {
    std::uint64_t slot = 0;  // 0: none
    std::string instance;
    bool waits = true;
  };
  struct Call {
    std::uint64_t lane;
    std::uint64_t connection;  // 0: none
    bool under_way;
  };
  struct Node {
    Lanes slots;
    Lanes callers;
    Lanes connections;
    std::map<std::string, std::uint64_t> instances;  // the numbers of their tracks
    std::map<std::uint64_t, Execution> executions;   // by ordinal
    std::map<std::uint64_t, Call> calls;             // by number
    std::int64_t waiting = 0;
    std::int64_t running = 0;
  };

  void on_call_event(const sim::Event& event);
  void on_execution_event(const sim::Event& event);
  void on_network_event(const sim::Event& event);
  void on_disk_event(const sim::Event& event);
  void on_dispatched(const sim::Event& event, Execution& execution);
  void name_execution(std::uint32_t node, std::uint64_t ordinal);
  void on_ended(const sim::Event& event);
  void release(std::uint32_t node, Execution& execution);
  void on_crash(std::uint32_t node);
  void count(std::uint32_t node);

  Track track(Group group, std::uint32_t node, std::uint64_t number, const std::string& name);
  void begin(Track track, const std::string& name, nlohmann::ordered_json arguments = {});
  void end(Track track, nlohmann::ordered_json arguments = {});
  void end_inner(Track track);
  void end_all(Track track);
  void instant(Track track, const std::string& name);
  void fault(std::uint32_t node, const std::string& name);
  void write(const nlohmann::ordered_json& event);
  double now() const;

  sim::World& world_;
  std::ostream& out_;
  bool first_ = true;
  std::map<std::uint32_t, Node> nodes_;
  std::set<std::uint64_t> named_groups_;
  std::set<Track> named_tracks_;
  std::map<Track, std::size_t> open_;  // slices
};

}  // namespace quintain::scenarios
