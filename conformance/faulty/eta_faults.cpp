// Faults of the estimates.
#include <chrono>

#include "conformance/faulty/decorators.h"

namespace quintain::conformance::faulty {
namespace {

std::vector<FaultyCore> eta_faults() {
  return {
      {.name = "estimate-constant",
       .about = "Every estimate is 5 s.",
       .origin = "seen in Spear",
       .caught_by = {"ETA-2", "ETA-3"},
       .configure =
           [](core::NodeConfig& node) {
             node.eta.estimator = "constant";
             node.eta.constant = std::chrono::seconds(5);
           }},
      {.name = "estimate-blind-to-the-queue",
       .about = "The estimate is the function's own duration, whatever the length of the queue.",
       .origin = "for ETA-3",
       .caught_by = {"ETA-3"},
       .configure = [](core::NodeConfig& node) { node.eta.estimator = "ewma"; }},
      {.name = "estimate-far-too-long",
       .about = "The estimate is a hundred times too long.",
       .origin = "for ETA-4",
       .caught_by = {"ETA-4"},
       .decorate = editing({.invoked =
                                [](auto& request, auto& response) {
                                  if (!is_async(request)) return;
                                  response.set_estimated_completion_ms(
                                      response.estimated_completion_ms() * 100);
                                }})},
      {.name = "estimate-far-too-short",
       .about = "Every estimate is a millisecond.",
       .origin = "for ETA-4",
       .caught_by = {"ETA-4"},
       .decorate = editing({.invoked =
                                [](auto& request, auto& response) {
                                  if (is_async(request)) response.set_estimated_completion_ms(1);
                                }})},
  };
}

const RegisterFaults kEtaFaults(10, eta_faults);

}  // namespace
}  // namespace quintain::conformance::faulty
