#include "core/function_service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "core/testing/calls.h"

namespace quintain::core {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Caller = testing::RecordingCaller<int>;
using Targets = std::vector<std::uint64_t>;

void record(void* targets, std::uint64_t target) {
  static_cast<Targets*>(targets)->push_back(target);
}

TEST(Answer, ReachesItsCaller) {
  Caller sent;
  sent.answer().send(7);
  EXPECT_EQ(sent.response(), 7);
  Caller refused;
  refused.answer().refuse(absl::NotFoundError("no"));
  EXPECT_EQ(refused.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(sent.answers() + refused.answers(), 2);
}

TEST(Answer, NotifiesTheWatcherOnceWhenTheCallerLeaves) {
  Caller caller;
  Targets targets;
  Answer<int> answer = caller.answer();
  answer.watch(&record, &targets, 5);
  EXPECT_TRUE(answer.awaited());
  EXPECT_THAT(targets, IsEmpty());
  caller.leave();
  caller.leave();
  EXPECT_THAT(targets, ElementsAre(5));
  EXPECT_FALSE(answer.awaited());
  std::move(answer).send(1);
}

TEST(Answer, KeepsItsWatcherWhenMoved) {
  Caller caller;
  Targets targets;
  std::vector<Answer<int>> answers;
  answers.push_back(caller.answer());
  answers.back().watch(&record, &targets, 5);
  Answer<int> moved = std::move(answers.back());
  caller.leave();
  EXPECT_THAT(targets, ElementsAre(5));
  std::move(moved).send(1);
}

TEST(Answer, LeavingAfterTheAnswerHasNoEffect) {
  Caller caller;
  Targets targets;
  Answer<int> answer = caller.answer();
  answer.watch(&record, &targets, 5);
  std::move(answer).send(1);
  caller.leave();
  EXPECT_THAT(targets, IsEmpty());
}

TEST(AnswerDeathTest, MustBeSentExactlyOnce) {
  Caller caller;
  EXPECT_DEATH({ auto answer = caller.answer(); }, "never answered");
  EXPECT_DEATH(
      {
        auto answer = caller.answer();
        std::move(answer).send(1);
        std::move(answer).send(2);
      },
      "answered twice");
  EXPECT_DEATH(caller.answer().refuse(absl::OkStatus()), "status.ok");
}

TEST(StreamAnswer, WritesAndFinishes) {
  testing::RecordingStreamCaller<int> caller;
  StreamAnswer<int> answer = caller.answer();
  answer.write(1);
  answer.write(2);
  EXPECT_FALSE(caller.answered());
  std::move(answer).finish(absl::OkStatus());
  EXPECT_THAT(caller.messages, ElementsAre(1, 2));
  EXPECT_TRUE(caller.status().ok());
}

}  // namespace
}  // namespace quintain::core
