// Lets runs of scenarios be judged by the clauses of the contract.
#pragma once

#include <memory>

#include "scenarios/runner/run.h"
#include "sim/world.h"

namespace quintain::cli {

/// A judge of the calls of a world by every clause that they can show (conformance/world_judge.h).
std::unique_ptr<scenarios::RunJudge> make_clause_judge(const sim::World& world);

}  // namespace quintain::cli
