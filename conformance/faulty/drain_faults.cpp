// Faults of a node that drains.
#include <set>
#include <string>
#include <utility>

#include "conformance/faulty/decorators.h"

namespace quintain::conformance::faulty {
namespace {

constexpr std::string_view kNotLive = "the test of live targets does not end them";

// Cancels everything when the first call is refused because the node drains.
class DrainCancels final : public ForwardingService {
 public:
  using ForwardingService::ForwardingService;

  void InvokeFunction(InvokeFunctionRequest&& request, const CallContext& call,
                      Answer<InvokeFunctionResponse> answer) override {
    ids_.insert(given_id(request));
    inner().InvokeFunction(
        std::move(request), call,
        reply_edited(std::move(answer), [this](absl::StatusOr<InvokeFunctionResponse>& reply) {
          if (!absl::IsUnavailable(reply.status())) return;
          timers().after(core::Duration(0), [this] {
            for (const std::string& id : ids_) cancel_by_force(id, "the node drains");
          });
        }));
  }

 private:
  std::set<std::string> ids_;
};

std::vector<FaultyCore> drain_faults() {
  return {
      {.name = "draining-node-is-serving",
       .about = "A draining node has the health status SERVING.",
       .origin = "for DRAIN-1",
       .caught_by = {"DRAIN-1"},
       .virtual_time_only = kNotLive,
       .decorate = editing({.health = [](auto& response) { response.set_status("SERVING"); }})},
      {.name = "drain-cancels",
       .about = "A draining node cancels the executions that it has accepted.",
       .origin = "for DRAIN-2",
       .caught_by = {"DRAIN-2"},
       .virtual_time_only = kNotLive,
       .decorate = decorated_by<DrainCancels>()},
  };
}

const RegisterFaults kDrainFaults(12, drain_faults);

}  // namespace
}  // namespace quintain::conformance::faulty
