// Services with one fault each, which the suite must tell from a good one.
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

/// What is wrong with the wire itself, below any service.
enum class WireFault : std::uint8_t {
  kNone,
  kAnswersUnknownMethods,  // a method that does not exist gets an empty answer and OK
  kDeafAfterMalformed,     // after bytes that are no message every call is UNAVAILABLE
};

/// One fault and how it gets into a node. Each part may be empty; what is there is applied in this
/// order:
///
///   configure     the node's configuration, before the node is made of it
///   wrap_runtime  stands between the node and its runtime
///   decorate      stands between the node and its callers
///   wire          is played by whatever carries the calls
///   describe      the descriptor that the target shows
///
/// A wrapped runtime outlives its node, and so does a decorator, which passes on what the node says
/// to open calls when it is destroyed. Both read no clock but the environment's and have no thread:
/// they live in the node's serial context. They must be destroyed before the environment.
struct FaultyCore {
  using Decorate = std::function<std::unique_ptr<core::FunctionService>(
      core::FunctionService& inner, core::Environment&, const core::NodeConfig&)>;
  using WrapRuntime = std::function<std::unique_ptr<core::Runtime>(
      core::Runtime& inner, core::Environment&, const core::NodeConfig&)>;

  /// In kebab-case: "endpoint-in-sync-mode".
  std::string_view name;
  /// The fault, in one sentence.
  std::string_view about;
  /// Where it comes from: "M1" to "M7" (the analysis), "seen in Spear", or "for" a clause that no
  /// other fault breaks.
  std::string_view origin;
  /// The clauses that name the fault; each of them must fail.
  std::vector<std::string_view> caught_by;
  /// Why only virtual time can see it; empty: a live target can be caught with it.
  std::string_view virtual_time_only{};
  /// Why a server can't be made to have it by a decorator; empty: it can.
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

}  // namespace quintain::conformance
