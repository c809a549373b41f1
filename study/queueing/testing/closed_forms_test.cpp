#include "study/queueing/testing/closed_forms.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace quintain::study::testing {
namespace {

// The references were computed independently of this code, some from the birth-death chains.

TEST(ClosedForms, MM1) {
  const MMc queue{.servers = 1, .arrival_rate = 0.8};
  EXPECT_NEAR(queue.probability_of_wait(), 0.8, 1e-12);
  EXPECT_NEAR(queue.mean_wait(), 4, 1e-12);
  EXPECT_NEAR(queue.wait_quantile(0.95), 13.8629436112, 1e-9);
  EXPECT_NEAR(mm1_sojourn_quantile(0.8, 1, 0.95), 14.9786613678, 1e-9);
  // A fifth of the customers do not wait.
  EXPECT_EQ(queue.wait_quantile(0.1), 0);
  EXPECT_EQ(mm1_sojourn_quantile(0.8, 1, 0), 0);
}

TEST(ClosedForms, MMc) {
  const MMc four{.servers = 4, .arrival_rate = 3.2};
  EXPECT_NEAR(four.probability_of_wait(), 0.596432471787, 1e-12);
  EXPECT_NEAR(four.mean_wait(), 0.745540589734, 1e-12);
  EXPECT_NEAR(four.wait_quantile(0.95), 3.09867877788, 1e-10);
  const MMc sixteen{.servers = 16, .arrival_rate = 15.2};
  EXPECT_NEAR(sixteen.probability_of_wait(), 0.780192462248, 1e-12);
  EXPECT_NEAR(sixteen.mean_wait(), 0.975240577810, 1e-11);
  EXPECT_NEAR(sixteen.wait_quantile(0.99), 5.44619442841, 1e-10);
  // In another unit of time all rates and times are scaled.
  const MMc milliseconds{.servers = 4, .arrival_rate = 0.0032, .service_rate = 0.001};
  EXPECT_NEAR(milliseconds.mean_wait(), 745.540589734, 1e-8);
  EXPECT_NEAR(milliseconds.probability_of_wait(), 0.596432471787, 1e-12);
}

TEST(ClosedForms, Erlang) {
  // Two servers, one erlang: B = (1/2) / (1 + 1 + 1/2), C = B / (1 - (1 - B) / 2).
  EXPECT_NEAR(erlang_b(2, 1), 0.2, 1e-15);
  EXPECT_NEAR(erlang_c(2, 1), 1.0 / 3, 1e-15);
  // From Erlang B tables: 10 circuits lose 1 % of 4.46 erlangs, 100 circuits 1 % of 84.1.
  EXPECT_NEAR(erlang_b(10, 4.46), 0.01, 0.00005);
  EXPECT_NEAR(erlang_b(100, 84.06), 0.01, 0.00005);
  // Here factorials would overflow.
  EXPECT_NEAR(erlang_b(1000, 1000), std::sqrt(2 / (1000 * std::acos(-1.0))), 0.001);
  EXPECT_GT(erlang_b(10, 1000), 0.98);
}

TEST(ClosedForms, FullQueue) {
  const Losses losses = losses_of_full_queue({.servers = 4, .arrival_rate = 3.2}, 4);
  EXPECT_NEAR(losses.probability_of_loss, 0.0607284564186, 1e-12);
  EXPECT_NEAR(losses.mean_wait_of_served, 0.259187636990, 1e-12);
  // Without places it is Erlang's loss system; with very many, the unbounded queue.
  const Losses none = losses_of_full_queue({.servers = 4, .arrival_rate = 3.2}, 0);
  EXPECT_NEAR(none.probability_of_loss, erlang_b(4, 3.2), 1e-15);
  EXPECT_EQ(none.probability_of_wait, 0);
  EXPECT_EQ(none.mean_wait_of_served, 0);
  const Losses many = losses_of_full_queue({.servers = 4, .arrival_rate = 3.2}, 1000);
  EXPECT_NEAR(many.probability_of_wait, 0.596432471787, 1e-12);
  EXPECT_NEAR(many.mean_wait_of_served, 0.745540589734, 1e-12);
  EXPECT_NEAR(many.probability_of_loss, 0, 1e-12);
  // Overloaded: the arrivals in excess of the capacity are lost.
  EXPECT_NEAR(losses_of_full_queue({.servers = 2, .arrival_rate = 4}, 50).probability_of_loss, 0.5,
              1e-12);
}

TEST(ClosedForms, Impatience) {
  const Losses losses = losses_of_impatience({.servers = 10, .arrival_rate = 9}, 0.5);
  EXPECT_NEAR(losses.probability_of_wait, 0.478279932323, 1e-12);
  EXPECT_NEAR(losses.probability_of_loss, 0.0638795705478, 1e-12);
  EXPECT_NEAR(losses.mean_wait_of_served, 0.101485349585, 1e-12);
  // Without patience it is Erlang's loss system; with very much, the unbounded queue.
  EXPECT_NEAR(losses_of_impatience({.servers = 4, .arrival_rate = 3.2}, 0).probability_of_loss,
              erlang_b(4, 3.2), 1e-12);
  const Losses patient = losses_of_impatience({.servers = 4, .arrival_rate = 3.2}, 100);
  EXPECT_NEAR(patient.mean_wait_of_served, 0.745540589734, 1e-9);
  EXPECT_NEAR(patient.probability_of_wait, 0.596432471787, 1e-9);
  const Losses single = losses_of_impatience({.servers = 1, .arrival_rate = 0.8}, 1000);
  EXPECT_NEAR(single.mean_wait_of_served, 4, 1e-9);
  EXPECT_NEAR(losses_of_impatience({.servers = 2, .arrival_rate = 4}, 20).probability_of_loss, 0.5,
              1e-9);
}

TEST(ClosedForms, MG1) {
  EXPECT_NEAR(mg1_mean_wait(0.8, 1, 0), 2, 1e-12);
  EXPECT_NEAR(mg1_mean_wait(0.8, 1, 1), 4, 1e-12);
  EXPECT_NEAR(mg1_mean_wait(0.8, 1, 4), 10, 1e-12);
  EXPECT_NEAR(mg1_mean_wait(0.08, 10, 4), 100, 1e-11);
}

TEST(ClosedForms, MD1) {
  EXPECT_NEAR(md1_wait_cdf(0.8, 1, 0), 0.2, 1e-12);
  EXPECT_NEAR(md1_wait_cdf(0.8, 1, 1), 0.445108185698, 1e-12);
  EXPECT_NEAR(md1_wait_cdf(0.8, 1, 5), 0.899502761754, 1e-12);
  EXPECT_NEAR(md1_wait_cdf(0.08, 10, 50), 0.899502761754, 1e-12);
  // From the same sum, computed with 80 digits.
  EXPECT_NEAR(md1_wait_cdf(0.8, 1, 12), 0.99507545578326, 1e-10);
  EXPECT_NEAR(md1_wait_cdf(0.95, 1, 12), 0.7148094230341978, 1e-10);
}

TEST(ClosedForms, Priorities) {
  const double rates[] = {0.3, 0.5};
  EXPECT_NEAR(priority_mean_wait(rates, 1, 0), 1.14285714286, 1e-11);
  EXPECT_NEAR(priority_mean_wait(rates, 1, 1), 5.71428571429, 1e-11);
  // One class is the plain queue; weighted by rate, the waits add up to its wait (Kleinrock's
  // conservation law).
  const double one[] = {0.8};
  EXPECT_NEAR(priority_mean_wait(one, 1, 0), 4, 1e-12);
  const double three[] = {0.1, 0.4, 0.3};
  double work = 0;
  for (std::size_t i = 0; i < 3; ++i) work += three[i] * priority_mean_wait(three, 1, i);
  EXPECT_NEAR(work, 0.8 * 4, 1e-12);
}

}  // namespace
}  // namespace quintain::study::testing
