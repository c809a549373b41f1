// Validation, fingerprints and memory reuse of invocation requests.
#include "core/invocation.h"

#include <gmock/gmock.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "core/testing/test_node.h"

namespace quintain::core {
namespace {

using namespace std::chrono_literals;
using spearlet::InvokeFunctionRequest;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr auto kInvoke = InvocationCall::kInvokeFunction;
constexpr auto kStream = InvocationCall::kStreamFunction;

std::string errors_of(const InvokeFunctionRequest& request, InvocationCall call = kInvoke) {
  const auto parsed = parse_invocation(request, call);
  if (parsed.ok()) return "";
  EXPECT_EQ(parsed.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(parsed.status().message());
}

TEST(ParseInvocation, ReadsTheRequest) {
  InvokeFunctionRequest request =
      testing::async_request({.id = "a", .timeout_ms = 1500, .retries = 3});
  const auto parsed = parse_invocation(request, kInvoke);
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->mode, spearlet::EXECUTION_MODE_ASYNC);
  EXPECT_EQ(parsed->type, spearlet::INVOCATION_TYPE_EXISTING_TASK);
  EXPECT_EQ(parsed->execution_id, "a");
  EXPECT_EQ(parsed->timeout, 1500ms);
  EXPECT_EQ(parsed->max_retries, 3);
}

TEST(ParseInvocation, OmittedFieldsAreEmpty) {
  const auto parsed = parse_invocation(testing::sync_request(), kInvoke);
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->execution_id, std::nullopt);
  EXPECT_EQ(parsed->timeout, std::nullopt);
  EXPECT_EQ(parsed->max_retries, 0);
}

TEST(ModeClause, Mode1RejectsUnspecifiedAndUnknownModes) {
  for (const int mode : {0, 4, -1, 1000}) {
    const InvokeFunctionRequest request =
        testing::request(static_cast<spearlet::ExecutionMode>(mode));
    EXPECT_THAT(errors_of(request), HasSubstr("execution_mode")) << mode;
    EXPECT_THAT(errors_of(request, kStream), HasSubstr("execution_mode")) << mode;
  }
}

TEST(ModeClause, Mode2RejectsStreamThroughInvokeFunctionAndNamesTheRightCall) {
  EXPECT_THAT(errors_of(testing::stream_request()), HasSubstr("StreamFunction"));
  EXPECT_EQ(errors_of(testing::stream_request(), kStream), "");
  EXPECT_THAT(errors_of(testing::sync_request(), kStream), HasSubstr("EXECUTION_MODE_STREAM"));
}

TEST(ParseInvocation, InfersTheTypeFromTheFields) {
  InvokeFunctionRequest request = testing::sync_request({.task = ""});
  EXPECT_THAT(errors_of(request), HasSubstr("invocation_type"));
  request.mutable_artifact_spec();
  EXPECT_EQ(parse_invocation(request, kInvoke)->type, spearlet::INVOCATION_TYPE_NEW_TASK);
  request.set_task_id("task");  // wins over the artifact
  EXPECT_EQ(parse_invocation(request, kInvoke)->type, spearlet::INVOCATION_TYPE_EXISTING_TASK);
  request.set_invocation_type(spearlet::INVOCATION_TYPE_NEW_TASK);
  EXPECT_EQ(parse_invocation(request, kInvoke)->type, spearlet::INVOCATION_TYPE_NEW_TASK);
  request.clear_artifact_spec();
  EXPECT_THAT(errors_of(request), HasSubstr("artifact_spec"));
  request.set_invocation_type(spearlet::INVOCATION_TYPE_EXISTING_TASK);
  EXPECT_EQ(errors_of(request), "");
  request.clear_task_id();
  EXPECT_THAT(errors_of(request), HasSubstr("task_id"));
  request.set_invocation_type(static_cast<spearlet::InvocationType>(9));
  EXPECT_THAT(errors_of(request), HasSubstr("invocation_type"));
}

TEST(ParseInvocation, ReadsTheIdFromEitherField) {
  InvokeFunctionRequest request = testing::sync_request();
  request.mutable_context()->set_execution_id("a");
  EXPECT_EQ(parse_invocation(request, kInvoke)->execution_id, "a");
  request.set_execution_id("a");
  EXPECT_EQ(parse_invocation(request, kInvoke)->execution_id, "a");
  request.set_execution_id("b");
  EXPECT_THAT(errors_of(request), HasSubstr("differs"));
}

TEST(ParseInvocation, AnIdMustBeAPathSegment) {
  const auto errors_of_id = [](std::string id) {
    InvokeFunctionRequest request = testing::sync_request();
    request.set_execution_id(std::move(id));
    return errors_of(request);
  };
  EXPECT_EQ(errors_of_id(std::string(128, 'x')), "");
  EXPECT_EQ(errors_of_id("aZ09-._~!$&'()*+,;=:@"), "");
  EXPECT_EQ(errors_of_id("..."), "");
  EXPECT_THAT(errors_of_id(std::string(129, 'x')), HasSubstr("execution_id"));
  // The last two are dot segments: a client removes them from the path (RFC 3986, 5.2.4).
  for (const char* id :
       {"", "a/b", "a b", "a?b", "a#b", "#1", "a%20b", "\xc3\xa4", "a\n", ".", ".."}) {
    EXPECT_THAT(errors_of_id(id), HasSubstr("execution_id")) << id;
  }
}

TEST(ParseInvocation, ClampsTimeouts) {
  EXPECT_EQ(parse_invocation(testing::sync_request({.timeout_ms = 1}), kInvoke)->timeout, 1ms);
  EXPECT_EQ(
      parse_invocation(
          testing::sync_request({.timeout_ms = std::numeric_limits<std::int64_t>::max()}), kInvoke)
          ->timeout,
      kForever);
  EXPECT_THAT(errors_of(testing::sync_request({.timeout_ms = -1})), HasSubstr("timeout_ms"));
}

TEST(ParseInvocation, ReportsAllErrorsAtOnce) {
  InvokeFunctionRequest request;
  request.set_execution_id("a b");
  request.mutable_context()->set_execution_id("c");
  request.mutable_context()->set_timeout_ms(-7);
  request.mutable_context()->set_max_retries(-1);
  (*request.mutable_invocation_metadata())["priority"] = "high";
  const std::string all = errors_of(request);
  for (const char* part : {"execution_mode", "invocation_type", "differs", "URL path",
                           "timeout_ms: -7", "max_retries: -1", "priority"}) {
    EXPECT_THAT(all, HasSubstr(part));
  }
}

// ---- Fingerprints -------------------------------------------------------------------------------

TEST(Fingerprint, IgnoresTheIdInEitherField) {
  InvokeFunctionRequest a = testing::sync_request();
  InvokeFunctionRequest b = a;
  b.set_execution_id("b");
  InvokeFunctionRequest c = a;
  c.mutable_context()->set_execution_id("b");
  EXPECT_EQ(fingerprint(a), fingerprint(b));
  EXPECT_EQ(fingerprint(a), fingerprint(c));
}

TEST(Fingerprint, DiffersBetweenRequests) {
  const InvokeFunctionRequest base = testing::sync_request();
  std::vector<InvokeFunctionRequest> others(6, base);
  others[0].set_execution_mode(spearlet::EXECUTION_MODE_ASYNC);
  others[1].set_task_id("other");
  others[2].set_function_name("g");
  others[3].mutable_context()->set_timeout_ms(1);
  others[4].add_parameters()->mutable_value()->set_value("x");
  (*others[5].mutable_invocation_metadata())["k"] = "v";
  for (const auto& other : others) {
    EXPECT_NE(fingerprint(base), fingerprint(other)) << other.ShortDebugString();
  }
}

RC_GTEST_PROP(Fingerprint, IgnoresTheOrderOfMapEntries, ()) {
  const auto entries = *rc::gen::arbitrary<std::map<int, int>>();
  std::vector<std::pair<int, int>> order(entries.begin(), entries.end());
  const auto build = [&] {
    InvokeFunctionRequest request = testing::sync_request();
    for (const auto& [key, value] : order) {
      (*request.mutable_context()->mutable_environment())[std::to_string(key)] =
          std::to_string(value);
    }
    return request;
  };
  const auto forwards = fingerprint(build());
  std::ranges::reverse(order);
  RC_ASSERT(fingerprint(build()) == forwards);
}

// ---- Memory reuse -------------------------------------------------------------------------------

using google::protobuf::util::MessageDifferencer;

spearlet::InvokeFunctionRequest filled(const std::string& text) {
  spearlet::InvokeFunctionRequest request;
  testing::fill(request, text);
  return request;
}

TEST(MessageReuse, CopyEqualsTheOriginalWhateverTheTargetHeld) {
  const spearlet::InvokeFunctionRequest empty;
  const auto full = filled("a text that does not fit into a short string");
  for (const auto* from : {&empty, &full}) {
    for (const auto& before : {empty, filled("before"), full}) {
      spearlet::InvokeFunctionRequest to = before;
      copy_keeping_memory(*from, to);
      EXPECT_TRUE(MessageDifferencer::Equals(*from, to)) << to.DebugString();
    }
  }
}

TEST(MessageReuse, ClearRemovesAllContents) {
  auto request = filled("secret");
  clear_keeping_memory(request);
  request.clear_context();  // has_context() is unspecified
  EXPECT_TRUE(MessageDifferencer::Equals(request, spearlet::InvokeFunctionRequest()))
      << request.DebugString();

  auto context = filled("secret");
  clear_keeping_memory(context);
  EXPECT_TRUE(
      MessageDifferencer::Equals(context.context(), spearlet::ExecutionContext::default_instance()))
      << context.DebugString();
}

TEST(MessageReuse, KeepsTheContextsMemory) {
  auto request = filled("x");
  const spearlet::ExecutionContext* context = &request.context();
  clear_keeping_memory(request);
  copy_keeping_memory(filled("y"), request);
  EXPECT_EQ(&request.context(), context);
}

}  // namespace
}  // namespace quintain::core
