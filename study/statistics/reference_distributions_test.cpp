#include "study/statistics/reference_distributions.h"

#include <gtest/gtest.h>

#include <cmath>

namespace quintain::study::statistics {
namespace {

// The tables of the NIST/SEMATECH e-Handbook of Statistical Methods, section 1.3.6.7.
TEST(ReferenceDistributions, MatchPublishedTables) {
  EXPECT_NEAR(normal_quantile(0.975), 1.959963984540054, 1e-12);
  EXPECT_NEAR(normal_quantile(0.05), -1.6448536269514722, 1e-12);
  EXPECT_NEAR(student_quantile(0.975, 9), 2.262, 0.0005);
  EXPECT_NEAR(student_quantile(0.95, 4), 2.132, 0.0005);
  EXPECT_NEAR(student_critical_value(0.95, 9), 2.262, 0.0005);
  EXPECT_NEAR(student_critical_value(0.90, 4), 2.132, 0.0005);
  EXPECT_NEAR(chi_squared_tail(16.919, 9), 0.05, 1e-5);
  EXPECT_NEAR(chi_squared_tail(3.8415, 1), 0.05, 1e-5);
  EXPECT_EQ(chi_squared_tail(0, 3), 1);
}

// For 10 fair coins P(at most 1) = 11/1024 and P(at most 2) = 56/1024.
TEST(ReferenceDistributions, BinomialQuantileIsTheSmallestCountThatReachesP) {
  EXPECT_EQ(binomial_quantile(0.025, 10, 0.5), 2);
  EXPECT_EQ(binomial_quantile(56.0 / 1024 - 1e-9, 10, 0.5), 2);
  EXPECT_EQ(binomial_quantile(56.0 / 1024 + 1e-9, 10, 0.5), 3);
  EXPECT_EQ(binomial_quantile(0.975, 10, 0.5), 8);
  EXPECT_EQ(binomial_quantile(0.5, 0, 0.5), 0);
}

// Over the parameters that the bands of PIT histograms use.
TEST(ReferenceDistributions, BinomialQuantileMatchesItsDefinition) {
  for (const int trials : {1, 7, 40, 300}) {
    for (const double probability : {0.05, 0.1, 0.5, 0.9}) {
      for (const double p : {0.001, 0.025, 0.4, 0.975, 0.999}) {
        double reached = 0;
        int successes = -1;
        while (reached < p) {
          ++successes;
          const double log_term = std::lgamma(trials + 1) - std::lgamma(successes + 1) -
                                  std::lgamma(trials - successes + 1) +
                                  successes * std::log(probability) +
                                  (trials - successes) * std::log1p(-probability);
          reached += std::exp(log_term);
        }
        EXPECT_EQ(binomial_quantile(p, trials, probability), successes)
            << trials << " trials at " << probability << ", p = " << p;
      }
    }
  }
}

}  // namespace
}  // namespace quintain::study::statistics
