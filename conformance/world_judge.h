// Judges the calls of a simulated world by the clauses of the contract.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "conformance/suite.h"
#include "reports/report.h"
#include "sim/history.h"
#include "sim/world.h"

namespace quintain::conformance {

/// Records the calls that clients make to the nodes of a world, and judges those of each node by
/// every clause that a single call or a history of calls can show. The node is the reference core,
/// so its policies are known. Serial context only.
class WorldJudge {
 public:
  /// The calls of a node with more than this are not judged: the judgement takes more than linear
  /// time.
  static constexpr std::size_t kMaxCalls = 5000;

  /// `world` must outlive this object.
  explicit WorldJudge(const sim::World& world) : world_(world) {}

  /// Takes every event of the history.
  void on_event(const sim::Event& event);

  /// A check for each clause that was judged, and one more for each further violation of it.
  /// Requires: the run is over, and the nodes exist. Called once.
  std::vector<reports::Check> checks();

 private:
  struct NodeCalls {
    CaseResult result;
    std::map<std::uint64_t, std::size_t> by_call;  // the number in the world -> the position
    bool too_many = false;
    // With a network: since when an answer, or a message of a stream, is under way or waits for its
    // slow reader, by call, and the longest times that requests and answers took.
    std::map<std::uint64_t, core::Instant> leaving;
    core::Duration there{0};
    core::Duration back{0};
  };

  void on_sent(const sim::Event& event, NodeCalls& calls);
  static void on_network_event(const sim::Event& event, std::size_t position, NodeCalls& calls);
  static void measure_answer(const sim::Event& event, NodeCalls& calls);
  Policies policies_of(std::uint32_t node, const NodeCalls& calls) const;

  const sim::World& world_;
  std::map<std::uint32_t, NodeCalls> nodes_;
};

}  // namespace quintain::conformance
