// One world of a search: read from its document, run, and judged.
#pragma once

#include <cstdint>
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

/// Whether the check counts as a failure of its own. A clause may be violated several times; only
/// the first one has the name of the clause.
bool is_failure(const reports::Check& check);

}  // namespace quintain::scenarios
