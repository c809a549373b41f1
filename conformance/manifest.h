// What a target says of itself, so that it can be judged.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "conformance/judgement/policies.h"
#include "reports/json_input/diagnostics.h"

namespace quintain::conformance {

/// A function of the target that plays a fixture.
struct FixtureFunction {
  std::string task_id{};
  std::string function_name{};
};

/// Facts about the target's node that some cases need; nothing: not declared.
struct NodeFacts {
  /// Executions that run at once.
  std::optional<int> slots{};
  /// Executions that may wait.
  std::optional<int> queue_limit{};
  /// The longest timeout that an execution gets.
  std::optional<core::Duration> maximum_timeout{};
  /// The timeout of a SYNC call that names none.
  std::optional<core::Duration> default_sync_timeout{};
  /// How long a cancelled function may take to stop.
  std::optional<core::Duration> cancel_grace{};
  /// The largest message that is taken, in bytes.
  std::optional<std::int64_t> largest_message{};
};

struct Manifest {
  /// The wire profile: analysis | spear-2026-01 | spear-head.
  std::string profile = "analysis";
  /// By fixture name (fixtures/fixture_runtime.h).
  std::map<std::string, FixtureFunction, std::less<>> fixtures{};
  NodeFacts node{};
  Policies policies{};
};

/// The manifest of a file: JSON, comments allowed; docs/conformance.md tells its members. Nothing
/// after reporting everything that is wrong with it.
std::optional<Manifest> load_manifest(const std::string& path,
                                      json_input::Diagnostics& diagnostics);

}  // namespace quintain::conformance
