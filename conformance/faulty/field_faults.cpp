// Faults of fields that are for the function, and of the priority.
#include <absl/strings/numbers.h>

#include <cstdint>
#include <utility>

#include "conformance/faulty/decorators.h"

namespace quintain::conformance::faulty {
namespace {

// Refuses requests that ask for something that it does not implement.
template <bool (*kAsks)(const InvokeFunctionRequest&)>
class RefusesTheRequest final : public ForwardingService {
 public:
  using ForwardingService::ForwardingService;

  void InvokeFunction(InvokeFunctionRequest&& request, const CallContext& call,
                      Answer<InvokeFunctionResponse> answer) override {
    if (kAsks(request)) return std::move(answer).refuse(absl::UnimplementedError("not supported"));
    inner().InvokeFunction(std::move(request), call, std::move(answer));
  }
};

bool asks_for_a_new_instance(const InvokeFunctionRequest& request) {
  return request.force_new_instance();
}

bool has_headers(const InvokeFunctionRequest& request) {
  return request.context().headers().contains("X-Trace");
}

std::vector<FaultyCore> field_faults() {
  return {
      {.name = "new-instance-refused",
       .about = "A call with force_new_instance is refused.",
       .origin = "for FIELD-1",
       .caught_by = {"FIELD-1"},
       .decorate = decorated_by<RefusesTheRequest<asks_for_a_new_instance>>()},
      {.name = "headers-refused",
       .about = "A call with certain headers is refused.",
       .origin = "for FIELD-1",
       .caught_by = {"FIELD-1"},
       .decorate = decorated_by<RefusesTheRequest<has_headers>>()},
      {.name = "priority-of-any-text",
       .about = "A priority that is no integer is ignored.",
       .origin = "for FIELD-2",
       .caught_by = {"FIELD-2"},
       .decorate = editing({.invocation =
                                [](auto& request) {
                                  auto& metadata = *request.mutable_invocation_metadata();
                                  const auto found = metadata.find("priority");
                                  std::int64_t number = 0;
                                  if (found == metadata.end()) return;
                                  if (absl::SimpleAtoi(found->second, &number)) return;
                                  metadata.erase("priority");
                                }})},
  };
}

const RegisterFaults kFieldFaults(14, field_faults);

}  // namespace
}  // namespace quintain::conformance::faulty
