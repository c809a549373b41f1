// Faults of the estimates.
#include <chrono>

#include "conformance/faulty/edits.h"
#include "conformance/faulty/families.h"
#include "conformance/faulty/forwarding_service.h"

namespace quintain::conformance::faulty {

std::vector<FaultyCore> eta_faults() {
  using spearlet::InvokeFunctionRequest;
  using spearlet::InvokeFunctionResponse;
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
       .about = "The estimate is how long the function takes by itself, however many wait.",
       .origin = "for ETA-3",
       .caught_by = {"ETA-3"},
       .configure = [](core::NodeConfig& node) { node.eta.estimator = "ewma"; }},
      {.name = "estimate-far-too-long",
       .about = "The estimate is a hundred times too long.",
       .origin = "for ETA-4",
       .caught_by = {"ETA-4"},
       .decorate = editing(
           {.invoked =
                [](const InvokeFunctionRequest& request, InvokeFunctionResponse& response) {
                  constexpr std::int64_t kTimes = 100;
                  if (!is_async(request)) return;
                  response.set_estimated_completion_ms(response.estimated_completion_ms() * kTimes);
                }})},
      {.name = "estimate-far-too-short",
       .about = "The estimate is a millisecond, whatever it should be.",
       .origin = "for ETA-4",
       .caught_by = {"ETA-4"},
       .decorate =
           editing({.invoked =
                        [](const InvokeFunctionRequest& request, InvokeFunctionResponse& response) {
                          if (is_async(request)) response.set_estimated_completion_ms(1);
                        }})},
  };
}

}  // namespace quintain::conformance::faulty
