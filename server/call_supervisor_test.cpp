#include "server/call_supervisor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/metric_family.h>
#include <spdlog/sinks/ostream_sink.h>

#include <memory>
#include <sstream>
#include <utility>
#include <vector>

namespace quintain::server {
namespace {

using core::service::CallEnd;
using ::testing::HasSubstr;
using ::testing::Not;

class CallSupervisorTest : public ::testing::Test {
 protected:
  CallSupervisor::Origin origin(std::string_view authorization) const {
    CallSupervisor::Origin made{.at = std::chrono::steady_clock::now(), .peer = "ipv4:peer"};
    made.caller.list = supervisor.access();
    if (made.caller.list != nullptr)
      made.caller.identity = made.caller.list->find(authorization, {});
    return made;
  }

  std::string metrics_text() const {
    std::vector<prometheus::MetricFamily> families;
    metrics.append_to(families);
    return to_text(families);
  }

  std::ostringstream text;
  RpcMetrics metrics;
  CallSupervisor supervisor{metrics,
                            Log(LogLevel::kInfo, LogFormat::kText,
                                std::make_shared<spdlog::sinks::ostream_sink_mt>(text)),
                            /*log_calls=*/false};
};

TEST_F(CallSupervisorTest, WithoutAListEverybodyIsAdmitted) {
  EXPECT_EQ(supervisor.access(), nullptr);
  EXPECT_TRUE(supervisor.admit(origin(""), Method::kDeleteTask).ok());
}

TEST_F(CallSupervisorTest, OpenCallsOfACallerEndOnlyIfTheyWereAdmitted) {
  std::vector<Identity> identities = {
      {.name = "a", .token_hash = sha256("t"), .roles = {Role::kRead}, .open_calls = 1}};
  supervisor.set_access(std::make_shared<const AccessList>(std::move(identities)));
  const auto caller = origin("Bearer t");
  EXPECT_TRUE(supervisor.admit(caller, Method::kGetStats).ok());
  const absl::Status second = supervisor.admit(caller, Method::kGetStats);
  EXPECT_EQ(second.code(), absl::StatusCode::kResourceExhausted);
  supervisor.on_end(caller, Method::kGetStats, {.status = second});
  EXPECT_FALSE(supervisor.admit(caller, Method::kGetStats).ok()) << "the first one is still open";
  supervisor.on_end(caller, Method::kGetStats, {.admitted = true});
  EXPECT_TRUE(supervisor.admit(caller, Method::kGetStats).ok());
}

TEST_F(CallSupervisorTest, CountsWhatTheCallerGot) {
  supervisor.on_end(origin(""), Method::kGetStats, {});
  supervisor.on_end(origin(""), Method::kGetStats, {.left = true});
  EXPECT_THAT(metrics_text(), HasSubstr("method=\"GetStats\",code=\"OK\"} 1"));
  EXPECT_THAT(metrics_text(), HasSubstr("method=\"GetStats\",code=\"CANCELLED\"} 1"));
}

TEST_F(CallSupervisorTest, LogsRefusalsAndWhatKnownCallersCancel) {
  supervisor.on_end(origin(""), Method::kCancelExecution, {});
  EXPECT_EQ(text.str(), "");
  supervisor.on_end(origin(""), Method::kGetTask, {.status = absl::NotFoundError("no task")});
  EXPECT_THAT(text.str(),
              HasSubstr("info refused method=GetTask code=NOT_FOUND message=\"no task\""));
  supervisor.on_end(origin(""), Method::kGetTask, {.status = absl::InternalError("broken")});
  EXPECT_THAT(text.str(), HasSubstr("error internal-error method=GetTask message=broken"));
  EXPECT_THAT(text.str(), Not(HasSubstr(" call ")));
  std::vector<Identity> identities = {
      {.name = "a", .token_hash = sha256("t"), .roles = {Role::kCancel}}};
  supervisor.set_access(std::make_shared<const AccessList>(std::move(identities)));
  supervisor.on_end(origin("Bearer t"), Method::kCancelExecution, {});
  EXPECT_THAT(text.str(), HasSubstr("info call method=CancelExecution code=OK identity=a"));
}

}  // namespace
}  // namespace quintain::server
