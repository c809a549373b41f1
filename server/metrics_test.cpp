#include "server/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/metric_family.h>

#include <chrono>

namespace quintain::server {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using namespace std::chrono_literals;

std::string text_of(const RpcMetrics& metrics) {
  std::vector<prometheus::MetricFamily> families;
  metrics.append_to(families);
  return to_text(families);
}

TEST(RpcMetricsTest, CountsByMethodAndCode) {
  RpcMetrics metrics;
  metrics.count(Method::kGetStats, absl::StatusCode::kOk, spearlet::EXECUTION_STATUS_UNSPECIFIED,
                1ms);
  metrics.count(Method::kGetStats, absl::StatusCode::kOk, spearlet::EXECUTION_STATUS_UNSPECIFIED,
                1ms);
  metrics.count(Method::kInvokeFunction, absl::StatusCode::kUnauthenticated,
                spearlet::EXECUTION_STATUS_UNSPECIFIED, 1ms);
  const std::string text = text_of(metrics);
  EXPECT_THAT(text, HasSubstr(R"(quintain_rpcs_total{method="GetStats",code="OK"} 2)"));
  EXPECT_THAT(
      text, HasSubstr(R"(quintain_rpcs_total{method="InvokeFunction",code="UNAUTHENTICATED"} 1)"));
  EXPECT_THAT(text, Not(HasSubstr("GetHealth")));
}

TEST(RpcMetricsTest, BucketsAreCumulativeAndIncludeTheirUpperBound) {
  RpcMetrics metrics;
  for (const auto took : std::initializer_list<core::Duration>{0ms, 1ms, 1ms + 1ns, 50s, 2h}) {
    metrics.count(Method::kListTasks, absl::StatusCode::kOk, spearlet::EXECUTION_STATUS_UNSPECIFIED,
                  took);
  }
  const std::string text = text_of(metrics);
  for (const char* line :
       {R"(le="0.0005"} 1)", R"(le="0.001"} 2)", R"(le="0.0025"} 3)", R"(le="30"} 3)",
        R"(le="60"} 4)", R"(le="+Inf"} 5)", R"(_count{method="ListTasks"} 5)"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
  EXPECT_THAT(text, HasSubstr(R"(_sum{method="ListTasks"} 7250.002)"));
}

}  // namespace
}  // namespace quintain::server
