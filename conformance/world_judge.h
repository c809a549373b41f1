// Judges the calls of a simulated world by the clauses of the contract.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string_view>
#include <vector>

#include "conformance/suite.h"
#include "reports/report.h"
#include "sim/function_model.h"
#include "sim/history.h"
#include "sim/world.h"

namespace quintain::conformance {

/// The name of the check that every answer is one that the model allows.
inline constexpr std::string_view kModelCheck = "model";

/// Records the calls that clients make to the nodes of a world, and judges those of each node by
/// every clause that a single call or a history of calls can show, and by the model of the contract
/// (model/). The node is the reference core, so its policies are known. Serial context only.
class WorldJudge {
 public:
  /// The calls of a node with more than this are not judged: the judgement takes more than linear
  /// time.
  static constexpr std::size_t kMaxCalls = 5000;

  /// `world` must outlive this object, and has its nodes already, which are up.
  explicit WorldJudge(const sim::World& world);

  /// Takes every event of the history.
  void on_event(const sim::Event& event);

  /// A check for each clause that was judged, one more for each further violation of it, and the
  /// check kModelCheck, which is a warning if the model disagrees: it may be the model that is
  /// wrong.
  /// Requires: the run is over, and the nodes exist. Called once.
  std::vector<reports::Check> checks();

 private:
  struct NodeCalls {
    CaseResult result;
    std::map<std::uint64_t, std::size_t> by_call;  // the number in the world -> the position
    bool too_many = false;
    bool restarted = false;
    // With a network: since when an answer, or a message of a stream, is under way or waits for its
    // slow reader, by call, and the longest times that requests and answers took.
    std::map<std::uint64_t, core::Instant> leaving;
    core::Duration there{0};
    core::Duration back{0};
  };

  void on_sent(const sim::Event& event, NodeCalls& calls);
  static void on_network_event(const sim::Event& event, std::size_t position, NodeCalls& calls);
  static void measure_answer(const sim::Event& event, NodeCalls& calls);
  core::Duration delay_of(std::uint32_t node, const NodeCalls& calls) const;
  Policies policies_of(std::uint32_t node, const NodeCalls& calls) const;
  reports::Check check_model(std::uint32_t node, const NodeCalls& calls,
                             std::span<const RecordedCall> recorded) const;

  const sim::World& world_;
  std::vector<std::vector<sim::FunctionModel>> functions_;  // of each node
  std::map<std::uint32_t, NodeCalls> nodes_;
};

}  // namespace quintain::conformance
