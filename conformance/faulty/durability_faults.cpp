// Faults of a node that is killed and started again.
#include <vector>

#include "conformance/faulty/decorators.h"

namespace quintain::conformance::faulty {
namespace {

constexpr std::string_view kInTheStore = "the fault is in what the store has kept";

std::vector<FaultyCore> durability_faults() {
  return {
      {.name = "restart-forgets",
       .about = "A node that is killed has forgotten every execution when it starts again.",
       .origin = "for DUR-1",
       .caught_by = {"DUR-1"},
       .not_served = kInTheStore,
       .wire = WireFault::kForgetsAtRestart},
      {.name = "restart-fails-what-waits",
       .about =
           "After a crash, executions that were PENDING end FAILED as if they had been RUNNING.",
       .origin = "for DUR-2",
       .caught_by = {"DUR-2"},
       .not_served = kInTheStore,
       .wire = WireFault::kFailsWaitingAtRestart},
      {.name = "restart-forgets-ids",
       .about = "After a crash, a node no longer knows which ids the callers have chosen.",
       .origin = "for DUR-3",
       .caught_by = {"DUR-3"},
       .not_served = kInTheStore,
       .wire = WireFault::kForgetsIdsAtRestart},
  };
}

const RegisterFaults kDurabilityFaults(12, durability_faults);

}  // namespace
}  // namespace quintain::conformance::faulty
