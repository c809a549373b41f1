// The translations of each wire profile.
#include "conformance/wire/profile.h"

#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <google/protobuf/unknown_field_set.h>
#include <google/protobuf/util/message_differencer.h>
#include <google/protobuf/util/time_util.h>
#include <google/protobuf/wrappers.pb.h>

#include <string>

#include "profiles/spear_2026_01.pb.h"
#include "profiles/spear_2026_03.pb.h"
#include "profiles/spear_2026_05.pb.h"
#include "spearlet/function.pb.h"

namespace quintain::conformance {
namespace {

using google::protobuf::util::MessageDifferencer;
using google::protobuf::util::TimeUtil;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

namespace january = profile::spear_2026_01;
namespace march = profile::spear_2026_03;
namespace may = profile::spear_2026_05;

constexpr std::string_view kInt64 = "type.googleapis.com/google.protobuf.Int64Value";

const Profile& contract() { return *find_profile("contract"); }
const Profile& spear_2026_01() { return *find_profile("spear-2026-01"); }
const Profile& spear_2026_03() { return *find_profile("spear-2026-03"); }
const Profile& spear_2026_05() { return *find_profile("spear-2026-05"); }

template <class Wrapper, class Value>
void add_parameter(spearlet::InvokeFunctionRequest& request, const char* name, Value value) {
  Wrapper wrapper;
  wrapper.set_value(value);
  spearlet::FunctionParameter& parameter = *request.add_parameters();
  parameter.set_name(name);
  parameter.mutable_value()->PackFrom(wrapper);
}

void add_unknown_field(google::protobuf::Message& message) {
  message.GetReflection()->MutableUnknownFields(&message)->AddLengthDelimited(20'000, "new");
}

std::string unknown_field(const google::protobuf::Message& message) {
  const google::protobuf::UnknownFieldSet& fields =
      message.GetReflection()->GetUnknownFields(message);
  if (fields.field_count() != 1 || fields.field(0).number() != 20'000) return "";
  return fields.field(0).length_delimited();
}

// A request with a different value in every field.
spearlet::InvokeFunctionRequest full_request() {
  spearlet::InvokeFunctionRequest request;
  request.set_invocation_type(spearlet::INVOCATION_TYPE_EXISTING_TASK);
  request.set_task_name("name");
  request.set_task_description("description");
  request.mutable_artifact_spec()->set_location("file:///x");
  request.set_task_id("fixtures");
  request.set_execution_mode(spearlet::EXECUTION_MODE_ASYNC);
  request.set_function_name("sleep");
  add_parameter<google::protobuf::Int64Value>(request, "ms", 50);
  request.mutable_context()->set_timeout_ms(1234);
  add_unknown_field(*request.mutable_context());
  request.set_create_if_not_exists(true);
  request.set_force_new_instance(true);
  (*request.mutable_invocation_metadata())["priority"] = "7";
  request.set_execution_id("e-1");
  add_unknown_field(request);
  return request;
}

template <class Answer>
Answer decoded(const Profile& profile, Method method, const google::protobuf::Message& sent) {
  auto answer = profile.decode(method, sent.SerializeAsString());
  EXPECT_TRUE(answer.ok()) << answer.status();
  return answer.ok() ? static_cast<const Answer&>(**answer) : Answer();
}

TEST(Profile, IsFoundByName) {
  EXPECT_THAT(profile_names(),
              ElementsAre("contract", "spear-2026-01", "spear-2026-03", "spear-2026-05"));
  for (const std::string_view name : profile_names()) EXPECT_EQ(find_profile(name)->name(), name);
  EXPECT_EQ(find_profile("analysis"), find_profile("contract")) << "the former name";
  EXPECT_EQ(find_profile("spear-head"), find_profile("spear-2026-05")) << "the former name";
  EXPECT_EQ(find_profile("spear"), nullptr);
}

TEST(ContractProfile, HasTheContractsPaths) {
  EXPECT_EQ(contract().path(Method::kInvokeFunction), "/spearlet.FunctionService/InvokeFunction");
  EXPECT_EQ(contract().path(Method::kGetExecutionStatus),
            "/spearlet.FunctionService/GetExecutionStatus");
  EXPECT_EQ(contract().path(Method::kCancelExecution), "/spearlet.FunctionService/CancelExecution");
  EXPECT_EQ(contract().path(Method::kStreamFunction), "/spearlet.FunctionService/StreamFunction");
  EXPECT_EQ(contract().path(Method::kListTasks), "/spearlet.FunctionService/ListTasks");
  EXPECT_EQ(contract().path(Method::kGetTask), "/spearlet.FunctionService/GetTask");
  EXPECT_EQ(contract().path(Method::kDeleteTask), "/spearlet.FunctionService/DeleteTask");
  EXPECT_EQ(contract().path(Method::kListExecutions), "/spearlet.FunctionService/ListExecutions");
  EXPECT_EQ(contract().path(Method::kGetHealth), "/spearlet.FunctionService/GetHealth");
  EXPECT_EQ(contract().path(Method::kGetStats), "/spearlet.FunctionService/GetStats");
}

TEST(ContractProfile, PreservesMessages) {
  const spearlet::InvokeFunctionRequest request = full_request();
  spearlet::InvokeFunctionRequest arrived;
  ASSERT_TRUE(arrived.ParseFromString(contract().encode(Method::kInvokeFunction, request)));
  EXPECT_TRUE(MessageDifferencer::Equals(arrived, request));

  spearlet::StreamExecutionResult chunk;
  chunk.set_execution_id("e-1");
  chunk.set_is_final(true);
  EXPECT_TRUE(MessageDifferencer::Equals(
      decoded<spearlet::StreamExecutionResult>(contract(), Method::kStreamFunction, chunk), chunk));
}

TEST(ContractProfile, RejectsMalformedBytes) {
  const auto answer = contract().decode(Method::kGetStats, "\xff\xff");
  ASSERT_FALSE(answer.ok());
  EXPECT_THAT(answer.status().ToString(), HasSubstr("spearlet.GetStatsResponse"));
}

TEST(Spear202601Profile, RenumbersTheRequestWithoutLoss) {
  const spearlet::InvokeFunctionRequest request = full_request();
  for (const Method method : {Method::kInvokeFunction, Method::kStreamFunction}) {
    january::InvokeFunctionRequest arrived;
    ASSERT_TRUE(arrived.ParseFromString(spear_2026_01().encode(method, request)));
    EXPECT_EQ(arrived.function_name(), "sleep");
    EXPECT_EQ(arrived.execution_mode(), spearlet::EXECUTION_MODE_ASYNC);
    EXPECT_FALSE(arrived.wait());
    EXPECT_EQ(unknown_field(arrived), "new");
    EXPECT_EQ(unknown_field(arrived.context()), "new");

    // Every field of the contract arrives under its name with its value.
    const google::protobuf::Descriptor& type = *spearlet::InvokeFunctionRequest::descriptor();
    for (int i = 0; i < type.field_count(); ++i) {
      const std::string& name = type.field(i)->name();
      std::string sent;
      std::string received;
      const auto* field = january::InvokeFunctionRequest::descriptor()->FindFieldByName(name);
      ASSERT_NE(field, nullptr) << name;
      const int count =
          field->is_repeated() ? arrived.GetReflection()->FieldSize(arrived, field) : 1;
      ASSERT_EQ(count, 1) << name;
      const int index = field->is_repeated() ? 0 : -1;
      google::protobuf::TextFormat::PrintFieldValueToString(request, type.field(i), index, &sent);
      google::protobuf::TextFormat::PrintFieldValueToString(arrived, field, index, &received);
      EXPECT_EQ(received, sent) << name;
    }
  }
}

TEST(Spear202601Profile, OmitsUnsetFields) {
  EXPECT_EQ(spear_2026_01().encode(Method::kInvokeFunction, spearlet::InvokeFunctionRequest()), "");
}

TEST(Spear202601Profile, SendsWhatSpearsOwnCallerSends) {
  spearlet::InvokeFunctionRequest request;
  request.set_task_id("t-1");
  const auto arrived = [&] {
    january::InvokeFunctionRequest message;
    EXPECT_TRUE(message.ParseFromString(spear_2026_01().encode(Method::kInvokeFunction, request)));
    return message;
  };
  request.set_execution_mode(spearlet::EXECUTION_MODE_ASYNC);
  EXPECT_FALSE(arrived().wait());
  request.set_execution_mode(spearlet::EXECUTION_MODE_SYNC);
  EXPECT_TRUE(arrived().wait());
  EXPECT_EQ(arrived().artifact_spec().artifact_id(), "sms:t-1");
  EXPECT_EQ(arrived().artifact_spec().artifact_type(), "sms");
  request.mutable_artifact_spec()->set_artifact_id("own");
  EXPECT_EQ(arrived().artifact_spec().artifact_id(), "own");
  EXPECT_EQ(arrived().artifact_spec().artifact_type(), "");
}

TEST(Spear202601Profile, PreservesTheOtherMessages) {
  spearlet::CancelExecutionRequest cancel;
  cancel.set_execution_id("e-1");
  cancel.set_force(true);
  EXPECT_EQ(spear_2026_01().encode(Method::kCancelExecution, cancel), cancel.SerializeAsString());
  EXPECT_EQ(spear_2026_01().path(Method::kGetStats), "/spearlet.FunctionService/GetStats");
}

TEST(Spear202605Profile, HasItsOwnPaths) {
  EXPECT_EQ(spear_2026_05().path(Method::kInvokeFunction), "/spearlet.InvocationService/Invoke");
  EXPECT_EQ(spear_2026_05().path(Method::kGetExecutionStatus),
            "/spearlet.ExecutionService/GetExecution");
  EXPECT_EQ(spear_2026_05().path(Method::kCancelExecution),
            "/spearlet.ExecutionService/TerminateExecution");
  EXPECT_EQ(spear_2026_05().path(Method::kListExecutions),
            "/spearlet.ExecutionService/ListExecutions");
  for (const Method method : {Method::kStreamFunction, Method::kListTasks, Method::kGetTask,
                              Method::kDeleteTask, Method::kGetHealth, Method::kGetStats}) {
    EXPECT_FALSE(spear_2026_05().serves(method));
  }
}

TEST(Spear202605Profile, DoesNotApplyClausesAboutMissingFields) {
  for (const char* clause : {"SYNC-1", "SYNC-5", "ASYNC-2", "ASYNC-5", "ETA-1", "ETA-4", "STREAM-1",
                             "LIST-4", "LIST-5", "MODE-2"}) {
    EXPECT_FALSE(spear_2026_05().applies(clause)) << clause;
  }
  for (const char* clause :
       {"SYNC-2", "ASYNC-1", "MODE-3", "STATE-2", "CANCEL-1", "TIME-1", "LIST-1", "WIRE-1"}) {
    EXPECT_TRUE(spear_2026_05().applies(clause)) << clause;
  }
}

TEST(Spear202605Profile, TranslatesAnInvocation) {
  spearlet::InvokeFunctionRequest request;
  request.set_task_id("fixtures");
  request.set_function_name("sleep");
  request.set_execution_mode(spearlet::EXECUTION_MODE_SYNC);
  request.set_force_new_instance(true);
  request.set_execution_id("e-1");
  add_parameter<google::protobuf::Int64Value>(request, "ms", 50);
  add_parameter<google::protobuf::Int64Value>(request, "bytes", -3);
  add_parameter<google::protobuf::StringValue>(request, "text", "hello");
  add_parameter<google::protobuf::BoolValue>(request, "flag", true);
  request.mutable_context()->set_timeout_ms(1234);
  request.mutable_context()->set_session_id("s");
  (*request.mutable_context()->mutable_headers())["h"] = "1";
  (*request.mutable_context()->mutable_environment())["E"] = "2";
  (*request.mutable_invocation_metadata())["priority"] = "7";
  add_unknown_field(request);
  ASSERT_TRUE(spear_2026_05().expresses(Method::kInvokeFunction, request));

  may::InvokeRequest arrived;
  ASSERT_TRUE(arrived.ParseFromString(spear_2026_05().encode(Method::kInvokeFunction, request)));
  EXPECT_EQ(unknown_field(arrived), "new");
  arrived.DiscardUnknownFields();

  may::InvokeRequest expected;
  expected.set_execution_id("e-1");
  expected.set_task_id("fixtures");
  expected.set_function_name("sleep");
  expected.mutable_input()->set_content_type(std::string(kInt64));
  expected.mutable_input()->set_data(request.parameters(0).value().value());
  (*expected.mutable_headers())["h"] = "1";
  (*expected.mutable_environment())["E"] = "2";
  expected.set_timeout_ms(1234);
  expected.set_session_id("s");
  expected.set_mode(may::EXECUTION_MODE_SYNC);
  expected.set_force_new_instance(true);
  (*expected.mutable_metadata())["priority"] = "7";
  (*expected.mutable_metadata())["parameter.ms"] = "50";
  (*expected.mutable_metadata())["parameter.bytes"] = "-3";
  (*expected.mutable_metadata())["parameter.text"] = "hello";
  (*expected.mutable_metadata())["parameter.flag"] = "CAE=";
  EXPECT_TRUE(MessageDifferencer::Equals(arrived, expected)) << arrived.DebugString();
}

TEST(Spear202605Profile, UsesTheIdOfTheContextIfThereIsNoOther) {
  spearlet::InvokeFunctionRequest request;
  request.mutable_context()->set_execution_id("from the context");
  may::InvokeRequest arrived;
  ASSERT_TRUE(arrived.ParseFromString(spear_2026_05().encode(Method::kInvokeFunction, request)));
  EXPECT_EQ(arrived.execution_id(), "from the context");
}

TEST(Spear202605Profile, PreservesPayloads) {
  google::protobuf::Any typed;
  typed.PackFrom(google::protobuf::StringValue());
  typed.set_value("\x0a\x02hi");
  google::protobuf::Any untyped;
  untyped.set_value("bytes");
  for (const google::protobuf::Any& value : {typed, untyped}) {
    spearlet::InvokeFunctionRequest request;
    *request.add_parameters()->mutable_value() = value;
    may::InvokeRequest arrived;
    ASSERT_TRUE(arrived.ParseFromString(spear_2026_05().encode(Method::kInvokeFunction, request)));
    EXPECT_TRUE(arrived.metadata().empty()) << arrived.DebugString();

    may::InvokeResponse echoed;
    *echoed.mutable_output() = arrived.input();
    EXPECT_TRUE(MessageDifferencer::Equals(
        decoded<spearlet::InvokeFunctionResponse>(spear_2026_05(), Method::kInvokeFunction, echoed)
            .result()
            .result(),
        value));
  }
}

TEST(Spear202605Profile, ReportsRequestsThatItCannotExpress) {
  const auto invoke = [](auto change) {
    spearlet::InvokeFunctionRequest request;
    request.set_task_id("t");
    change(request);
    return spear_2026_05().expresses(Method::kInvokeFunction, request);
  };
  using Request = spearlet::InvokeFunctionRequest;
  EXPECT_TRUE(invoke([](Request&) {}));
  EXPECT_FALSE(invoke([](Request& r) { r.mutable_context()->set_timeout_ms(-1); }));
  EXPECT_FALSE(invoke([](Request& r) { r.mutable_context()->set_max_retries(1); }));
  EXPECT_FALSE(invoke([](Request& r) { r.mutable_artifact_spec(); }));
  EXPECT_FALSE(invoke([](Request& r) {
    r.set_execution_id("one");
    r.mutable_context()->set_execution_id("other");
  }));

  spearlet::CancelExecutionRequest cancel;
  EXPECT_TRUE(spear_2026_05().expresses(Method::kCancelExecution, cancel));
  cancel.set_force(true);
  EXPECT_FALSE(spear_2026_05().expresses(Method::kCancelExecution, cancel));

  spearlet::ListExecutionsRequest list;
  EXPECT_TRUE(spear_2026_05().expresses(Method::kListExecutions, list));
  list.set_limit(-1);
  EXPECT_FALSE(spear_2026_05().expresses(Method::kListExecutions, list));

  EXPECT_FALSE(spear_2026_05().expresses(Method::kGetStats, spearlet::GetStatsRequest()));
}

TEST(Spear202605Profile, TranslatesAnEndedInvocation) {
  may::InvokeResponse sent;
  sent.set_invocation_id("i");
  sent.set_execution_id("e-1");
  sent.set_instance_id("instance");
  sent.set_status(may::EXECUTION_STATUS_TERMINATED);
  sent.mutable_error()->set_code("CANCELLED");
  sent.mutable_error()->set_message("please");
  *sent.mutable_started_at() = TimeUtil::MillisecondsToTimestamp(10'900);
  *sent.mutable_completed_at() = TimeUtil::MillisecondsToTimestamp(12'000);

  spearlet::InvokeFunctionResponse expected;
  expected.set_execution_id("e-1");
  expected.set_instance_id("instance");
  expected.set_message("please");
  expected.mutable_result()->set_status(spearlet::EXECUTION_STATUS_CANCELLED);
  expected.mutable_result()->set_error_code("CANCELLED");
  expected.mutable_result()->set_error_message("please");
  expected.mutable_result()->set_execution_time_ms(1100);
  *expected.mutable_result()->mutable_started_at() = sent.started_at();
  *expected.mutable_result()->mutable_completed_at() = sent.completed_at();
  const auto answer =
      decoded<spearlet::InvokeFunctionResponse>(spear_2026_05(), Method::kInvokeFunction, sent);
  EXPECT_TRUE(MessageDifferencer::Equals(answer, expected)) << answer.DebugString();
}

TEST(Spear202605Profile, TakesAnEmptyOutputForNone) {
  may::Execution sent;
  sent.mutable_output()->set_content_type("application/octet-stream");
  const auto result = [&] {
    return decoded<spearlet::GetExecutionStatusResponse>(spear_2026_05(),
                                                         Method::kGetExecutionStatus, sent)
        .result();
  };
  EXPECT_FALSE(result().has_result());
  sent.mutable_output()->set_data("x");
  EXPECT_EQ(result().result().value(), "x");
  EXPECT_EQ(result().result().type_url(), "");
}

TEST(Spear202605Profile, DerivesSuccessFromTheStatus) {
  const auto success = [](may::ExecutionStatus status) {
    may::InvokeResponse sent;
    sent.set_status(status);
    return decoded<spearlet::InvokeFunctionResponse>(spear_2026_05(), Method::kInvokeFunction, sent)
        .success();
  };
  EXPECT_TRUE(success(may::EXECUTION_STATUS_PENDING));
  EXPECT_TRUE(success(may::EXECUTION_STATUS_COMPLETED));
  EXPECT_FALSE(success(may::EXECUTION_STATUS_FAILED));
  EXPECT_FALSE(success(may::EXECUTION_STATUS_TIMEOUT));
  EXPECT_FALSE(success(may::EXECUTION_STATUS_UNSPECIFIED));
}

TEST(Spear202605Profile, TranslatesAStatus) {
  spearlet::GetExecutionStatusRequest request;
  request.set_execution_id("e-1");
  request.set_include_result(true);
  add_unknown_field(request);
  may::GetExecutionRequest arrived;
  ASSERT_TRUE(
      arrived.ParseFromString(spear_2026_05().encode(Method::kGetExecutionStatus, request)));
  EXPECT_EQ(arrived.execution_id(), "e-1");
  EXPECT_TRUE(arrived.include_output());
  EXPECT_EQ(unknown_field(arrived), "new");

  may::Execution sent;
  sent.set_execution_id("e-1");
  sent.set_status(may::EXECUTION_STATUS_RUNNING);
  const auto answer = decoded<spearlet::GetExecutionStatusResponse>(
      spear_2026_05(), Method::kGetExecutionStatus, sent);
  EXPECT_TRUE(answer.found());
  EXPECT_EQ(answer.result().status(), spearlet::EXECUTION_STATUS_RUNNING);
  EXPECT_FALSE(answer.result().has_result());
  EXPECT_FALSE(answer.result().has_started_at());
}

TEST(Spear202605Profile, TranslatesNotFoundToAnAnswer) {
  const absl::Status unknown = absl::NotFoundError("no e-9");
  const auto status = spear_2026_05().decode_error(Method::kGetExecutionStatus, unknown);
  ASSERT_TRUE(status.ok());
  const auto& not_found = static_cast<const spearlet::GetExecutionStatusResponse&>(**status);
  EXPECT_FALSE(not_found.found());
  EXPECT_EQ(not_found.message(), "no e-9");

  // The manifest declares what a cancel of an unknown id is.
  EXPECT_EQ(spear_2026_05().decode_error(Method::kCancelExecution, unknown).status(), unknown);
  EXPECT_EQ(spear_2026_05().decode_error(Method::kInvokeFunction, unknown).status(), unknown);
  EXPECT_EQ(contract().decode_error(Method::kGetExecutionStatus, unknown).status(), unknown);
  const absl::Status other = absl::UnavailableError("draining");
  EXPECT_EQ(spear_2026_05().decode_error(Method::kGetExecutionStatus, other).status(), other);
}

TEST(Spear202605Profile, TranslatesACancel) {
  spearlet::CancelExecutionRequest request;
  request.set_execution_id("e-1");
  request.set_reason("please");
  may::TerminateExecutionRequest arrived;
  ASSERT_TRUE(arrived.ParseFromString(spear_2026_05().encode(Method::kCancelExecution, request)));
  EXPECT_EQ(arrived.execution_id(), "e-1");
  EXPECT_EQ(arrived.reason(), "please");

  may::TerminateExecutionResponse sent;
  sent.set_success(true);
  sent.set_final_status(may::EXECUTION_STATUS_TERMINATED);
  sent.set_message("done");
  const auto answer =
      decoded<spearlet::CancelExecutionResponse>(spear_2026_05(), Method::kCancelExecution, sent);
  EXPECT_TRUE(answer.success());
  EXPECT_EQ(answer.final_status(), spearlet::EXECUTION_STATUS_CANCELLED);
  EXPECT_EQ(answer.message(), "done");
}

TEST(Spear202605Profile, TranslatesAList) {
  spearlet::ListExecutionsRequest request;
  request.set_task_id("fixtures");
  request.set_limit(5);
  request.set_start_after("token");
  may::ListExecutionsRequest arrived;
  ASSERT_TRUE(arrived.ParseFromString(spear_2026_05().encode(Method::kListExecutions, request)));
  EXPECT_EQ(arrived.task_id(), "fixtures");
  EXPECT_EQ(arrived.limit(), 5u);
  EXPECT_EQ(arrived.page_token(), "token");

  may::ListExecutionsResponse sent;
  may::Execution& execution = *sent.add_executions();
  execution.set_execution_id("e-1");
  execution.set_task_id("fixtures");
  execution.set_function_name("echo");
  execution.set_status(may::EXECUTION_STATUS_COMPLETED);
  auto answer =
      decoded<spearlet::ListExecutionsResponse>(spear_2026_05(), Method::kListExecutions, sent);
  ASSERT_EQ(answer.executions_size(), 1);
  EXPECT_EQ(answer.executions(0).execution_id(), "e-1");
  EXPECT_EQ(answer.executions(0).task_id(), "fixtures");
  EXPECT_EQ(answer.executions(0).function_name(), "echo");
  EXPECT_EQ(answer.executions(0).status(), spearlet::EXECUTION_STATUS_COMPLETED);
  EXPECT_FALSE(answer.has_more());

  sent.set_next_page_token("next");
  answer =
      decoded<spearlet::ListExecutionsResponse>(spear_2026_05(), Method::kListExecutions, sent);
  EXPECT_TRUE(answer.has_more());
  EXPECT_EQ(answer.next_start_after(), "next");
}

TEST(Spear202603Profile, HasStreamsAndCancels) {
  EXPECT_EQ(spear_2026_03().path(Method::kStreamFunction),
            "/spearlet.InvocationService/InvokeStream");
  EXPECT_EQ(spear_2026_03().path(Method::kCancelExecution),
            "/spearlet.ExecutionService/CancelExecution");
  for (const char* clause : {"STREAM-1", "MODE-2"}) {
    EXPECT_TRUE(spear_2026_03().applies(clause)) << clause;
  }
  march::InvokeStreamChunk sent;
  sent.set_execution_id("e-1");
  sent.set_status(march::EXECUTION_STATUS_CANCELLED);
  sent.mutable_chunk()->set_data("x");
  sent.set_is_final(true);
  sent.mutable_error()->set_message("please");
  const auto chunk =
      decoded<spearlet::StreamExecutionResult>(spear_2026_03(), Method::kStreamFunction, sent);
  EXPECT_EQ(chunk.execution_id(), "e-1");
  EXPECT_EQ(chunk.status(), spearlet::EXECUTION_STATUS_CANCELLED);
  EXPECT_EQ(chunk.chunk_data().value(), "x");
  EXPECT_TRUE(chunk.is_final());
  EXPECT_EQ(chunk.error_message(), "please");
}

TEST(Spear202605Profile, RejectsMalformedBytes) {
  const auto answer = spear_2026_05().decode(Method::kInvokeFunction, "\xff\xff");
  ASSERT_FALSE(answer.ok());
  EXPECT_THAT(answer.status().ToString(), HasSubstr("InvokeResponse"));
}

}  // namespace
}  // namespace quintain::conformance
