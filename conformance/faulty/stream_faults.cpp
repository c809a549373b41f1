// Faults of streams.
#include <memory>

#include "conformance/faulty/edits.h"
#include "conformance/faulty/families.h"
#include "conformance/faulty/forwarding_service.h"

namespace quintain::conformance::faulty {
namespace {

using core::CallContext;
using core::StreamAnswer;
using spearlet::InvokeFunctionRequest;
using spearlet::StreamExecutionResult;

/// The execution does not learn that its reader has gone away.
class StreamOutlivesItsReader final : public ForwardingService {
 public:
  using ForwardingService::ForwardingService;

  void StreamFunction(InvokeFunctionRequest&& request, const CallContext& call,
                      StreamAnswer<StreamExecutionResult> answer) override {
    inner().StreamFunction(std::move(request), call,
                           StreamRelay<StreamExecutionResult>::between(
                               std::move(answer), Leaving::kKept, /*edit=*/{}, /*end=*/{}));
  }
};

/// An error that the last message tells is told again by the call's status.
class StreamErrorToldTwice final : public ForwardingService {
 public:
  using ForwardingService::ForwardingService;

  void StreamFunction(InvokeFunctionRequest&& request, const CallContext& call,
                      StreamAnswer<StreamExecutionResult> answer) override {
    auto error = std::make_shared<std::string>();
    inner().StreamFunction(
        std::move(request), call,
        StreamRelay<StreamExecutionResult>::between(
            std::move(answer), Leaving::kPassedOn,
            [error](StreamExecutionResult& message) { *error = message.error_message(); },
            [error](StreamAnswer<StreamExecutionResult> outer, const absl::Status& status) {
              std::move(outer).finish(error->empty() ? status : absl::InternalError(*error));
            }));
  }
};

}  // namespace

std::vector<FaultyCore> stream_faults() {
  return {
      {.name = "stream-without-an-end",
       .about = "No message of a stream is final.",
       .origin = "for STREAM-1",
       .caught_by = {"STREAM-1"},
       .decorate =
           editing({.chunk = [](StreamExecutionResult& chunk) { chunk.clear_is_final(); }})},
      {.name = "stream-of-ends",
       .about = "Every message of a stream is final.",
       .origin = "for STREAM-1",
       .caught_by = {"STREAM-1"},
       .decorate =
           editing({.chunk = [](StreamExecutionResult& chunk) { chunk.set_is_final(true); }})},
      {.name = "stream-ends-running",
       .about = "A stream's last message says RUNNING.",
       .origin = "for STREAM-2",
       .caught_by = {"STREAM-2"},
       .decorate = editing({.chunk =
                                [](StreamExecutionResult& chunk) {
                                  chunk.set_status(spearlet::EXECUTION_STATUS_RUNNING);
                                }})},
      {.name = "stream-changes-its-id",
       .about = "A stream's last message names another execution.",
       .origin = "for STREAM-2",
       .caught_by = {"STREAM-2"},
       .decorate = editing({.chunk =
                                [](StreamExecutionResult& chunk) {
                                  if (!chunk.is_final()) return;
                                  chunk.set_execution_id(chunk.execution_id() + "-end");
                                }})},
      {.name = "stream-outlives-its-reader",
       .about = "When the reader of a stream goes away, its execution goes on to the end.",
       .origin = "for STREAM-3",
       .caught_by = {"STREAM-3"},
       .decorate = decorated_by<StreamOutlivesItsReader>()},
      {.name = "stream-error-told-twice",
       .about = "A stream that told of an error in its last message ends with an error status too.",
       .origin = "for STREAM-4",
       .caught_by = {"STREAM-4"},
       .decorate = decorated_by<StreamErrorToldTwice>()},
  };
}

}  // namespace quintain::conformance::faulty
