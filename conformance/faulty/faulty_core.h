// Faulty cores: services with one fault each, which the suite must tell from a correct one.
#pragma once

#include <google/protobuf/descriptor.pb.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "core/base/environment.h"
#include "core/function_service.h"
#include "core/node_config.h"
#include "core/runtime.h"

namespace quintain::conformance {

/// A fault of the transport, below the service.
enum class WireFault : std::uint8_t {
  kNone,
  kAnswersUnknownMethods,     // an unknown method is answered with an empty message and OK
  kDeafAfterMalformed,        // after a malformed message every call is UNAVAILABLE
  kConnectionOwnsExecutions,  // the end of a connection cancels the executions of its calls
  kForgetsAtRestart,          // nothing survives a crash
  kFailsWaitingAtRestart,     // what waits is taken for what runs
  kForgetsIdsAtRestart,       // ids that callers have chosen are taken for the node's own
};

/// One fault and how it is applied to a node. Each part may be empty; the others are applied in
/// this order:
///
///   configure     changes the configuration before the node is made from it
///   wrap_runtime  makes the runtime that the node uses in place of its own
///   decorate      makes the service that callers use in place of the node's
///   wire          is implemented by the transport
///   describe      changes the descriptor that the target shows
///
/// A wrapped runtime and a decorator must outlive the node: the node answers the open calls through
/// the decorator when it is destroyed. Both must be destroyed before the environment. They live in
/// the node's serial context and have no clock but the environment's.
struct FaultyCore {
  using Decorate = std::function<std::unique_ptr<core::FunctionService>(
      core::FunctionService& inner, core::Environment&, const core::NodeConfig&)>;
  using WrapRuntime = std::function<std::unique_ptr<core::Runtime>(
      core::Runtime& inner, core::Environment&, const core::NodeConfig&)>;

  /// In kebab-case: "endpoint-in-sync-mode".
  std::string_view name;
  /// The fault, in one sentence.
  std::string_view about;
  /// "M1" to "M7" (a fault that the analysis lists), "seen in Spear", or "for CLAUSE" (made up for
  /// a clause that no other fault violates).
  std::string_view origin;
  /// The clauses that forbid the fault; each of them must catch it.
  std::vector<std::string_view> caught_by;
  /// Why only virtual time can catch it; empty: a live target can be caught too.
  std::string_view virtual_time_only{};
  /// Why a server cannot be given the fault by a decorator; empty: it can.
  std::string_view not_served{};

  void (*configure)(core::NodeConfig&) = nullptr;
  WrapRuntime wrap_runtime{};
  Decorate decorate{};
  WireFault wire = WireFault::kNone;
  void (*describe)(google::protobuf::FileDescriptorSet&) = nullptr;
};

/// All faulty cores, family by family.
std::span<const FaultyCore> faulty_cores();

/// The faulty core of that name; nullptr if there is none.
const FaultyCore* find_faulty_core(std::string_view name);

/// Adds a family of faulty cores to faulty_cores(). Each *_faults.cpp defines one, at namespace
/// scope and after its faults:
///
///   const RegisterFaults kSyncFaults(1, sync_faults);
///
/// `order` is the place of the family among the others. `family` is called once, by the first call
/// of faulty_cores(), which must not come before main() starts.
class RegisterFaults {
 public:
  RegisterFaults(int order, std::vector<FaultyCore> (*family)());
};

}  // namespace quintain::conformance
