// Faults of the estimates.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>

#include "conformance/faulty/decorators.h"

namespace quintain::conformance::faulty {
namespace {

// Adds a millisecond to the estimate for every execution that has been accepted before.
class EstimateGrowsByMilliseconds final : public ForwardingService {
 public:
  using ForwardingService::ForwardingService;

  void InvokeFunction(InvokeFunctionRequest&& request, const CallContext& call,
                      Answer<InvokeFunctionResponse> answer) override {
    if (is_async(request)) {
      answer = edited(std::move(answer), [this](InvokeFunctionResponse& response) {
        response.set_estimated_completion_ms(response.estimated_completion_ms() + ++accepted_);
      });
    }
    inner().InvokeFunction(std::move(request), call, std::move(answer));
  }

 private:
  std::int64_t accepted_ = 0;
};

void scale_estimate(InvokeFunctionResponse& response, double factor) {
  response.set_estimated_completion_ms(std::max<std::int64_t>(
      static_cast<std::int64_t>(static_cast<double>(response.estimated_completion_ms()) * factor),
      1));
}

// The median of durations that are spread evenly from 20 ms to 220 ms is 120 ms; their 15th
// percentile is 50 ms.
constexpr double kTo15thPercentile = 50.0 / 120.0;

std::vector<FaultyCore> eta_faults() {
  return {
      {.name = "estimate-grows-by-milliseconds",
       .about = "The estimate grows with the queue, but by a millisecond for each execution.",
       .origin = "for ETA-3",
       .caught_by = {"ETA-3"},
       .configure = [](core::NodeConfig& node) { node.eta.estimator = "ewma"; },
       .decorate = decorated_by<EstimateGrowsByMilliseconds>()},
      {.name = "estimate-too-low",
       .about = "The estimate is one within which 15 % complete.",
       .origin = "for ETA-4",
       .caught_by = {"ETA-4"},
       .decorate = editing(
           {.invoked = [](auto&,
                          auto& response) { scale_estimate(response, kTo15thPercentile); }})},
      {.name = "estimate-too-high",
       .about = "The estimate is the 90th percentile.",
       .origin = "for ETA-4",
       .caught_by = {"ETA-4"},
       .decorate = editing({.invoked =
                                [](auto&, auto& response) {
                                  const auto& metrics = response.result().metrics();
                                  const auto p90 = metrics.find("eta_p90_ms");
                                  if (p90 == metrics.end()) return;
                                  response.set_estimated_completion_ms(std::stoll(p90->second));
                                }})},
      {.name = "percentile-is-the-median",
       .about = "The 90th percentile is the median.",
       .origin = "for ETA-4",
       .caught_by = {"ETA-4"},
       .decorate = editing({.invoked =
                                [](auto& request, auto& response) {
                                  if (!is_async(request)) return;
                                  (*response.mutable_result()->mutable_metrics())["eta_p90_ms"] =
                                      std::to_string(response.estimated_completion_ms());
                                }})},
      {.name = "percentile-far-too-long",
       .about = "The 90th percentile is a hundred times too long.",
       .origin = "for ETA-7",
       .caught_by = {"ETA-7"},
       .decorate = editing({.invoked =
                                [](auto& request, auto& response) {
                                  if (!is_async(request)) return;
                                  (*response.mutable_result()->mutable_metrics())["eta_p90_ms"] =
                                      std::to_string(100 * response.estimated_completion_ms());
                                }})},
      {.name = "percentile-missing",
       .about = "The first answer has no eta_p90_ms.",
       .origin = "for ETA-5",
       .caught_by = {"ETA-5"},
       .decorate = editing({.invoked =
                                [](auto&, auto& response) {
                                  response.mutable_result()->mutable_metrics()->erase("eta_p90_ms");
                                }})},
      {.name = "estimator-not-named",
       .about = "The first answer has no eta_estimator.",
       .origin = "for ETA-5",
       .caught_by = {"ETA-5"},
       .decorate = editing({.invoked =
                                [](auto&, auto& response) {
                                  response.mutable_result()->mutable_metrics()->erase(
                                      "eta_estimator");
                                }})},
      {.name = "estimates-not-refreshed",
       .about = "Status answers have no estimates.",
       .origin = "for ETA-6",
       .caught_by = {"ETA-6"},
       .decorate =
           editing({.status = [](auto& response) { response.mutable_result()->clear_metrics(); }})},
      {.name = "refreshed-estimates-constant",
       .about = "The estimates in status answers are always the same.",
       .origin = "for ETA-6",
       .caught_by = {"ETA-6"},
       .decorate = editing({.status =
                                [](auto& response) {
                                  auto& metrics = *response.mutable_result()->mutable_metrics();
                                  if (!metrics.contains("eta_p50_ms")) return;
                                  metrics["eta_p50_ms"] = "800";
                                  metrics["eta_p90_ms"] = "900";
                                }})},
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
