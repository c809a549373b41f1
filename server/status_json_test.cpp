#include "server/status_json.h"

#include <google/protobuf/any.pb.h>
#include <google/protobuf/wrappers.pb.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace quintain::server {
namespace {

using nlohmann::json;

spearlet::GetExecutionStatusResponse with_result(const std::string& type_url,
                                                 const std::string& value) {
  spearlet::GetExecutionStatusResponse response;
  response.set_found(true);
  response.mutable_result()->set_status(spearlet::EXECUTION_STATUS_COMPLETED);
  response.mutable_result()->set_execution_time_ms(7);
  response.mutable_result()->mutable_result()->set_type_url(type_url);
  response.mutable_result()->mutable_result()->set_value(value);
  return response;
}

json result_of(const spearlet::GetExecutionStatusResponse& response) {
  const json document = json::parse(to_json(response));
  EXPECT_EQ(document["found"], true);
  EXPECT_EQ(document["result"]["status"], "EXECUTION_STATUS_COMPLETED");
  EXPECT_EQ(document["result"]["executionTimeMs"], "7");
  return document["result"]["result"];
}

TEST(StatusJsonTest, AResultOfKnownTypeIsReadable) {
  google::protobuf::Int64Value value;
  value.set_value(42);
  const std::string type = "type.googleapis.com/google.protobuf.Int64Value";
  EXPECT_EQ(result_of(with_result(type, value.SerializeAsString())),
            json({{"@type", type}, {"value", "42"}}));
}

TEST(StatusJsonTest, AnyOtherResultIsShownAsItsBytes) {
  google::protobuf::Any nested;
  nested.set_type_url("type.googleapis.com/no.such.Type");
  nested.set_value("x");
  for (const auto& [type, value] : std::vector<std::pair<std::string, std::string>>{
           {"type.googleapis.com/no.such.Type", "hi\n"},
           {"type.googleapis.com/google.protobuf.Int64Value", "hi\n"},  // not the bytes of one
           {"type.googleapis.com/google.protobuf.Any", nested.SerializeAsString()},
           {"example.com/google.protobuf.Int64Value", "hi\n"},
           {"text", "hi\n"},
           {"", "hi\n"}}) {
    const json shown = result_of(with_result(type, value));
    EXPECT_EQ(shown["@type"], type);
    ASSERT_TRUE(shown["value"].is_string());
    if (value == "hi\n") {
      EXPECT_EQ(shown["value"], "aGkK");
    }
  }
}

TEST(StatusJsonTest, NothingIsShownOfNothing) {
  EXPECT_EQ(to_json(spearlet::GetExecutionStatusResponse()), "{}");
}

}  // namespace
}  // namespace quintain::server
