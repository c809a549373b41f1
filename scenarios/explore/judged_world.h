// One world of a search: read from its document, run, and judged.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "reports/report.h"
#include "scenarios/explore/exploration.h"
#include "scenarios/explore/situations.h"
#include "scenarios/language/scenario.h"
#include "scenarios/runner/run.h"
#include "sim/chooser.h"
#include "sim/history.h"

namespace quintain::scenarios {

/// The seed of the random numbers of every world, so that `quintain run` repeats it without an
/// option.
inline constexpr std::uint64_t kWorldSeed = 1;

struct JudgedWorld {
  reports::Case result;
  Situations situations;
};

/// Reads a document; nullopt after saying in `problems` why it is not valid.
std::optional<Scenario> read_world(const nlohmann::ordered_json& document, std::string& problems);

/// What a search may want to see of a run beside its judgement; each may be null.
struct WorldListeners {
  sim::HistoryListener* events = nullptr;
  std::vector<sim::Choice>* ties = nullptr;
};

/// Runs a world under the invariants and the judge of the options; twice if `compare`.
JudgedWorld judge_world(const Scenario& scenario, const ExploreOptions& options, bool compare,
                        const WorldListeners& listeners = {});

/// What the worlds of a search have shown so far: how much was covered, and each check that failed
/// in the first world in which it did. One thread at a time.
class Findings {
 public:
  /// Makes the document of a world; called only if it has to be kept.
  using MakeDocument = std::function<nlohmann::ordered_json()>;

  /// Adds the world with this seed (or number).
  void add(const JudgedWorld& world, std::uint64_t seed, const MakeDocument& document);

  /// Adds the failure of one check.
  void add_failure(const std::string& check, const std::string& observed, std::uint64_t seed,
                   const MakeDocument& document);

  bool has(const std::string& check) const { return failures_.contains(check); }

  /// Without the failures.
  const Explored& covered() const { return explored_; }

  /// All of it; nothing is left here.
  Explored take();

 private:
  Explored explored_;
  std::map<std::string, ExploredFailure> failures_;  // by check
};

/// Whether the check counts as a failure of its own. A clause may be violated several times; only
/// the first one has the name of the clause.
bool is_failure(const reports::Check& check);

}  // namespace quintain::scenarios
