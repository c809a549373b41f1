// Faults of streams.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "conformance/faulty/decorators.h"

namespace quintain::conformance::faulty {
namespace {

// Does not notify the execution when its reader goes away.
class StreamOutlivesItsReader final : public ForwardingService {
 public:
  using ForwardingService::ForwardingService;

  void StreamFunction(InvokeFunctionRequest&& request, const CallContext& call,
                      StreamAnswer<StreamExecutionResult> answer) override {
    inner().StreamFunction(std::move(request), call,
                           StreamRelay<StreamExecutionResult>::between(
                               std::move(answer), Leaving::kWithheld, /*edit=*/{}, /*end=*/{}));
  }
};

// Reports the error of the last message a second time, as the call's status.
class StreamErrorReportedTwice final : public ForwardingService {
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

// Keeps all messages of a stream until its end.
class StreamSentAtItsEnd final : public ForwardingService {
 public:
  using ForwardingService::ForwardingService;

  void StreamFunction(InvokeFunctionRequest&& request, const CallContext& call,
                      StreamAnswer<StreamExecutionResult> answer) override {
    inner().StreamFunction(std::move(request), call, Keeper::before(std::move(answer)));
  }

 private:
  class Keeper final : public core::StreamCaller<StreamExecutionResult> {
   public:
    static StreamAnswer<StreamExecutionResult> before(StreamAnswer<StreamExecutionResult> outer) {
      auto* const keeper = new Keeper(std::move(outer));
      pass_leaving_on(keeper->outer_, *keeper);
      return StreamAnswer<StreamExecutionResult>(*keeper);
    }

    void write(StreamExecutionResult&& message) override { kept_.push_back(std::move(message)); }
    void finish(const absl::Status& status) override {
      const std::unique_ptr<Keeper> self(this);
      outer_.watch(nullptr, nullptr, 0);
      for (StreamExecutionResult& message : kept_) outer_.write(std::move(message));
      std::move(outer_).finish(status);
    }

   private:
    explicit Keeper(StreamAnswer<StreamExecutionResult> outer) : outer_(std::move(outer)) {}

    StreamAnswer<StreamExecutionResult> outer_;
    std::vector<StreamExecutionResult> kept_;
  };
};

std::vector<FaultyCore> stream_faults() {
  return {
      {.name = "chunks-shown-pending",
       .about = "The status in a stream is PENDING until its last message.",
       .origin = "for STREAM-5",
       .caught_by = {"STREAM-5"},
       .decorate = editing({.chunk =
                                [](auto& chunk) {
                                  if (!chunk.is_final()) chunk.set_status(kPending);
                                }})},
      {.name = "stream-loses-a-chunk",
       .about = "The eighth chunk of a stream has no data.",
       .origin = "for STREAM-6",
       .caught_by = {"STREAM-6"},
       .decorate = editing({.chunk =
                                [](auto& chunk) {
                                  const std::string& data = chunk.chunk_data().value();
                                  if (data.find("chunk 7") != data.npos) chunk.clear_chunk_data();
                                }})},
      {.name = "stream-sent-at-its-end",
       .about = "The messages of a stream are sent when the function has ended.",
       .origin = "for STREAM-6",
       .caught_by = {"STREAM-6"},
       .decorate = decorated_by<StreamSentAtItsEnd>()},
      {.name = "stream-without-an-end",
       .about = "No message of a stream is final.",
       .origin = "for STREAM-1",
       .caught_by = {"STREAM-1"},
       .decorate = editing({.chunk = [](auto& chunk) { chunk.clear_is_final(); }})},
      {.name = "stream-of-ends",
       .about = "Every message of a stream is final.",
       .origin = "for STREAM-1",
       .caught_by = {"STREAM-1"},
       .decorate = editing({.chunk = [](auto& chunk) { chunk.set_is_final(true); }})},
      {.name = "stream-ends-running",
       .about = "The status in a stream's last message is RUNNING.",
       .origin = "for STREAM-2",
       .caught_by = {"STREAM-2"},
       .decorate = editing({.chunk = [](auto& chunk) { chunk.set_status(kRunning); }})},
      {.name = "stream-changes-its-id",
       .about = "A stream's last message has another execution_id.",
       .origin = "for STREAM-2",
       .caught_by = {"STREAM-2"},
       .decorate = editing({.chunk =
                                [](auto& chunk) {
                                  if (!chunk.is_final()) return;
                                  chunk.set_execution_id(chunk.execution_id() + "-end");
                                }})},
      {.name = "stream-outlives-its-reader",
       .about = "A stream's execution goes on to its end after the reader has gone away.",
       .origin = "for STREAM-3",
       .caught_by = {"STREAM-3"},
       .decorate = decorated_by<StreamOutlivesItsReader>()},
      {.name = "stream-error-told-twice",
       .about = "A stream with an error in its last message ends with an error status as well.",
       .origin = "for STREAM-4",
       .caught_by = {"STREAM-4"},
       .decorate = decorated_by<StreamErrorReportedTwice>()},
  };
}

const RegisterFaults kStreamFaults(8, stream_faults);

}  // namespace
}  // namespace quintain::conformance::faulty
