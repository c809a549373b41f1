// The cases: what is done to a target to put clauses to the test.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace quintain::conformance {

class CaseRun;

/// What a target's manifest must declare for a case, beyond its fixtures.
enum class Need : std::uint8_t {
  kSlots,           // node.slots
  kQueueLimit,      // node.queue_limit
  kMaximumTimeout,  // node.maximum_timeout_ms
  kDefaultTimeout,  // node.default_sync_timeout_ms
  kCancelGrace,     // node.cancel_grace_ms
  kRetention,       // policies.retention_ms
  kLargestMessage,  // node.largest_message_bytes
};

/// One case. It runs by itself, against a target in any state.
struct Case {
  /// Family and subject, in kebab-case: "cancel/second-is-harmless".
  std::string_view name;
  /// What it does, in one sentence.
  std::string_view about;
  /// The clauses that it must put to the test.
  std::vector<std::string_view> clauses;
  std::vector<std::string_view> fixtures{};
  std::vector<Need> needs{};
  /// It fills the target's slots or counts its records, so nothing may run beside it.
  bool exclusive = false;
  /// Why only virtual time can judge it; empty: live targets are judged too.
  std::string_view virtual_time_only{};
  /// Why only a live target can be judged; empty: virtual time can as well.
  std::string_view live_only{};
  /// Does it. May throw only what CaseRun throws.
  void (*run)(CaseRun& run);
};

/// All cases, family by family.
std::span<const Case> all_cases();

}  // namespace quintain::conformance
