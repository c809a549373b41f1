#include "scenarios/language/scenario.h"

#include <fmt/format.h>

#include <set>

#include "scenarios/testing/read_text.h"

namespace quintain::scenarios {
namespace {

TEST(MetricNames, AreKnownAndUnique) {
  std::set<std::string_view> seen;
  for (const MetricName& metric : metric_names()) {
    EXPECT_TRUE(known_metric(metric.name));
    EXPECT_TRUE(seen.insert(metric.name).second) << metric.name;
    EXPECT_NE(metric.meaning, "");
  }
  EXPECT_FALSE(known_metric(""));
  EXPECT_FALSE(known_metric("count"));
}

TEST(MetricNames, AreDocumented) {
  std::string table;
  for (const MetricName& metric : metric_names()) {
    table += fmt::format("| `{}` | {} | {} |\n", metric.name, metric.unit, metric.meaning);
  }
  EXPECT_THAT(source_file("docs/scenarios.md"), testing::HasSubstr(table));
}

}  // namespace
}  // namespace quintain::scenarios
