// Searches for worlds in which something fails: random ones, or one scenario with an action at each
// of its events.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "scenarios/explore/situations.h"
#include "scenarios/language/scenario.h"
#include "scenarios/runner/run.h"

namespace quintain::scenarios {

/// A check that failed, in the first world in which it did.
struct ExploredFailure {
  /// The name of the check: "invariant/slots-within-limit", "SYNC-4".
  std::string check;
  std::string observed;
  /// The seed of the world, or the number of the variant.
  std::uint64_t seed = 0;
  /// The worlds in which it failed.
  std::int64_t worlds = 1;
  /// As drawn, and shrunk. Both fail.
  nlohmann::ordered_json drawn;
  nlohmann::ordered_json document;
  /// The documents that were tried to shrink it.
  int tried = 0;
};

/// What an exploration covered.
struct Explored {
  std::uint64_t worlds = 0;
  double executions = 0;
  double events = 0;
  core::Duration virtual_time{0};
  Situations situations;
  /// By the seed of the first, then by check.
  std::vector<ExploredFailure> failures;
  /// Worlds whose second run was compared with the first.
  std::uint64_t compared = 0;
};

inline constexpr std::size_t kMaxExploredFailures = 20;

struct ExploreOptions {
  /// Makes a judge of a run beside the invariants; may be empty.
  std::function<std::unique_ptr<RunJudge>(const sim::World& world)> judge{};
  int jobs = 1;
  /// Only every `shard_count`-th world is run, from number `shard` on, which counts from 1.
  std::uint64_t shard = 1;
  std::uint64_t shard_count = 1;
  /// Every n-th world is run twice and compared; 0: none.
  std::uint64_t compare_every = 20;
  /// The most documents that are tried to shrink one failure.
  int max_tries = 2000;
  /// The most checks whose failures are shrunk and reported.
  std::size_t max_failures = kMaxExploredFailures;
  /// Whether the search ends; no more worlds are started. Called by several threads.
  std::function<bool()> enough = [] { return false; };
  /// Set by a signal handler to end everything, the shrinking too; may be null.
  const std::atomic<bool>* abort = nullptr;
  std::function<void(std::uint64_t done)> progress = [](std::uint64_t) {};
};

/// Runs worlds `first` to `first + count - 1`, each made by `make`, which is called by several
/// threads and must be a pure function. What is found does not depend on the number of jobs, unless
/// `enough` or `abort` ends the search.
Explored explore(std::uint64_t first, std::uint64_t count,
                 const std::function<nlohmann::ordered_json(std::uint64_t)>& make,
                 const ExploreOptions& options);

/// The checks of one document that fail, with what was observed. A document that is not valid fails
/// the check "valid". It is run twice and compared unless `compare_every` is 0.
std::map<std::string, std::string> failed_checks(const nlohmann::ordered_json& document,
                                                 const ExploreOptions& options);

/// What can be done at an event: to an execution, or, drain and crash, to a node. A node that
/// crashes starts again 10 ms later; this needs a store.
inline constexpr std::array<std::string_view, 7> kActions = {"cancel", "force", "leave", "delete",
                                                             "repeat", "drain", "crash"};

/// The scenario's document with one more step each (a crash: two): every action (one of kActions)
/// on every execution that a step starts, or on every node, 1 ns before every instant at which
/// something happens, at it, and 1 ns after. Expectations are left out. `left_out` is how many
/// there are beyond `max`.
std::vector<nlohmann::ordered_json> with_actions_everywhere(const Scenario& scenario,
                                                            const std::vector<std::string>& actions,
                                                            std::size_t max, std::size_t& left_out);

}  // namespace quintain::scenarios
