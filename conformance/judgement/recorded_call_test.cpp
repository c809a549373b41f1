// The text of calls and messages in reports.
#include "conformance/judgement/recorded_call.h"

#include <gmock/gmock.h>
#include <google/protobuf/wrappers.pb.h>

#include "conformance/judgement/testing/sample_call.h"

namespace quintain::conformance {
namespace {

using ::testing::HasSubstr;

TEST(Describe, ShowsAnAnsweredCall) {
  RecordedCall call =
      answered_call(Method::kCancelExecution, cancel_request("a", "enough"),
                    cancel_answer(true, spearlet::EXECUTION_STATUS_CANCELLED), 120, 1500);
  call.number = 3;
  call.deadline = at_ms(2120);
  EXPECT_EQ(
      describe(call),
      R"(#3 120ms CancelExecution {"execution_id":"a","reason":"enough"} (deadline 2.12s) -> )"
      R"(1.5s {"success":true,"final_status":"CANCELLED"})");
}

TEST(Describe, ShowsHowACallEndedWithoutAnAnswer) {
  RecordedCall call = sent_call(Method::kGetExecutionStatus, status_request("a", false), 5);
  EXPECT_EQ(describe(call), R"(#1 5ms GetExecutionStatus {"execution_id":"a"} -> no end yet)");
  end_call(call, 7, absl::NotFoundError("no execution 'a'"));
  EXPECT_THAT(describe(call), HasSubstr("-> NOT_FOUND at 7ms: no execution 'a'"));
  call.abandoned = true;
  EXPECT_THAT(describe(call), HasSubstr("-> abandoned by the client at 7ms"));
}

TEST(Describe, ShowsEveryMessageOfAStream) {
  RecordedCall call =
      sent_call(Method::kStreamFunction, invoke_request(spearlet::EXECUTION_MODE_STREAM, "a"), 0);
  spearlet::StreamExecutionResult message;
  message.set_execution_id("a");
  receive(call, message, 10);
  message.set_is_final(true);
  receive(call, message, 20);
  EXPECT_THAT(describe(call), HasSubstr(R"(-> 10ms {"execution_id":"a"}, 20ms {"execution_id":"a",)"
                                        R"("is_final":true}, no end yet)"));
  end_call(call, 30);
  EXPECT_THAT(describe(call), HasSubstr(", OK at 30ms"));
}

TEST(BriefJson, ShowsFlagsOfAnswersEvenIfFalse) {
  EXPECT_EQ(brief_json(spearlet::CancelExecutionResponse()),
            R"({"success":false,"final_status":"UNSPECIFIED"})");
  EXPECT_EQ(brief_json(spearlet::CancelExecutionRequest()), "{}");
}

TEST(BriefJson, ShowsTimesPayloadsAndMaps) {
  spearlet::ExecutionResult result = good_result(spearlet::EXECUTION_STATUS_COMPLETED);
  (*result.mutable_metrics())["b"] = "2";
  (*result.mutable_metrics())["a"] = "1";
  EXPECT_EQ(
      brief_json(result),
      R"({"status":"COMPLETED","result":{"@type":"google.protobuf.StringValue","value":"hello"},)"
      R"("execution_time_ms":200,"metrics":{"a":"1","b":"2"},)"
      R"("started_at":"2023-11-14T22:13:20.100Z","completed_at":"2023-11-14T22:13:20.300Z"})");
}

TEST(BriefJson, ShowsUnreadableBytesBySize) {
  google::protobuf::Any any;
  any.set_type_url("example.org/no.such.Type");
  any.set_value("12345");
  EXPECT_EQ(brief_json(any), R"({"@type":"example.org/no.such.Type","bytes":5})");
  any.set_type_url("type.googleapis.com/google.protobuf.StringValue");
  any.set_value("\xff");
  EXPECT_THAT(brief_json(any), HasSubstr(R"("bytes":1)"));
  any.clear_value();
  EXPECT_EQ(brief_json(any), R"({"@type":"google.protobuf.StringValue","value":""})");
  google::protobuf::BytesValue flood;
  flood.set_value(std::string(1 << 20, 'x'));
  EXPECT_EQ(brief_json(flood), R"json({"value":"(1048576 bytes)"})json");
}

TEST(BriefJson, TruncatesLongTextsAndLists) {
  spearlet::GetExecutionStatusResponse answer;
  answer.set_message(std::string(119, 'x') + "é" + std::string(100, 'y') + "\n");
  for (int i = 0; i < 25; ++i) answer.add_logs("line");
  const std::string json = brief_json(answer);
  EXPECT_THAT(json, HasSubstr(std::string(119, 'x') + "... (222 bytes)"));
  EXPECT_THAT(json, HasSubstr(R"("line","and 5 more"])"));
  EXPECT_EQ(json.find('\n'), std::string::npos);
}

// An Any within an Any, this deep. Each layer is written around the one before.
google::protobuf::Any nested_any(int depth) {
  google::protobuf::Any any;
  for (int i = 0; i < depth; ++i) {
    google::protobuf::Any outer;
    outer.set_type_url("type.googleapis.com/google.protobuf.Any");
    any.SerializeToString(outer.mutable_value());
    any = std::move(outer);
  }
  return any;
}

TEST(BriefJson, EndsWithinNestedAnys) {
  EXPECT_EQ(brief_json(nested_any(1)),
            R"({"@type":"google.protobuf.Any","value":{"@type":"","bytes":0}})");
  EXPECT_THAT(brief_json(nested_any(10)), HasSubstr(R"("bytes":)"));
  EXPECT_LT(brief_json(nested_any(2000)).size(), 1000u);
}

TEST(BriefJson, IsShortWhateverTheMessage) {
  spearlet::ListExecutionsResponse list;
  spearlet::GetTaskResponse task;
  for (int i = 0; i < 20'000; ++i) {
    list.add_executions()->set_error_message(std::string(500, 'x'));
    (*task.mutable_task()->mutable_metadata())[std::to_string(i) + std::string(500, 'k')] =
        std::string(500, 'v');
  }
  EXPECT_LT(brief_json(list).size(), 5000u);
  EXPECT_LT(brief_json(task).size(), 5000u);
  EXPECT_THAT(brief_json(task), HasSubstr("task"));
}

TEST(BriefJson, SplitsTextThatIsNotUtf8Anywhere) {
  google::protobuf::Any any;
  any.set_type_url(std::string(1'000'000, '\x80'));
  EXPECT_LT(brief_json(any).size(), 1000u);
}

TEST(Describe, IsShortWhateverTheStream) {
  RecordedCall call =
      sent_call(Method::kStreamFunction, invoke_request(spearlet::EXECUTION_MODE_STREAM, "a"), 0);
  spearlet::StreamExecutionResult message;
  message.set_execution_id(std::string(100'000, 'x'));
  for (int i = 0; i < 1000; ++i) receive(call, message, 10);
  EXPECT_LT(describe(call).size(), 13'000u);
  EXPECT_THAT(describe(call), HasSubstr("more,"));
}

TEST(BriefJson, ShowsAnUnknownStatusByItsNumber) {
  spearlet::ExecutionResult result;
  result.set_status(static_cast<spearlet::ExecutionStatus>(17));
  EXPECT_EQ(brief_json(result), R"({"status":17})");
}

TEST(Ambiguous, IsACallThatTheClientSideMayHaveEnded) {
  RecordedCall call = sent_call(Method::kCancelExecution, cancel_request("a"));
  EXPECT_FALSE(call.ambiguous()) << "it is open";
  for (const auto& [status, ambiguous] : {std::pair(absl::OkStatus(), false),
                                          {absl::DeadlineExceededError(""), true},
                                          {absl::CancelledError(""), true},
                                          {absl::UnavailableError(""), true},
                                          {absl::DataLossError(""), true},
                                          {absl::NotFoundError(""), false},
                                          {absl::InvalidArgumentError(""), false},
                                          {absl::ResourceExhaustedError(""), false}}) {
    end_call(call, 1, status);
    EXPECT_EQ(call.ambiguous(), ambiguous) << status;
  }
  call.abandoned = true;
  EXPECT_TRUE(call.ambiguous());
}

}  // namespace
}  // namespace quintain::conformance
