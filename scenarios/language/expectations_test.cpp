#include "scenarios/language/script.h"

#include <chrono>

#include "scenarios/testing/read_text.h"

namespace quintain::scenarios {
namespace {

using namespace std::chrono_literals;
using core::Instant;
using testing::ElementsAre;

std::vector<Expectation> expectations(const std::string& text) {
  return read_good_text(R"({"about": "x", "functions": {"work": {}}, "steps": [
                              {"as": "a", "invoke": "work", "mode": "sync"},
                              {"as": "b", "stream": "work"}],
                            "expect": [)" +
                        text + "]}")
      .expectations;
}

template <class Kind>
Kind expectation(const std::string& text) {
  return std::get<Kind>(expectations(text).at(0).what);
}

TEST(Expectations, HaveTheirPlaceAndText) {
  const auto all = expectations("\n{\"metric\": \"attempts\",\n \"equals\": 1e0}");
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].source.file, "f");
  EXPECT_EQ(all[0].source.line, 5);
  EXPECT_EQ(all[0].text, R"({"metric":"attempts","equals":1.0})");
}

TEST(Expectations, AboutExecutions) {
  const auto full = expectation<ExecutionExpectation>(
      R"({"execution": "a", "status": "FAILED", "started": "5ms", "ended": "7ms", "attempts": 2})");
  EXPECT_EQ(full.step, "a");
  EXPECT_EQ(full.status, spearlet::EXECUTION_STATUS_FAILED);
  EXPECT_EQ(full.started, Instant(5ms));
  EXPECT_EQ(full.ended, Instant(7ms));
  EXPECT_EQ(full.attempts, 2);
  const auto never = expectation<ExecutionExpectation>(
      R"({"execution": "b", "started": "never", "ended": "never"})");
  EXPECT_EQ(never.started, Instant::never());
  EXPECT_EQ(never.ended, Instant::never());
  EXPECT_FALSE(never.status);
  EXPECT_FALSE(never.attempts);
}

TEST(Expectations, AboutAnswers) {
  const auto good = expectation<AnswerExpectation>(
      R"({"answer": "a", "at": "5ms", "is": {"success": true, "result": {"status": "COMPLETED"}}})");
  EXPECT_EQ(good.step, "a");
  EXPECT_EQ(good.at, Instant(5ms));
  EXPECT_EQ(good.is, R"({"success":true,"result":{"status":"COMPLETED"}})");
  EXPECT_EQ(good.refused, "");
  const auto refused = expectation<AnswerExpectation>(
      R"({"answer": "a", "refused": "NOT_FOUND", "because": "no task"})");
  EXPECT_EQ(refused.refused, "NOT_FOUND");
  EXPECT_EQ(refused.because, "no task");
  EXPECT_FALSE(refused.at);
  EXPECT_EQ(expectation<AnswerExpectation>(R"({"answer": "a", "at": "never"})").at,
            Instant::never());
  EXPECT_THAT(
      expectation<AnswerExpectation>(R"({"answer": "b", "messages": [{}, {"is_final": true}]})")
          .messages,
      ElementsAre("{}", R"({"is_final":true})"));
}

TEST(Expectations, AboutMetrics) {
  const auto range = expectation<MetricExpectation>(
      R"({"metric": "response_ms.p99", "at_least": 1, "at_most": 2.5})");
  EXPECT_EQ(range.metric, "response_ms.p99");
  EXPECT_EQ(range.bounds.at_least, 1);
  EXPECT_EQ(range.bounds.at_most, 2.5);
  const auto open =
      expectation<MetricExpectation>(R"({"metric": "response_ms.p99", "at_most": 2})");
  EXPECT_FALSE(open.bounds.at_least);
  const auto exact = expectation<MetricExpectation>(R"({"metric": "attempts", "equals": 3})");
  EXPECT_EQ(exact.bounds.at_least, 3);
  EXPECT_EQ(exact.bounds.at_most, 3);
}

TEST(Expectations, AboutTheOrder) {
  EXPECT_THAT(expectation<OrderExpectation>(R"({"order": ["b", "a"]})").started,
              ElementsAre("b", "a"));
}

}  // namespace
}  // namespace quintain::scenarios
