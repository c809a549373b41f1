// CaseRun against the reference node in virtual time.
#include "conformance/case_run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>

#include "conformance/fixtures/fixture_runtime.h"

namespace quintain::conformance {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class CaseRunTest : public testing::Test {
 protected:
  CaseRun::Setup setup(std::string_view profile = "contract") {
    return {.transport = *transport_,
            .profile = *find_profile(profile),
            .manifest = manifest_,
            .id_prefix = "t"};
  }

  Manifest manifest_ = reference_manifest();
  std::unique_ptr<Transport> transport_ = make_sim_transport(reference_node(), nullptr);
};

TEST_F(CaseRunTest, RecordsACallUntilItsEnd) {
  CaseRun run(setup());
  const InvokeCall call = run.send(run.sync("sleep", {{"ms", 250}}));
  EXPECT_FALSE(call.ended());
  EXPECT_EQ(call.answer().execution_id(), "");  // a default instance until there is one
  run.wait(call);
  EXPECT_TRUE(call.answered());
  EXPECT_EQ(call.recorded().returned - call.recorded().sent, core::Duration(250ms));
  EXPECT_EQ(call.answer().execution_id(), "t-1");
  EXPECT_EQ(run.recorded_calls().size(), 1U);
}

TEST_F(CaseRunTest, SendsWhatTheManifestAddsToEveryRequest) {
  FixtureFunction& sleep = manifest_.fixtures["sleep"];
  sleep.request.mutable_context()->set_timeout_ms(700);
  (*sleep.request.mutable_invocation_metadata())["a"] = "1";
  CaseRun run(setup());
  const auto request = run.async("sleep", {{"ms", 5}});
  EXPECT_EQ(request.context().timeout_ms(), 700);
  EXPECT_EQ(request.invocation_metadata().at("a"), "1");
  EXPECT_EQ(request.execution_id(), "t-1");
  EXPECT_EQ(request.parameters_size(), 1);
}

// The reason for which a request ends the case; empty if it does not.
std::string refusal(CaseRun& run, Amount ms) {
  try {
    run.async("sleep", {{"ms", ms}});
    return "";
  } catch (const CaseRun::NotJudged& not_judged) {
    return not_judged.reason;
  }
}

TEST_F(CaseRunTest, RefusesParametersThatAFixtureDoesNotTake) {
  CaseRun with_parameters(setup());
  EXPECT_EQ(with_parameters.takes_ms("sleep", 40), 40);
  EXPECT_EQ(refusal(with_parameters, 40), "");

  manifest_.fixtures["sleep"].takes = 2s;
  CaseRun run(setup());
  EXPECT_EQ(run.takes_ms("sleep", 40), 2000);
  EXPECT_EQ(run.async("sleep", {{"ms", 2000}}).parameters_size(), 0);
  EXPECT_EQ(run.async("sleep", {{"ms", at_least(40)}}).parameters_size(), 0);
  EXPECT_EQ(refusal(run, 40), "the fixture 'sleep' always takes 2000 ms, and the case needs 40 ms");
  EXPECT_EQ(refusal(run, at_least(2001)),
            "the fixture 'sleep' always takes 2000 ms, and the case needs at least 2001 ms");
}

TEST_F(CaseRunTest, SendsNoParametersToAFixtureThatAnswersAnything) {
  manifest_.fixtures["echo"].answers_any = true;
  CaseRun run(setup());
  EXPECT_EQ(run.sync("echo", {{"value", 3}}).parameters_size(), 0);
}

TEST_F(CaseRunTest, LetsTimePassWithoutEvents) {
  CaseRun run(setup());
  const core::Instant start = run.now();
  run.sleep_for(3s);
  EXPECT_EQ(run.now() - start, core::Duration(3s));
  EXPECT_FALSE(run.wait_until([] { return false; }, 2s));
  EXPECT_EQ(run.now() - start, core::Duration(5s));
}

TEST_F(CaseRunTest, EndsACallAtItsDeadline) {
  CaseRun run(setup());
  const InvokeCall call = run.wait(run.send(run.async("sleep"), -1ns));
  EXPECT_EQ(call.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_TRUE(call.recorded().ambiguous());
}

TEST_F(CaseRunTest, RecordsAnAbandonedCallAsEnded) {
  CaseRun run(setup());
  const InvokeCall call = run.send(run.sync("sleep", {{"ms", 5000}}));
  run.sleep_for(10ms);
  run.abandon(call);
  EXPECT_TRUE(call.ended());
  EXPECT_TRUE(call.recorded().abandoned);
  EXPECT_EQ(run.await_end("t-1"), spearlet::EXECUTION_STATUS_CANCELLED);
}

TEST_F(CaseRunTest, StopsPollingAfterTheLimit) {
  CaseRun run(setup());
  const std::string id = run.start_async(run.async("sleep", {{"ms", 50'000}}));
  EXPECT_EQ(run.await_end(id, 100ms), spearlet::EXECUTION_STATUS_UNSPECIFIED);
  EXPECT_EQ(run.now().since_start(), core::Duration(100ms));
  EXPECT_TRUE(run.await(id, spearlet::EXECUTION_STATUS_RUNNING));
  EXPECT_FALSE(run.await(id, spearlet::EXECUTION_STATUS_COMPLETED, 100ms));
}

TEST_F(CaseRunTest, AbortsForAFixtureThatTheManifestDoesNotName) {
  manifest_.fixtures.erase("echo");
  CaseRun run(setup());
  try {
    run.sync("echo");
    FAIL() << "not aborted";
  } catch (const CaseRun::NotJudged& not_judged) {
    EXPECT_THAT(not_judged.reason, HasSubstr("'echo'"));
  }
}

TEST_F(CaseRunTest, DoesNotApplyIfTheProfileCannotExpressACall) {
  CaseRun run(setup("spear-2026-05"));
  EXPECT_THROW(run.call(spearlet::GetStatsRequest()), CaseRun::NotApplicable);
  EXPECT_THROW(run.send_cancel("x", /*force=*/true), CaseRun::NotApplicable);
}

TEST_F(CaseRunTest, CollectsJudgements) {
  CaseRun run(setup());
  run.check("SYNC-1", true, "a", "b");
  run.check("SYNC-1", false, "expectation", "observation");
  const Finding& finding = run.findings().by_clause().at("SYNC-1");
  EXPECT_EQ(finding.judged, 2);
  ASSERT_EQ(finding.violations.size(), 1U);
  EXPECT_EQ(finding.violations[0].expected, "expectation");
  EXPECT_EQ(finding.violations[0].observed, "observation");
  EXPECT_THROW(run.require("SYNC-2", false, "", ""), CaseRun::Aborted);
  EXPECT_TRUE(run.findings().violated("SYNC-2"));
}

TEST_F(CaseRunTest, CancelsLeftovers) {
  CaseRun run(setup());
  const InvokeCall waiting = run.send(run.sync("stubborn", {{"ms", 50'000}}));
  const std::string id = run.start_async(run.async("stubborn", {{"ms", 50'000}}));
  run.sleep_for(10ms);
  run.cancel_leftovers();
  EXPECT_TRUE(waiting.ended());
  EXPECT_EQ(run.read(id).answer().result().status(), spearlet::EXECUTION_STATUS_CANCELLED);
  EXPECT_EQ(run.read("t-1").answer().result().status(), spearlet::EXECUTION_STATUS_CANCELLED);
}

}  // namespace
}  // namespace quintain::conformance
