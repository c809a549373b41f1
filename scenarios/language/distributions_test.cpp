#include "scenarios/language/readers.h"

#include <cmath>
#include <limits>

#include "scenarios/testing/read_text.h"

namespace quintain::scenarios {
namespace {

sim::Distribution distribution(const std::string& text) {
  const Scenario scenario = read_good_text(R"({"about": "x", "functions": {"f": {"service": )" +
                                           text + R"(}}, "steps": []})");
  return scenario.nodes[0].functions.at(0).service;
}

TEST(Distributions, ADurationIsConstant) {
  EXPECT_DOUBLE_EQ(distribution(R"("150ms")").quantile_seconds(0.99), 0.15);
  EXPECT_DOUBLE_EQ(distribution(R"({"constant": "2s"})").quantile_seconds(0.01), 2);
}

TEST(Distributions, ReadsTheParametersOfEachKind) {
  EXPECT_DOUBLE_EQ(distribution(R"({"uniform": ["1s", "5s"]})").quantile_seconds(0.25), 2);
  EXPECT_DOUBLE_EQ(distribution(R"({"exponential": "3s"})").mean_seconds(), 3);
  EXPECT_NEAR(distribution(R"({"lognormal": {"mu": 0.5, "sigma": 2}})").quantile_seconds(0.5),
              std::exp(0.5), 1e-9);
  EXPECT_NEAR(distribution(R"({"lognormal": {"mean": "2s", "scv": 4}})").mean_seconds(), 2, 1e-9);
  EXPECT_NEAR(distribution(R"({"weibull": {"shape": 2, "scale": "3s"}})")
                  .quantile_seconds(1 - std::exp(-1)),
              3, 1e-9);
  const sim::Distribution gamma = distribution(R"({"gamma": {"shape": 1, "mean": "2s"}})");
  EXPECT_NEAR(gamma.quantile_seconds(0.5), 2 * std::log(2), 1e-9);
  EXPECT_NEAR(distribution(R"({"pareto": {"shape": 2, "minimum": "3s"}})").mean_seconds(), 6, 1e-9);
  EXPECT_EQ(distribution(R"({"pareto": {"shape": 1, "minimum": "3s"}})").mean_seconds(),
            std::numeric_limits<double>::infinity());
  EXPECT_DOUBLE_EQ(distribution(R"({"hyperexponential": [{"probability": 0.25, "mean": "4s"},
                                                {"probability": 0.75, "mean": "8s"}]})")
                       .mean_seconds(),
                   7);
  EXPECT_DOUBLE_EQ(
      distribution(R"({"empirical": [[0, "1s"], [0.5, "3s"], [1, "9s"]]})").quantile_seconds(0.75),
      6);
}

TEST(Distributions, AMixtureIsMadeOfDistributions) {
  EXPECT_DOUBLE_EQ(distribution(R"({"mixture": [{"weight": 0.5, "law": "1s"},
                                       {"weight": 0.5, "law": {"mixture": [
                                          {"weight": 1, "law": {"exponential": "5s"}}]}}]})")
                       .mean_seconds(),
                   3);
}

}  // namespace
}  // namespace quintain::scenarios
