// The cases of an exploration's report, which the shards of a search have as well: what their
// report has of worlds can be added up.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "reports/report.h"
#include "scenarios/explore/exploration.h"

namespace quintain::cli {

/// What an exploration of random worlds, or of variants of a scenario, has reached: a check and the
/// count of each situation. Random worlds have to reach every situation if they are many and not
/// those of one shard.
reports::Case coverage_case(const scenarios::Explored& explored, bool random, bool whole);

/// A check that failed, in the scenario file at `path`. `world`: "seed-17".
reports::Case failure_case(const scenarios::ExploredFailure& failure, const std::string& world,
                           const std::string& path);

/// The cases of a whole search from those of its shards: counts are added, and each check that
/// failed is shown in its first world.
std::vector<reports::Case> combine_explored(const std::vector<std::vector<reports::Case>>& shards);

}  // namespace quintain::cli
