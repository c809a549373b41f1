// What a target declares about itself, so that it can be judged.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "conformance/judgement/policies.h"
#include "reports/json_input/diagnostics.h"

namespace quintain::conformance {

/// The function of the target that implements a fixture.
struct FixtureFunction {
  std::string task_id{};
  std::string function_name{};
};

/// Facts about the target's node that some cases need; nullopt: not declared.
struct NodeFacts {
  /// Executions that can run at once.
  std::optional<int> slots{};
  /// Executions that can wait.
  std::optional<int> queue_limit{};
  /// The largest effective timeout.
  std::optional<core::Duration> maximum_timeout{};
  /// The timeout of a SYNC call without one.
  std::optional<core::Duration> default_sync_timeout{};
  /// Maximum time from a cancel until the slot is free.
  std::optional<core::Duration> cancel_grace{};
  /// The largest accepted message, in bytes.
  std::optional<std::int64_t> largest_message{};
};

struct Manifest {
  /// The wire profile: contract | spear-2026-01 | spear-head.
  std::string profile = "contract";
  /// By name of the fixture (fixtures/fixture_runtime.h).
  std::map<std::string, FixtureFunction, std::less<>> fixtures{};
  NodeFacts node{};
  Policies policies{};
};

/// Loads a manifest: JSON with comments; docs/conformance.md documents its members. Reports
/// everything that is wrong with the file and then returns nullopt.
std::optional<Manifest> load_manifest(const std::string& path,
                                      json_input::Diagnostics& diagnostics);

/// The manifest of the reference node with the built-in fixtures. It is the default for targets
/// without a manifest.
Manifest reference_manifest();

}  // namespace quintain::conformance
