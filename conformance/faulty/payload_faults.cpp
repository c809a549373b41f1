// Faults of what functions return.
#include <map>
#include <string>
#include <utility>

#include "conformance/faulty/decorators.h"

namespace quintain::conformance::faulty {
namespace {

using google::protobuf::Any;

// Changes the payload wherever it is shown.
FaultyCore::Decorate payload_edited(void (*result)(ExecutionResult&),
                                    void (*chunk)(StreamExecutionResult&)) {
  Edits edits;
  edits.result = result;
  edits.chunk = chunk;
  return editing(edits);
}

template <void (*kEdit)(Any&)>
FaultyCore::Decorate every_payload() {
  return payload_edited(
      [](ExecutionResult& result) {
        if (result.has_result()) kEdit(*result.mutable_result());
      },
      [](StreamExecutionResult& chunk) {
        if (chunk.has_chunk_data()) kEdit(*chunk.mutable_chunk_data());
      });
}

void cut(Any& payload) {
  constexpr std::size_t kMaxBytes = 65'535;
  if (payload.value().size() > kMaxBytes) payload.mutable_value()->resize(kMaxBytes);
}

void end_at_nul(Any& payload) {
  if (payload.type_url().find("StringValue") == std::string::npos) return;
  // The tag and the length come first.
  constexpr std::size_t kHeader = 2;
  std::string& value = *payload.mutable_value();
  if (value.size() <= kHeader || value.size() > 100) return;
  const std::size_t end = value.find('\0', kHeader);
  if (end == std::string::npos) return;
  value.resize(end);
  value[1] = static_cast<char>(end - kHeader);
}

void lose_the_type(Any& payload) {
  if (payload.type_url().find("google.protobuf.") != std::string::npos) return;
  payload.set_type_url("type.googleapis.com/google.protobuf.BytesValue");
}

void clear_high_bits(Any& payload) {
  if (payload.type_url().find("BytesValue") == std::string::npos) return;
  std::string& value = *payload.mutable_value();
  for (std::size_t i = 3; i < value.size(); ++i) value[i] = static_cast<char>(value[i] & 0x7f);
}

// Gives a SYNC answer the payload of the execution that ended last, if another has ended since.
class PayloadsSwapped final : public ForwardingService {
 public:
  using ForwardingService::ForwardingService;

  void InvokeFunction(InvokeFunctionRequest&& request, const CallContext& call,
                      Answer<InvokeFunctionResponse> answer) override {
    if (request.parameters_size() > 0) values_[given_id(request)] = request.parameters(0).value();
    const bool echo = request.function_name() == "echo";
    ++open_;
    answer = reply_edited(std::move(answer), [this, echo, id = given_id(request)](
                                                 absl::StatusOr<InvokeFunctionResponse>& reply) {
      const bool others = --open_ > 0;
      if (!reply.ok() || !echo || !others || !reply->result().has_result()) return;
      for (const auto& [other, value] : values_) {
        if (other != id) *reply->mutable_result()->mutable_result() = value;
      }
    });
    inner().InvokeFunction(std::move(request), call, std::move(answer));
  }

 private:
  int open_ = 0;
  std::map<std::string, Any> values_;
};

std::vector<FaultyCore> payload_faults() {
  return {
      {.name = "payload-cut",
       .about = "A result of more than 65,535 bytes is cut.",
       .origin = "for PAYLOAD-1",
       .caught_by = {"PAYLOAD-1"},
       .decorate = every_payload<cut>()},
      {.name = "payload-ends-at-nul",
       .about = "A text ends at its first NUL.",
       .origin = "for PAYLOAD-1",
       .caught_by = {"PAYLOAD-1"},
       .decorate = every_payload<end_at_nul>()},
      {.name = "payload-of-unknown-type-shown-as-bytes",
       .about = "A result of an unknown type gets the type BytesValue.",
       .origin = "for PAYLOAD-1",
       .caught_by = {"PAYLOAD-1"},
       .decorate = every_payload<lose_the_type>()},
      {.name = "payload-of-seven-bits",
       .about = "The high bits of bytes are lost.",
       .origin = "for PAYLOAD-1",
       .caught_by = {"PAYLOAD-1"},
       .decorate = every_payload<clear_high_bits>()},
      {.name = "empty-payload-dropped",
       .about = "A result whose value has no bytes is left out.",
       .origin = "for PAYLOAD-1",
       .caught_by = {"PAYLOAD-1"},
       .decorate = payload_edited(
           [](auto& result) {
             if (result.result().value().empty()) result.clear_result();
           },
           [](auto& chunk) {
             if (chunk.chunk_data().value().empty()) chunk.clear_chunk_data();
           })},
      {.name = "payload-of-a-stream-cut",
       .about = "A message of a stream with more than 65,535 bytes of data is cut.",
       .origin = "for PAYLOAD-1",
       .caught_by = {"PAYLOAD-1"},
       .decorate = payload_edited([](auto&) {},
                                  [](auto& chunk) {
                                    if (chunk.has_chunk_data()) cut(*chunk.mutable_chunk_data());
                                  })},
      {.name = "payloads-swapped",
       .about = "The answer to a SYNC call has the result of another call that is open.",
       .origin = "for PAYLOAD-2",
       .caught_by = {"PAYLOAD-2"},
       .virtual_time_only = "calls of a function that ends at once need not be open together",
       .decorate = decorated_by<PayloadsSwapped>()},
  };
}

const RegisterFaults kPayloadFaults(13, payload_faults);

}  // namespace
}  // namespace quintain::conformance::faulty
