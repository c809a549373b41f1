#include "scenarios/language/messages.h"

#include <gmock/gmock.h>
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/text_format.h>
#include <google/protobuf/wrappers.pb.h>
#include <rapidcheck/gtest.h>

#include <nlohmann/json.hpp>
#include <ostream>
#include <string>

#include "reports/json_input/diagnostics.h"
#include "scenarios/language/message_kind.h"
#include "spearlet/function.pb.h"

namespace quintain::scenarios {

void PrintTo(const Mismatch& m, std::ostream* out) {
  *out << m.pointer << ": expected " << m.expected << ", observed " << m.observed;
}

namespace {

using nlohmann::ordered_json;
using testing::ElementsAre;
using testing::IsEmpty;

template <class Message>
Message message(const std::string& text) {
  Message message;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &message)) << text;
  return message;
}

spearlet::GetExecutionStatusResponse running() {
  return message<spearlet::GetExecutionStatusResponse>(R"(
      found: true
      logs: "first line"
      logs: "second line"
      result {
        status: EXECUTION_STATUS_RUNNING
        execution_time_ms: 150
        metrics { key: "eta_p50_ms" value: "80" }
        metrics { key: "note" value: "" }
        started_at { nanos: 150000000 }
      })");
}

std::vector<Mismatch> match_running(const char* expected) {
  return match(running(), ordered_json::parse(expected));
}

TEST(MatchTest, IgnoresFieldsThatThePatternOmits) {
  EXPECT_THAT(match_running("{}"), IsEmpty());
  EXPECT_THAT(match_running(R"({"found": true, "logs": ["first line", "second line"],
      "result": {"status": "RUNNING", "execution_time_ms": 150,
                 "metrics": {"eta_p50_ms": "80"}, "started_at": "1970-01-01T00:00:00.15Z"}})"),
              IsEmpty());
}

TEST(MatchTest, ReportsMismatchesInTheOrderOfThePattern) {
  EXPECT_THAT(
      match_running(R"({"result": {"status": "COMPLETED", "execution_time_ms": 151,
                                   "completed_at": "2000-01-01T00:00:00Z"},
                        "logs": ["first line", "last line"], "found": false})"),
      ElementsAre(Mismatch{"/result/status", R"("COMPLETED")", R"("EXECUTION_STATUS_RUNNING")"},
                  Mismatch{"/result/execution_time_ms", "151", "150"},
                  Mismatch{"/result/completed_at", R"("2000-01-01T00:00:00Z")", "nothing"},
                  Mismatch{"/logs/1", R"("last line")", R"("second line")"},
                  Mismatch{"/found", "false", "true"}));
}

TEST(MatchTest, EnumsMatchByFullNameShortNameOrNumber) {
  for (const char* status : {R"("EXECUTION_STATUS_RUNNING")", R"("RUNNING")", "2"}) {
    const ordered_json expected = {{"result", {{"status", ordered_json::parse(status)}}}};
    EXPECT_THAT(match(running(), expected), IsEmpty()) << status;
  }
  EXPECT_EQ(match_running(R"({"result": {"status": 3}})").size(), 1u);
  EXPECT_EQ(match_running(R"({"result": {"status": "RUNNIN"}})").size(), 1u);

  spearlet::ExecutionInfo info;
  info.set_status(static_cast<spearlet::ExecutionStatus>(77));  // from a newer contract
  EXPECT_THAT(match(info, {{"status", 77}}), IsEmpty());
}

