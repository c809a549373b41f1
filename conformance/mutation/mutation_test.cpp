#include "conformance/mutation/mutation.h"

#include <gmock/gmock.h>
#include <google/protobuf/wrappers.pb.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

#include "conformance/mutation/message_edit.h"
#include "spearlet/function.pb.h"

namespace quintain::conformance {
namespace {

using spearlet::InvokeFunctionRequest;
using spearlet::InvokeFunctionResponse;
using spearlet::ListExecutionsResponse;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;

TEST(Mutation, HasADistinctNameAndADescription) {
  std::set<std::string> names;
  for (const Mutation& mutation : all_mutations()) {
    EXPECT_TRUE(names.insert(mutation.name).second) << mutation.name;
    EXPECT_THAT(about(mutation), Not(IsEmpty()));
    EXPECT_EQ(find_mutation(mutation.name), &mutation);
  }
  EXPECT_EQ(find_mutation("no such fault"), nullptr);
}

TEST(Mutation, IsGeneratedForEveryFieldOfEveryMessage) {
  for (const char* name :
       {"InvokeFunctionResponse.result.status/previous", "InvokeFunctionRequest.task_id/ignored",
        "InvokeFunctionResponse.result.started_at/another", "ListTasksResponse.tasks/reversed",
        "StreamFunction/InvokeFunctionRequest.context.timeout_ms/previous",
        "ListExecutionsResponse.executions.status/of-another", "GetStats/answer-late",
        "GetStatsResponse.task_stats.most_active_tasks.artifact_spec.metadata/first-dropped",
        "CancelExecution/effect-on-another", "StreamExecutionResult/last-dropped"}) {
    EXPECT_NE(find_mutation(name), nullptr) << name;
  }
}

TEST(Mutation, SubjectIsTheMessageOrTheMethod) {
  EXPECT_EQ(subject_of(*find_mutation("InvokeFunctionResponse.result.status/previous")),
            "InvokeFunctionResponse");
  EXPECT_EQ(subject_of(*find_mutation("GetStats/answer-late")), "GetStats");
}

// An entry that matches nothing would be out of date.
TEST(FreeMutations, EachEntryMatchesAMutation) {
  for (const FreeMutations& entry : free_mutations()) {
    if (&entry == &never_unset()) continue;
    EXPECT_TRUE(std::ranges::any_of(all_mutations(), [&](const Mutation& mutation) {
      return find_free(mutation) == &entry;
    })) << entry.pattern;
  }
}

template <class Message>
Message edited(const char* name, Message message, const Message* previous = nullptr,
               const Message* other = nullptr) {
  Message before = message;
  const bool changed = edit_message(*find_mutation(name), previous, other, message);
  EXPECT_EQ(changed, before.SerializeAsString() != message.SerializeAsString()) << name;
  return message;
}

InvokeFunctionResponse response(const std::string& id, spearlet::ExecutionStatus status) {
  InvokeFunctionResponse message;
  message.set_execution_id(id);
  message.mutable_result()->set_status(status);
  message.mutable_result()->mutable_started_at()->set_seconds(100);
  google::protobuf::StringValue text;
  text.set_value("slept");
  message.mutable_result()->mutable_result()->PackFrom(text);
  return message;
}

TEST(EditMessage, ChangesOneField) {
  const auto original = response("a", spearlet::EXECUTION_STATUS_COMPLETED);
  EXPECT_EQ(edited("InvokeFunctionResponse.execution_id/another", original).execution_id(), "ax");
  EXPECT_EQ(edited("InvokeFunctionResponse.success/invented", original).success(), true);
  EXPECT_EQ(edited("InvokeFunctionResponse.result.status/another", original).result().status(),
            spearlet::EXECUTION_STATUS_FAILED);
  EXPECT_EQ(edited("InvokeFunctionResponse.result.execution_time_ms/invented", original)
                .result()
                .execution_time_ms(),
            1);
  auto timed = original;
  timed.mutable_result()->set_execution_time_ms(7);
  EXPECT_EQ(edited("InvokeFunctionResponse.result.execution_time_ms/larger", timed)
                .result()
                .execution_time_ms(),
            1014);
  // Only numbers that are set change.
  EXPECT_EQ(edited("InvokeFunctionResponse.result.execution_time_ms/another", original)
                .result()
                .execution_time_ms(),
            0);
  EXPECT_EQ(edited("InvokeFunctionResponse.result.started_at/another", original)
                .result()
                .started_at()
                .seconds(),
            3700);
  EXPECT_FALSE(edited("InvokeFunctionResponse.result.started_at/cleared", original)
                   .result()
                   .has_started_at());
  EXPECT_TRUE(edited("InvokeFunctionResponse.result.started_at/default", original)
                  .result()
                  .has_started_at());
  // A time that is not set stays so.
  EXPECT_FALSE(edited("InvokeFunctionResponse.result.completed_at/another", original)
                   .result()
                   .has_completed_at());
  EXPECT_TRUE(edited("InvokeFunctionResponse.result.completed_at/invented", original)
                  .result()
                  .has_completed_at());
  google::protobuf::StringValue text;
  ASSERT_TRUE(edited("InvokeFunctionResponse.result.result/another", original)
                  .result()
                  .result()
                  .UnpackTo(&text));
  EXPECT_EQ(text.value(), "sleptx");
}

TEST(EditMessage, TakesValuesFromOtherMessages) {
  const auto original = response("a", spearlet::EXECUTION_STATUS_COMPLETED);
  const auto previous = response("b", spearlet::EXECUTION_STATUS_FAILED);
  EXPECT_EQ(edited("InvokeFunctionResponse.result.status/previous", original, &previous)
                .result()
                .status(),
            spearlet::EXECUTION_STATUS_FAILED);
  EXPECT_EQ(edited("InvokeFunctionResponse.result.status/previous", original).result().status(),
            spearlet::EXECUTION_STATUS_COMPLETED);
  EXPECT_EQ(edited<InvokeFunctionResponse>("InvokeFunctionResponse/of-another", original, nullptr,
                                           &previous)
                .execution_id(),
            "b");
}

std::vector<std::string> ids(const ListExecutionsResponse& list) {
  std::vector<std::string> ids;
  for (const auto& entry : list.executions()) ids.push_back(entry.execution_id());
  return ids;
}

TEST(EditMessage, ChangesLists) {
  ListExecutionsResponse list;
  for (const char* id : {"a", "b", "c"}) list.add_executions()->set_execution_id(id);
  EXPECT_THAT(ids(edited("ListExecutionsResponse.executions/first-dropped", list)),
              ElementsAre("b", "c"));
  EXPECT_THAT(ids(edited("ListExecutionsResponse.executions/last-dropped", list)),
              ElementsAre("a", "b"));
  EXPECT_THAT(ids(edited("ListExecutionsResponse.executions/doubled", list)),
              ElementsAre("a", "b", "c", "c"));
  EXPECT_THAT(ids(edited("ListExecutionsResponse.executions/reversed", list)),
              ElementsAre("c", "b", "a"));
  EXPECT_THAT(ids(edited("ListExecutionsResponse.executions.execution_id/of-another", list)),
              ElementsAre("b", "c", "a"));
}

TEST(EditMessage, ChangesMaps) {
  InvokeFunctionRequest request;
  (*request.mutable_invocation_metadata())["a"] = "1";
  (*request.mutable_invocation_metadata())["b"] = "2";
  const auto another = edited("InvokeFunctionRequest.invocation_metadata/another", request);
  EXPECT_EQ(another.invocation_metadata().at("a"), "1x");
  const auto dropped = edited("InvokeFunctionRequest.invocation_metadata/first-dropped", request);
  EXPECT_FALSE(dropped.invocation_metadata().contains("a"));
  EXPECT_EQ(dropped.invocation_metadata().at("b"), "2");
  const auto doubled = edited("InvokeFunctionRequest.invocation_metadata/doubled", request);
  EXPECT_EQ(doubled.invocation_metadata().at("bx"), "2");
}

}  // namespace
}  // namespace quintain::conformance
