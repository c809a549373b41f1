// Compares with values that scipy, lifelines and scoringrules have computed, see
// testing/reference_values.py.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "study/statistics/calibration.h"
#include "study/statistics/estimate.h"
#include "study/statistics/kaplan_meier.h"
#include "study/statistics/reference_distributions.h"
#include "study/statistics/scores.h"

namespace quintain::study::statistics {
namespace {

using nlohmann::json;

// The rows of a table, never none.
json rows(const std::string& table) {
  std::ifstream file(QUINTAIN_SOURCE_DIR "/study/statistics/testing/reference_values.json");
  json document = json::parse(file);
  EXPECT_FALSE(document.at(table).empty());
  return document.at(table);
}

void expect_same(double ours, const json& theirs, double relative = 1e-9) {
  const double reference = theirs.get<double>();
  EXPECT_NEAR(ours, reference, relative * std::max(1e-3, std::abs(reference)));
}

TEST(ReferenceValues, QuantileScores) {
  for (const json& row : rows("quantile_scores")) {
    expect_same(pinball_loss(row["level"], row["quantile"], row["observation"]), row["loss"]);
  }
}

TEST(ReferenceValues, IntervalScores) {
  for (const json& row : rows("interval_scores")) {
    expect_same(interval_score(row["coverage"], row["low"], row["high"], row["observation"]),
                row["score"]);
  }
}

TEST(ReferenceValues, KaplanMeier) {
  for (const json& row : rows("kaplan_meier")) {
    std::vector<SurvivalObservation> observations;
    for (std::size_t i = 0; i < row["values"].size(); ++i) {
      observations.push_back({.value = row["values"][i], .censored = row["censored"][i]});
    }
    const KaplanMeier estimate(observations);
    for (std::size_t i = 0; i < row["at"].size(); ++i) {
      expect_same(estimate.survival(row["at"][i]), row["survival"][i]);
    }
  }
}

TEST(ReferenceValues, StudentIntervals) {
  for (const json& row : rows("student_intervals")) {
    const auto values = row["values"].get<std::vector<double>>();
    const Estimate estimate = student_interval(values, row["confidence"]);
    expect_same(estimate.low, row["low"]);
    expect_same(estimate.high, row["high"]);
  }
}

TEST(ReferenceValues, GeometricMeanRatios) {
  for (const json& row : rows("geometric_mean_ratios")) {
    const auto estimate = geometric_mean_ratio(row["a"].get<std::vector<double>>(),
                                               row["b"].get<std::vector<double>>());
    ASSERT_TRUE(estimate);
    expect_same(estimate->value, row["ratio"]);
    expect_same(estimate->low, row["low"]);
    expect_same(estimate->high, row["high"]);
  }
}

TEST(ReferenceValues, Distributions) {
  for (const json& row : rows("distributions")) {
    const double p = row["p"];
    const double freedom = row["freedom"];
    const double x = row["x"];
    const double trials = row["trials"];
    expect_same(normal_quantile(p), row["normal_quantile"]);
    expect_same(student_quantile(p, freedom), row["student_quantile"]);
    expect_same(student_tail(x / 20, freedom), row["student_tail"]);
    expect_same(chi_squared_tail(x, freedom), row["chi_squared_tail"]);
    expect_same(binomial_cdf(row["successes"], trials, p), row["binomial_cdf"]);
    EXPECT_EQ(binomial_quantile(p, trials, p), row["binomial_quantile"].get<double>());
  }
}

TEST(ReferenceValues, Uniformity) {
  for (const json& row : rows("uniformity")) {
    const auto counts = row["counts"].get<std::vector<std::size_t>>();
    PitHistogram histogram(counts.size());
    for (std::size_t bin = 0; bin < counts.size(); ++bin) {
      const double middle = (static_cast<double>(bin) + 0.5) / static_cast<double>(counts.size());
      histogram.add(middle, counts[bin]);
    }
    const UniformityTest test = test_uniformity(histogram, static_cast<double>(histogram.count()));
    expect_same(test.statistic, row["statistic"]);
    expect_same(test.p_value, row["p_value"]);
  }
}

}  // namespace
}  // namespace quintain::study::statistics
