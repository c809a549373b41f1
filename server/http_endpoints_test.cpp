#include "server/http_endpoints.h"

#include <absl/strings/escaping.h>
#include <google/protobuf/any.pb.h>
#include <google/protobuf/wrappers.pb.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "server/log.h"

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

TEST(StatusJsonTest, ShowsAResultOfAKnownType) {
  google::protobuf::Int64Value value;
  value.set_value(42);
  const std::string type = "type.googleapis.com/google.protobuf.Int64Value";
  EXPECT_EQ(result_of(with_result(type, value.SerializeAsString())),
            json({{"@type", type}, {"value", "42"}}));
}

TEST(StatusJsonTest, ShowsAnyOtherResultAsBytes) {
  google::protobuf::Any nested;
  nested.set_type_url("type.googleapis.com/no.such.Type");
  nested.set_value("x");
  for (const auto& [type, value] : std::vector<std::pair<std::string, std::string>>{
           {"type.googleapis.com/no.such.Type", "hi\n"},
           {"type.googleapis.com/google.protobuf.Int64Value",
            "hi\n"},  // not valid bytes of the type
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

TEST(StatusJsonTest, DoesNotExpandNestedAnys) {
  const std::string type = "type.googleapis.com/google.protobuf.Any";
  google::protobuf::Any nested;
  for (int depth = 0; depth < 2000; ++depth) {
    std::string inner = nested.SerializeAsString();
    nested.set_type_url(type);
    nested.set_value(std::move(inner));
  }
  spearlet::FunctionParameter parameter;
  *parameter.mutable_value() = nested;
  const std::string parameter_type = "type.googleapis.com/spearlet.FunctionParameter";
  for (const auto& [name, bytes] : {std::pair(type, nested.SerializeAsString()),
                                    std::pair(parameter_type, parameter.SerializeAsString())}) {
    const spearlet::GetExecutionStatusResponse response = with_result(name, bytes);
    EXPECT_EQ(result_of(response), json({{"@type", name}, {"value", absl::Base64Escape(bytes)}}));
  }
}

TEST(StatusJsonTest, AcceptsInvalidUtf8) {
  redirect_library_logs(Log());  // protobuf complains about every such field
  for (const std::string type : {"type.googleapis.com/no.such.Type", "", "\xff"}) {
    spearlet::GetExecutionStatusResponse response = with_result(type, type.empty() ? "" : "x");
    response.mutable_result()->set_error_message(
        "a\xff"
        "b");
    response.add_logs("c\xff");
    response.mutable_result()->mutable_metrics()->insert({"k\xff", "v\xff"});
    EXPECT_TRUE(json::accept(to_json(response))) << to_json(response);
  }
}

TEST(StatusJsonTest, LeavesOutDefaults) {
  EXPECT_EQ(to_json(spearlet::GetExecutionStatusResponse()), "{}");
}

}  // namespace
}  // namespace quintain::server
