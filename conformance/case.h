// The conformance cases.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace quintain::conformance {

class CaseRun;

/// What a manifest must declare for a case, beyond fixtures.
enum class Need : std::uint8_t {
  kSlots,           // node.slots
  kQueueLimit,      // node.queue_limit
  kMaximumTimeout,  // node.maximum_timeout_ms
  kDefaultTimeout,  // node.default_sync_timeout_ms
  kCancelGrace,     // node.cancel_grace_ms
  kRetention,       // policies.retention_ms
  kLargestMessage,  // node.largest_message_bytes
};

/// The smoke cases: they find in a moment whether anything works, and run before all others.
enum class Smoke : std::uint8_t {
  kNone,  // the case says something about a target on which nothing works
  kSync,  // smoke/sync
  kBoth,  // smoke/sync and smoke/async
};

inline constexpr std::string_view kSmokeSync = "smoke/sync";
inline constexpr std::string_view kSmokeAsync = "smoke/async";

/// One scripted interaction with a target that judges clauses. Independent of other cases and of
/// the state of the target. Immutable.
struct Case {
  /// Family and topic, in kebab-case: "cancel/second-is-harmless".
  std::string name;
  /// What it does, in one sentence.
  std::string_view about;
  /// The clauses that it must judge.
  std::vector<std::string_view> clauses;
  std::vector<std::string_view> fixtures{};
  std::vector<Need> needs{};
  /// No other case may run at the same time, because this one fills the slots or counts records.
  bool exclusive = false;
  /// The smoke case without which this one says nothing: if that fails, this one is blocked.
  Smoke depends_on = Smoke::kBoth;
  /// It tells a live target to end, and so runs after all others.
  bool ends_the_target = false;
  /// Why it can be judged only in virtual time; empty: live targets can be judged too.
  std::string_view virtual_time_only{};
  /// Why it can be judged only on a live target; empty: virtual time works too.
  std::string_view live_only{};
  /// The script. Throws nothing except what CaseRun throws.
  std::function<void(CaseRun& run)> run;
};

/// All cases, family by family.
std::span<const Case> all_cases();

}  // namespace quintain::conformance
