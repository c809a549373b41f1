#include "core/answer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "core/testing/recording_caller.h"

namespace quintain::core {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Caller = testing::RecordingCaller<int>;
using Subjects = std::vector<std::uint64_t>;

void note(void* subjects, std::uint64_t target) {
  static_cast<Subjects*>(subjects)->push_back(target);
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

TEST(Answer, TheWatcherIsToldOnceThatTheCallerLeft) {
  Caller caller;
  Subjects told;
  Answer<int> answer = caller.answer();
  answer.watch(&note, &told, 5);
  EXPECT_TRUE(answer.awaited());
  EXPECT_THAT(told, IsEmpty());
  caller.leave();
  caller.leave();
  EXPECT_THAT(told, ElementsAre(5));
  EXPECT_FALSE(answer.awaited());
  std::move(answer).send(1);
}

TEST(Answer, TheWatcherStaysWithAnAnswerThatMoves) {
  Caller caller;
  Subjects told;
  std::vector<Answer<int>> answers;
  answers.push_back(caller.answer());
  answers.back().watch(&note, &told, 5);
  Answer<int> moved = std::move(answers.back());
  caller.leave();
  EXPECT_THAT(told, ElementsAre(5));
  std::move(moved).send(1);
}

TEST(Answer, LeavingAfterTheAnswerTellsNobody) {
  Caller caller;
  Subjects told;
  Answer<int> answer = caller.answer();
  answer.watch(&note, &told, 5);
  std::move(answer).send(1);
  caller.leave();
  EXPECT_THAT(told, IsEmpty());
}

TEST(AnswerDeathTest, AnAnswerIsOwedExactlyOnce) {
  Caller caller;
  EXPECT_DEATH({ auto owed = caller.answer(); }, "never answered");
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
