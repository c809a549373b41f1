#include "conformance/trial.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>

#include "conformance/arms/sim_arm.h"
#include "conformance/fixtures/reference_node.h"
#include "conformance/reference_manifest.h"

namespace quintain::conformance {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class TrialTest : public testing::Test {
 protected:
  Trial::Setup setup(std::string_view profile = "analysis") {
    return {
        .arm = *arm_, .profile = *find_profile(profile), .manifest = manifest_, .id_prefix = "t"};
  }

  Manifest manifest_ = reference_manifest();
  std::unique_ptr<Arm> arm_ = make_sim_arm(reference_node(), nullptr);
};

TEST_F(TrialTest, ACallIsRecordedFromItsSendingToItsEnd) {
  Trial trial(setup());
  const InvokeCall call = trial.send(trial.sync("sleep", {{"ms", 250}}));
  EXPECT_FALSE(call.ended());
  EXPECT_EQ(call.answer().execution_id(), "");  // an empty message until there is one
  trial.wait(call);
  EXPECT_TRUE(call.answered());
  EXPECT_EQ(call.exchange().returned - call.exchange().sent, core::Duration(250ms));
  EXPECT_EQ(call.answer().execution_id(), "t-1");
  EXPECT_EQ(trial.exchanges().size(), 1U);
}

TEST_F(TrialTest, TimePassesWithoutEvents) {
  Trial trial(setup());
  const core::Instant began = trial.now();
  trial.sleep_for(3s);
  EXPECT_EQ(trial.now() - began, core::Duration(3s));
  EXPECT_FALSE(trial.wait_until([] { return false; }, 2s));
  EXPECT_EQ(trial.now() - began, core::Duration(5s));
}

TEST_F(TrialTest, ADeadlineEndsTheCallAtTheClient) {
  Trial trial(setup());
  const InvokeCall call = trial.wait(trial.send(trial.async("sleep"), -1ns));
  EXPECT_EQ(call.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_TRUE(call.exchange().ambiguous());
}

TEST_F(TrialTest, AnAbandonedCallHasEndedForItsClient) {
  Trial trial(setup());
  const InvokeCall call = trial.send(trial.sync("sleep", {{"ms", 5000}}));
  trial.sleep_for(10ms);
  trial.abandon(call);
  EXPECT_TRUE(call.ended());
  EXPECT_TRUE(call.exchange().abandoned);
  EXPECT_EQ(trial.await_end("t-1"), spearlet::EXECUTION_STATUS_CANCELLED);
}

TEST_F(TrialTest, PollingGivesUpAfterItsLimit) {
  Trial trial(setup());
  const std::string id = trial.start_async(trial.async("sleep", {{"ms", 50'000}}));
  EXPECT_EQ(trial.await_end(id, 100ms), spearlet::EXECUTION_STATUS_UNSPECIFIED);
  EXPECT_EQ(trial.now().since_start(), core::Duration(100ms));
  EXPECT_TRUE(trial.await(id, spearlet::EXECUTION_STATUS_RUNNING));
  EXPECT_FALSE(trial.await(id, spearlet::EXECUTION_STATUS_COMPLETED, 100ms));
}

TEST_F(TrialTest, AFixtureThatTheManifestDoesNotNameEndsTheCase) {
  manifest_.fixtures.erase("echo");
  Trial trial(setup());
  try {
    trial.sync("echo");
    FAIL() << "it went on";
  } catch (const Trial::Abandoned& abandoned) {
    EXPECT_THAT(abandoned.reason, HasSubstr("'echo'"));
  }
}

TEST_F(TrialTest, WhatAProfileCanNotSayDoesNotApply) {
  Trial trial(setup("spear-head"));
  EXPECT_THROW(trial.call(spearlet::GetStatsRequest()), Trial::Inapplicable);
  EXPECT_THROW(trial.send_cancel("x", /*force=*/true), Trial::Inapplicable);
}

TEST_F(TrialTest, JudgementsAreCollected) {
  Trial trial(setup());
  trial.check("SYNC-1", true, "a", "b");
  trial.check("SYNC-1", false, "what has to hold", "what was seen");
  const Finding& finding = trial.findings().by_clause().at("SYNC-1");
  EXPECT_EQ(finding.judged, 2);
  ASSERT_EQ(finding.breaches.size(), 1U);
  EXPECT_EQ(finding.breaches[0].expected, "what has to hold");
  EXPECT_EQ(finding.breaches[0].observed, "what was seen");
  EXPECT_THROW(trial.require("SYNC-2", false, "", ""), Trial::Abandoned);
  EXPECT_TRUE(trial.findings().broke("SYNC-2"));
}

TEST_F(TrialTest, TidyingUpLeavesNothingAtWork) {
  Trial trial(setup());
  const InvokeCall waiting = trial.send(trial.sync("stubborn", {{"ms", 50'000}}));
  const std::string id = trial.start_async(trial.async("stubborn", {{"ms", 50'000}}));
  trial.sleep_for(10ms);
  trial.tidy_up();
  EXPECT_TRUE(waiting.ended());
  EXPECT_EQ(trial.read(id).answer().result().status(), spearlet::EXECUTION_STATUS_CANCELLED);
  EXPECT_EQ(trial.read("t-1").answer().result().status(), spearlet::EXECUTION_STATUS_CANCELLED);
}

}  // namespace
}  // namespace quintain::conformance
