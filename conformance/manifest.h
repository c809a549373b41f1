// What a target declares about itself, so that it can be judged.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "conformance/judgement/policies.h"
#include "reports/json_input/diagnostics.h"
#include "spearlet/function.pb.h"

namespace quintain::conformance {

/// The function of the target that implements a fixture.
struct FixtureFunction {
  std::string task_id{};
  std::string function_name{};
  /// What every InvokeFunction of it contains unless a case sets it: artifact_spec,
  /// invocation_metadata, and of the context session_id, user_id, environment, headers and
  /// timeout_ms.
  spearlet::InvokeFunctionRequest request{};
  /// How long it always takes; nullopt: as long as its parameter `ms` says.
  std::optional<core::Duration> takes{};
  /// Whether its result does not depend on its parameters, so that no case can judge it.
  bool answers_any = false;
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

/// Whose server it is, for a statement of conformance; empty where not declared.
struct Implementation {
  std::string name{};
  std::string version{};
  std::string url{};
  /// Who answers for the statement.
  std::string contact{};
};

struct Manifest {
  Implementation implementation{};
  /// The wire profile (wire/profile.h); a former name is kept as it was written.
  std::string profile = "contract";
  /// By name of the fixture (fixtures/fixture_runtime.h).
  std::map<std::string, FixtureFunction, std::less<>> fixtures{};
  NodeFacts node{};
  Policies policies{};
  /// Whether other clients use the node during the run. Then cases that need it for themselves,
  /// because they fill its slots or count its records, are not judged.
  bool shared = false;
};

/// Loads a manifest: JSON with comments; docs/conformance.md documents its members, and
/// manifest.schema.json, which is part of the program, is checked as well. Reports everything that
/// is wrong with the file and then returns nullopt.
std::optional<Manifest> load_manifest(const std::string& path,
                                      json_input::Diagnostics& diagnostics);

/// The text of manifest.schema.json.
std::string_view manifest_schema();

/// The manifest of the reference node with the built-in fixtures. It is the default for targets
/// without a manifest.
Manifest reference_manifest(core::Duration retention = std::chrono::seconds(10));

}  // namespace quintain::conformance
