#include "scenarios/language/messages.h"

#include <google/protobuf/wrappers.pb.h>

#include "scenarios/language/message_kind.h"
#include "scenarios/testing/read_text.h"
#include "spearlet/function.pb.h"

namespace quintain::scenarios {
namespace {

std::string read(std::string_view text, google::protobuf::Message& message) {
  json_input::Diagnostics diagnostics;
  const auto document = json_input::Document::parse("f", text, diagnostics);
  if (document) read_message(json_input::Reader(document->root(), diagnostics), message);
  return lines_of(diagnostics);
}

TEST(MessageBody, ReadsFieldsByTheirProtoNames) {
  spearlet::InvokeFunctionRequest request;
  EXPECT_EQ(read(R"({"task_id": "t", "invocation_type": 7, "force_new_instance": true,
                     "context": {"timeout_ms": -9223372036854775808, "headers": {"a": "b"}},
                     "parameters": [{"name": "p", "value": {
                        "@type": "type.googleapis.com/google.protobuf.StringValue",
                        "value": "v"}}]})",
                 request),
            "");
  EXPECT_EQ(request.task_id(), "t");
  EXPECT_EQ(static_cast<int>(request.invocation_type()), 7);
  EXPECT_TRUE(request.force_new_instance());
  EXPECT_EQ(request.context().timeout_ms(), std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(request.context().headers().at("a"), "b");
  google::protobuf::StringValue value;
  ASSERT_TRUE(request.parameters(0).value().UnpackTo(&value));
  EXPECT_EQ(value.value(), "v");
}

TEST(MessageBody, ReplacesFieldsAndDoesNotMergeThem) {
  spearlet::InvokeFunctionRequest request;
  ASSERT_EQ(read(R"({"execution_id": "e", "task_id": "t", "parameters": [{"name": "a"}],
                     "invocation_metadata": {"a": "1"}, "context": {"user_id": "u",
                     "session_id": "s"}})",
                 request),
            "");
  EXPECT_EQ(read(R"({"execution_id": null, "task_id": "", "parameters": [{"name": "b"}],
                     "invocation_metadata": {"b": "2"}, "context": {"user_id": "v"}})",
                 request),
            "");
  EXPECT_EQ(request.ShortDebugString(),
            R"(parameters { name: "b" } context { session_id: "s" user_id: "v" } )"
            R"(invocation_metadata { key: "b" value: "2" })");
  EXPECT_FALSE(request.has_execution_id());
}

TEST(MessageBody, ReportsMistakesWithTheirPlaces) {
  const auto& type = *spearlet::InvokeFunctionRequest::descriptor();
  std::vector<std::string_view> fields;
  for (int i = 0; i < type.field_count(); ++i) fields.push_back(type.field(i)->name());
  spearlet::InvokeFunctionRequest request;
  EXPECT_EQ(
      read(R"({"task_di": "t",
                     "task_name": 5,
                     "execution_mode": "ASINC",
                     "create_if_not_exists": "yes",
                     "context": {"timeout_ms": "x", "max_retries": 3000000000}})",
           request),
      "f:1: /task_di: unknown key 'task_di'; did you mean 'task_id'? allowed: " +
          json_input::listed(fields) +
          "\nf:2: /task_name: expected a string, got the number 5\n"
          "f:3: /execution_mode: expected a value of spearlet.ExecutionMode, got the string "
          "\"ASINC\"; did you mean 'ASYNC'? known: " +
          json_input::listed(short_names(*spearlet::ExecutionMode_descriptor())) +
          "\nf:4: /create_if_not_exists: expected true or false, got the string \"yes\"\n"
          "f:5: /context/timeout_ms: expected an integer, got the string \"x\"\n"
          "f:5: /context/max_retries: expected an integer from -2147483648 to 2147483647, got the "
          "number 3000000000");
}

TEST(MessageBody, ReportsErrorsOfProtobuf) {
  spearlet::InvokeFunctionRequest request;
  EXPECT_THAT(read(R"({"parameters": [{"nmae": "x"}]})", request),
              testing::StartsWith("f:1: /parameters: protobuf can't read this as 'parameters': "));
  EXPECT_THAT(read(R"({"invocation_metadata": {"a": [1]}})", request),
              testing::StartsWith("f:1: /invocation_metadata: protobuf can't read this as "));
}

}  // namespace
}  // namespace quintain::scenarios
