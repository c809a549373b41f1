#include "conformance/modelled_target.h"

#include <google/protobuf/wrappers.pb.h>

#include <algorithm>
#include <string>
#include <string_view>

namespace quintain::conformance {
namespace {

using Fate = FunctionBehaviour::Fate;

google::protobuf::Any text(std::string_view value) {
  google::protobuf::StringValue message;
  message.set_value(std::string(value));
  google::protobuf::Any any;
  any.set_type_url("type.googleapis.com/google.protobuf.StringValue");
  any.set_value(message.SerializeAsString());
  return any;
}

// As the table of fixtures in docs/conformance.md says.
std::optional<FunctionBehaviour> behaviour_of(std::string_view fixture,
                                              const spearlet::InvokeFunctionRequest& request) {
  if (fixture == "echo") {
    FunctionBehaviour behaviour{.attempts = {Fate::kCompletes}};
    if (request.parameters_size() > 0) behaviour.result = request.parameters(0).value();
    return behaviour;
  }
  if (fixture == "sleep" || fixture == "stubborn") {
    return FunctionBehaviour{.attempts = {Fate::kCompletes}, .result = text("slept")};
  }
  if (fixture == "fail") {
    return FunctionBehaviour{.attempts = {Fate::kFails}, .error_code = "FIXTURE_FAILURE"};
  }
  // A large result fails, and so does a stream that nobody reads.
  return std::nullopt;
}

}  // namespace

ModelledNode modelled_target(const Manifest& manifest, core::Duration delay, bool alone) {
  ModelledNode node{.policies = manifest.policies,
                    .delay = delay,
                    .sync_timeout = manifest.node.default_sync_timeout,
                    .async_timeout = std::nullopt,
                    .maximum_timeout = manifest.node.maximum_timeout,
                    .cancel_grace = manifest.node.cancel_grace,
                    .alone = alone};
  if (alone) {
    node.tasks.emplace();
    node.functions.emplace();
    for (const auto& [name, fixture] : manifest.fixtures) {
      node.tasks->insert(fixture.task_id);
      node.functions->emplace(fixture.task_id, "");
      node.functions->emplace(fixture.task_id, fixture.function_name);
    }
  }
  node.behaviour =
      [fixtures = manifest.fixtures](
          const spearlet::InvokeFunctionRequest& request) -> std::optional<FunctionBehaviour> {
    const auto found = std::ranges::find_if(fixtures, [&](const auto& fixture) {
      return fixture.second.task_id == request.task_id() &&
             fixture.second.function_name == request.function_name() && !fixture.second.answers_any;
    });
    return found == fixtures.end() ? std::nullopt : behaviour_of(found->first, request);
  };
  return node;
}

}  // namespace quintain::conformance
