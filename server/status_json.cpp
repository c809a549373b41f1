#include "server/status_json.h"

#include <absl/strings/escaping.h>
#include <google/protobuf/any.pb.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <google/protobuf/util/json_util.h>

#include <cassert>
#include <memory>
#include <nlohmann/json.hpp>
#include <string_view>

namespace quintain::server {

namespace {

constexpr std::string_view kTypes = "type.googleapis.com/";

// The JSON library reports what it can't read on standard error as well, so it is not tried.
bool readable(const google::protobuf::Any& payload) {
  if (payload.type_url().empty() && payload.value().empty()) return true;
  if (!payload.type_url().starts_with(kTypes)) return false;
  const auto* type = google::protobuf::DescriptorPool::generated_pool()->FindMessageTypeByName(
      payload.type_url().substr(kTypes.size()));
  if (type == nullptr) return false;
  const std::unique_ptr<google::protobuf::Message> message(
      google::protobuf::MessageFactory::generated_factory()->GetPrototype(type)->New());
  return message->ParseFromString(payload.value());
}

}  // namespace

std::string to_json(const spearlet::GetExecutionStatusResponse& response) {
  const google::protobuf::Any& payload = response.result().result();
  std::string text;
  if (readable(payload) && google::protobuf::util::MessageToJsonString(response, &text).ok()) {
    return text;
  }
  // Nothing but the payload can fail: everything else of the message is of types that are known.
  spearlet::GetExecutionStatusResponse rest = response;
  rest.mutable_result()->clear_result();
  text.clear();
  [[maybe_unused]] const auto status = google::protobuf::util::MessageToJsonString(rest, &text);
  assert(status.ok());
  auto document = nlohmann::ordered_json::parse(text);
  document["result"]["result"] = {{"@type", payload.type_url()},
                                  {"value", absl::Base64Escape(payload.value())}};
  return document.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace quintain::server
