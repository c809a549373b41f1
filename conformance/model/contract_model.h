// The contract as a small pure model: the calls of some clients in, disagreements out.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "conformance/judgement/policies.h"
#include "conformance/judgement/recorded_call.h"
#include "spearlet/function.pb.h"

namespace quintain::conformance {

/// What a function does, as far as it is known.
struct FunctionBehaviour {
  enum class Fate : std::uint8_t { kCompletes, kFails, kHangs };
  /// The ends of its first attempts; the last one holds for all later ones. Not empty.
  std::vector<Fate> attempts;
  /// What it returns; nullopt: not known.
  std::optional<google::protobuf::Any> result{};
  /// The error_code of its failures; empty: not known.
  std::string error_code{};
};

/// What the model has to know of a node beside the calls of its clients. Plain data.
struct ModelledNode {
  Policies policies{};
  /// How much later than in the contract its clients may see things: their network, its disk.
  core::Duration delay{0};
  /// The timeouts of the contract; nullopt: not known.
  std::optional<core::Duration> sync_timeout = std::chrono::seconds(30);
  std::optional<core::Duration> async_timeout = std::chrono::hours(1);
  std::optional<core::Duration> maximum_timeout = std::chrono::hours(24);
  std::optional<core::Duration> cancel_grace = std::chrono::seconds(5);
  /// How many finished records it keeps.
  std::int64_t retained = 100'000;
  /// The tasks that are there from the start; nullopt: not known.
  std::optional<std::set<std::string>> tasks{};
  /// The tasks of which all functions are known, with the name "", and these functions; nullopt:
  /// none.
  std::optional<std::set<std::pair<std::string, std::string>>> functions{};
  /// Whether it may have been started again between two calls.
  bool restarts = false;
  /// Whether nobody else has called it, so that what it counts is known.
  bool alone = true;
  /// nullopt: not known. May be empty.
  std::function<std::optional<FunctionBehaviour>(const spearlet::InvokeFunctionRequest&)>
      behaviour{};
};

/// An answer that the contract does not allow.
struct Disagreement {
  /// RecordedCall::number.
  std::uint64_t call = 0;
  /// The answer, what is wrong with it, and what would be right.
  std::string what;
};

/// The answers that disagree with docs/contract.md, in the order of the calls.
///
/// The model has no queue, no slots and no instances: it knows of each execution what callers asked
/// for and what they were told, and from that the states in which it can be. It can be read as the
/// specification; it shares no code with the judge of histories (judgement/), which was written
/// clause by clause.
///
/// Requires: the calls are all calls to one node, in the order of sending.
std::vector<Disagreement> disagreements(std::span<const RecordedCall> calls,
                                        const ModelledNode& node);

}  // namespace quintain::conformance