TEST(MatchTest, NumbersAreComparedWhateverTheirType) {
  spearlet::ServiceStats stats;
  stats.set_uptime_seconds(9'007'199'254'740'993);  // 2^53 + 1, which no double is
  stats.set_cpu_usage_percent(50);
  EXPECT_THAT(match(stats, {{"uptime_seconds", 9'007'199'254'740'993}, {"cpu_usage_percent", 50}}),
              IsEmpty());
  EXPECT_EQ(match(stats, {{"uptime_seconds", 9'007'199'254'740'992}}).size(), 1u);
  EXPECT_EQ(match(stats, {{"uptime_seconds", "9007199254740993"}}).size(), 1u);
}

TEST(MatchTest, NullMatchesUnsetFields) {
  EXPECT_THAT(match_running(R"({"message": null, "result": {"error_code": null, "result": null,
                                "memory_used_bytes": null, "completed_at": null,
                                "metrics": {"other": null}}})"),
              IsEmpty());
  EXPECT_THAT(match_running(R"({"found": null, "logs": null, "result": null})"),
              ElementsAre(testing::Field(&Mismatch::pointer, "/found"),
                          testing::Field(&Mismatch::pointer, "/logs"),
                          testing::Field(&Mismatch::pointer, "/result")));
  EXPECT_THAT(match_running(R"({"result": {"status": null}})"),
              ElementsAre(Mismatch{"/result/status", "nothing", R"("EXECUTION_STATUS_RUNNING")"}));
  EXPECT_THAT(match(spearlet::ExecutionResult(), {{"status", nullptr}}), IsEmpty());
}

TEST(MatchTest, PresenceDiffersFromTheDefault) {
  spearlet::InvokeFunctionRequest request;
  EXPECT_THAT(match(request, {{"execution_id", nullptr}, {"context", nullptr}}), IsEmpty());
  request.set_execution_id("");
  request.mutable_context();
  EXPECT_EQ(match(request, {{"execution_id", nullptr}, {"context", nullptr}}).size(), 2u);
  EXPECT_THAT(match(request, {{"execution_id", ""}, {"context", ordered_json::object()}}),
              IsEmpty());
  // A key of a map is set, even with the default value.
  EXPECT_EQ(match_running(R"({"result": {"metrics": {"note": null}}})").size(), 1u);
  EXPECT_THAT(match_running(R"({"result": {"metrics": {"note": {"$set": true}}}})"), IsEmpty());
}

TEST(MatchTest, AnObjectMatchesOnlyAMessageThatIsSet) {
  EXPECT_THAT(match(spearlet::InvokeFunctionResponse(), {{"result", ordered_json::object()}}),
              ElementsAre(Mismatch{"/result", "{}", "nothing"}));
}

TEST(MatchTest, ArraysMustHaveTheSameLength) {
  EXPECT_THAT(match_running(R"({"logs": ["first line"]})"),
              ElementsAre(Mismatch{"/logs", "an array of 1",
                                   R"(an array of 2: ["first line","second line"])"}));
  EXPECT_THAT(match_running(R"({"logs": "first line"})"),
              ElementsAre(Mismatch{"/logs", R"("first line")", R"(["first line","second line"])"}));
}

TEST(MatchTest, Conditions) {
  const auto holds = [](const char* expected) {
    EXPECT_THAT(match_running(expected), IsEmpty()) << expected;
  };
  const auto fails = [](const char* expected, const Mismatch& mismatch) {
    EXPECT_THAT(match_running(expected), ElementsAre(mismatch)) << expected;
  };
  holds(R"({"result": {"execution_time_ms": {"$at_least": 150, "$at_most": 150}}})");
  fails(R"({"result": {"execution_time_ms": {"$at_least": 151, "$at_most": 151}}})",
        {"/result/execution_time_ms", "at_least 151", "150"});
  fails(R"({"result": {"execution_time_ms": {"$at_most": 149.5}}})",
        {"/result/execution_time_ms", "at_most 149.5", "150"});
  holds(R"({"result": {"metrics": {"eta_p50_ms": {"$at_least": 80}}}})");
  fails(R"({"result": {"metrics": {"eta_p50_ms": {"$at_least": 81}}}})",
        {"/result/metrics/eta_p50_ms", "at_least 81", R"("80")"});
  fails(R"({"result": {"metrics": {"other": {"$at_least": 0}}}})",
        {"/result/metrics/other", "at_least 0", "nothing"});

  holds(R"({"logs": {"$contains": "second line"}})");
  holds(R"({"logs": {"$contains": {"$contains": "second"}}})");
  fails(R"({"logs": {"$contains": "second"}})",
        {"/logs", R"(contains "second")", R"(["first line","second line"])"});
  holds(R"({"logs": [{"$contains": "first"}, {"$contains": ""}]})");
  fails(R"({"message": {"$contains": "x"}})", {"/message", R"(contains "x")", R"("")"});

  holds(R"({"logs": {"$length": 2}, "message": {"$length": 0}})");
  holds(R"({"result": {"metrics": {"$length": 2}}})");
  fails(R"({"logs": {"$length": 3}})", {"/logs", "length 3", R"(["first line","second line"])"});
  fails(R"({"found": {"$length": 3}})", {"/found", "length 3", "true"});

  holds(R"({"result": {"status": {"$not": "COMPLETED"}}})");
  fails(R"({"result": {"status": {"$not": "RUNNING"}}})",
        {"/result/status", R"(not "RUNNING")", R"("EXECUTION_STATUS_RUNNING")"});
  holds(R"({"result": {"started_at": {"$not": null}}})");

  holds(R"({"result": {"started_at": {"$set": true}, "completed_at": {"$set": false}}})");
  fails(R"({"result": {"completed_at": {"$set": true}}})",
        {"/result/completed_at", "set true", "nothing"});
  fails(R"({"found": {"$maybe": 1}})", {"/found", "a known condition instead of $maybe", "true"});
}

TEST(MatchTest, UnknownFieldsDoNotMatch) {
  EXPECT_THAT(match_running(R"({"resutl": null})"),
              ElementsAre(Mismatch{"/resutl", "null", "no such field"}));
}

TEST(MatchTest, MatchesTheMessageInAnAny) {
  spearlet::ExecutionResult result;
  google::protobuf::Int64Value number;
  number.set_value(5);
  result.mutable_result()->PackFrom(number);
  EXPECT_THAT(match(result, ordered_json::parse(R"({"result": {"value": 5}})")), IsEmpty());
  EXPECT_THAT(
      match(result, ordered_json::parse(R"({"result": {"@type": "google.protobuf.Int64Value"}})")),
      IsEmpty());
  EXPECT_THAT(match(result, ordered_json::parse(R"({"result": {"@type": "spearlet.TaskInfo"}})")),
              ElementsAre(Mismatch{"/result/@type", R"("spearlet.TaskInfo")",
                                   R"("type.googleapis.com/google.protobuf.Int64Value")"}));

  google::protobuf::Struct fields;
  (*fields.mutable_fields())["n"].set_number_value(1.5);
  result.mutable_result()->PackFrom(fields);
  EXPECT_THAT(match(result, ordered_json::parse(R"({"result": {"value": {"n": 1.5}}})")),
              IsEmpty());

  result.mutable_result()->PackFrom(running().result());
  EXPECT_THAT(match(result, ordered_json::parse(R"({"result": {"status": "RUNNING"}})")),
              IsEmpty());
  EXPECT_THAT(match(result, ordered_json::parse(R"({"result": {"stat": 1}})")),
              ElementsAre(Mismatch{"/result/stat", "1", "no such field"}));
}

TEST(MatchTest, AnUnreadableAnyMatchesByItsBytes) {
  spearlet::ExecutionResult result;
  result.mutable_result()->set_type_url("example.com/unknown.Type");
  result.mutable_result()->set_value("abc");
  EXPECT_THAT(
      match(result, ordered_json::parse(
                        R"({"result": {"@type": "example.com/unknown.Type", "value": "YWJj"}})")),
      IsEmpty());
  result.mutable_result()->set_type_url("example.com/spearlet.TaskInfo");
  result.mutable_result()->set_value("\xff");
  EXPECT_THAT(match(result, ordered_json::parse(R"({"result": {"value": "/w=="}})")).size(), 1u);
}

TEST(MatchTest, MapsHoldValuesOfTheirType) {
  spearlet::TaskStats stats;
  (*stats.mutable_tasks_by_type())["wasm"] = 0;
  stats.add_most_active_tasks()->set_last_status(spearlet::EXECUTION_STATUS_FAILED);
  EXPECT_THAT(match(stats, ordered_json::parse(R"({"tasks_by_type": {"wasm": 0},
                "most_active_tasks": [{"last_status": "FAILED", "task_id": null}]})")),
              IsEmpty());
}

TEST(MatchTest, TextThatIsNotUtf8IsShown) {
  spearlet::GetHealthResponse health;
  health.set_message("\xff");
  EXPECT_THAT(match(health, {{"message", "x"}}),
              ElementsAre(Mismatch{"/message", R"("x")", "\"\uFFFD\""}));
}

RC_GTEST_PROP(MatchProperty, ANumberMatchesOnlyItself, (std::int64_t a, std::int64_t b)) {
  spearlet::ExecutionResult result;
  result.set_execution_time_ms(a);
  const auto matches = [&](ordered_json x) {
    return match(result, {{"execution_time_ms", x}}).empty();
  };
  RC_ASSERT(matches(a));
  RC_ASSERT(matches(b) == (a == b));
  RC_ASSERT(matches({{"$not", b}}) == (a != b));
  RC_ASSERT(matches({{"$at_least", b}}) == (a >= b));
  RC_ASSERT(matches({{"$at_most", b}}) == (a <= b));
}

std::string errors(std::string_view pattern) {
  json_input::Diagnostics diagnostics;
  const auto document = json_input::Document::parse("f", pattern, diagnostics);
  EXPECT_TRUE(document) << diagnostics.text();
  check_pattern(*spearlet::GetExecutionStatusResponse::descriptor(),
                json_input::Reader(document->root(), diagnostics));
  return diagnostics.text();
}

TEST(CheckPatternTest, AcceptsValidPatterns) {
  EXPECT_EQ(errors(R"({"found": true, "message": null, "logs": [{"$contains": "x"}, "y"],
      "result": {"status": "EXECUTION_STATUS_RUNNING", "started_at": "2000-01-01T00:00:00Z",
                 "execution_time_ms": {"$at_least": 1, "$not": 7},
                 "metrics": {"any key": {"$at_most": 5}, "other": null},
                 "result": {"@type": "google.protobuf.Struct", "value": {"x": [1]}},
                 "completed_at": {"$set": false}, "error_code": {"$length": 3}}})"),
            "");
  EXPECT_EQ(errors(R"({"result": {"status": 2, "result": {"unknown": 1}}})"), "");
}

TEST(CheckPatternTest, RejectsUnknownFields) {
  EXPECT_EQ(errors("{\"found\": true,\n \"resutl\": {},\n \"result\": {\"x\": 1}}"),
            "f:2: /resutl: no field 'resutl' in spearlet.GetExecutionStatusResponse; did you mean "
            "'result'?\n"
            "f:3: /result/x: no field 'x' in spearlet.ExecutionResult\n");
  EXPECT_EQ(errors(R"({"result": {"result": {"@type": "spearlet.TaskInfo", "taskid": "x"}}})"),
            "f:1: /result/result/taskid: no field 'taskid' in spearlet.TaskInfo; did you mean "
            "'task_id'?\n");
  EXPECT_EQ(errors(R"({"result": {"result": {"@type": "spearlet.Nothing"}}})"),
            "f:1: /result/result/@type: there is no message type \"spearlet.Nothing\"\n");
}

TEST(CheckPatternTest, RejectsInvalidValues) {
  const auto of_result = [](const std::string& member) {
    return errors("{\"result\": {" + member + "}}");
  };
  EXPECT_EQ(of_result(R"("status": "RUNING")"),
            "f:1: /result/status: expected a value of spearlet.ExecutionStatus, got the string "
            "\"RUNING\"; did you mean 'RUNNING'? known: " +
                json_input::listed(short_names(*spearlet::ExecutionStatus_descriptor())) + "\n");
  EXPECT_THAT(of_result(R"("status": true)"),
              testing::HasSubstr("expected a value of spearlet.ExecutionStatus, got true; known:"));
  EXPECT_EQ(of_result(R"("started_at": "noon")"),
            "f:1: /result/started_at: expected a time such as \"2000-01-01T00:00:00.150Z\", got "
            "the string \"noon\"\n");
  EXPECT_EQ(of_result(R"("execution_time_ms": "5")"),
            "f:1: /result/execution_time_ms: expected a number, got the string \"5\"\n");
  EXPECT_EQ(of_result(R"("metrics": {"a": 1})"),
            "f:1: /result/metrics/a: expected a string, got the number 1\n");
  EXPECT_EQ(of_result(R"("metrics": [])"),
            "f:1: /result/metrics: expected an object, got an array\n");
  EXPECT_EQ(errors(R"({"found": 1})"), "f:1: /found: expected true or false, got the number 1\n");
  EXPECT_EQ(errors(R"({"logs": "x"})"), "f:1: /logs: expected an array, got the string \"x\"\n");
  EXPECT_EQ(errors(R"({"result": 1})"), "f:1: /result: expected an object, got the number 1\n");
  EXPECT_EQ(errors("1"), "f:1: expected an object, got the number 1\n");
}

TEST(CheckPatternTest, RejectsInvalidConditions) {
  EXPECT_EQ(errors(R"({"found": {"$at_leest": 1}})"),
            "f:1: /found/$at_leest: unknown condition '$at_leest'; did you mean '$at_least'? "
            "known: '$at_least', '$at_most', '$contains', '$length', '$not', '$set'\n");
  EXPECT_EQ(errors(R"({"found": {"$at_least": 1}})"),
            "f:1: /found/$at_least: $at_least is a condition on numbers and on strings that "
            "contain one\n");
  EXPECT_EQ(errors(R"({"message": {"$at_least": "1"}})"),
            "f:1: /message/$at_least: expected a number, got the string \"1\"\n");
  EXPECT_EQ(errors(R"({"found": {"$contains": 1}})"),
            "f:1: /found/$contains: $contains is a condition on strings and arrays\n");
  EXPECT_EQ(errors(R"({"logs": {"$contains": 1}})"),
            "f:1: /logs/$contains: expected a string, got the number 1\n");
  EXPECT_EQ(errors(R"({"found": {"$length": 1}})"),
            "f:1: /found/$length: $length is a condition on strings, arrays and maps\n");
  EXPECT_EQ(errors(R"({"logs": {"$length": -1}})"),
            "f:1: /logs/$length: expected an integer of at least 0, got the number -1\n");
  EXPECT_EQ(errors(R"({"found": {"$not": "x"}, "message": {"$set": 1}})"),
            "f:1: /found/$not: expected true or false, got the string \"x\"\n"
            "f:1: /message/$set: expected true or false, got the number 1\n");
}

}  // namespace
}  // namespace quintain::scenarios
