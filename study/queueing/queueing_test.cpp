// The simulator's own truth: models with a closed form, played through the real core, must come out
// as theory says: off by less than four standard errors, and known to within 1 %.
//
// The closed forms are those of L. Kleinrock, Queueing Systems, volumes 1 and 2, and, for customers
// who give up, of A. Mandelbaum and S. Zeltyn, "Service engineering in action: the Palm/Erlang-A
// queue", 2007. The service rate is 1 per second throughout.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "study/statistics/batch_means.h"
#include "study/queueing/testing/kiefer_wolfowitz.h"
#include "study/queueing/testing/queue_run.h"

namespace quintain::study::testing {
namespace {

using namespace std::chrono_literals;
using statistics::BatchMeans;
using statistics::MeanEstimate;

constexpr std::uint64_t kSeed = 1;
constexpr std::int64_t kBatches = 100;

double seconds(core::Duration d) { return std::chrono::duration<double>(d).count(); }

// ---- What is measured ---------------------------------------------------------------------------

// A quantity that theory knows: the mean of `value` over the customers that have one.
struct Measure {
  std::string name;
  double reference;
  std::function<std::optional<double>(const Customer&)> value;
};

Measure mean_wait(double reference) {
  return {"mean wait of the served", reference, [](const Customer& customer) {
            return customer.end == Customer::End::kServed ? std::optional(seconds(customer.wait))
                                                          : std::nullopt;
          }};
}

Measure mean_wait_of_class(bool urgent, double reference) {
  return {urgent ? "mean wait of the urgent" : "mean wait of the others", reference,
          [urgent](const Customer& customer) {
            return customer.urgent == urgent ? std::optional(seconds(customer.wait)) : std::nullopt;
          }};
}

template <class Predicate>
Measure share(std::string name, double reference, Predicate counts) {
  return {std::move(name), reference, [counts](const Customer& customer) -> std::optional<double> {
            return counts(customer) ? 1 : 0;
          }};
}

Measure share_that_waits(double reference) {
  return share("P(wait)", reference, [](const Customer& customer) { return customer.wait > 0s; });
}

Measure share_that_waits_at_most(core::Duration bound, double reference) {
  return share(fmt::format("P(wait <= {} s)", seconds(bound)), reference,
               [bound](const Customer& customer) { return customer.wait <= bound; });
}

Measure share_that_ends(std::string name, Customer::End end, double reference) {
  return share(std::move(name), reference,
               [end](const Customer& customer) { return customer.end == end; });
}

// A quantile is judged by the share of customers beyond it, which the density there turns into the
// distance between the quantiles (R. R. Bahadur, "A note on quantiles in large samples", 1966).
template <class Time>
Measure quantile(std::string name, double reference, double share_beyond, double density,
                 Time time) {
  return {std::move(name), reference, [=](const Customer& customer) -> std::optional<double> {
            const double beyond = seconds(time(customer)) > reference ? 1 : 0;
            return reference + (beyond - share_beyond) / density;
          }};
}

core::Duration wait_of(const Customer& customer) { return customer.wait; }
core::Duration sojourn_of(const Customer& customer) { return customer.wait + customer.service; }

// ---- How it is judged ---------------------------------------------------------------------------

class Mean {
 public:
  void add(double value) {
    sum_ += value;
    ++count_;
  }
  double value() const { return sum_ / static_cast<double>(count_); }

 private:
  double sum_ = 0;
  std::int64_t count_ = 0;
};

// Means over consecutive customers.
struct Batch {
  std::vector<Mean> measured;
  // First and second moments of what the customers bring along, whose expectations are known.
  Mean gap{}, squared_gap{}, service{}, squared_service{}, urgent{};
};

// Takes customers and holds what was measured against theory.
class Judge {
 public:
  // The model must outlive it. `service_scv`: the service distribution's squared coefficient of
  // variation.
  Judge(const QueueModel& model, double service_scv, std::int64_t batch_length,
        std::vector<Measure> measures)
      : model_(model),
        service_scv_(service_scv),
        batch_length_(batch_length),
        measures_(std::move(measures)),
        batches_(kBatches, Batch{.measured = std::vector<Mean>(measures_.size())}) {}

  // The queue begins empty; as many customers as a batch has pass before it is believed.
  std::int64_t customers() const { return batch_length_ * (kBatches + 1); }

  void add(const Customer& customer) {
    if (customer.index < batch_length_) return;
    Batch& batch = batches_[static_cast<std::size_t>(customer.index / batch_length_ - 1)];
    for (std::size_t i = 0; i < measures_.size(); ++i) {
      if (const auto value = measures_[i].value(customer)) batch.measured[i].add(*value);
    }
    const double gap = seconds(customer.gap);
    batch.gap.add(gap);
    batch.squared_gap.add(gap * gap);
    batch.urgent.add(customer.urgent ? 1 : 0);
    if (customer.end != Customer::End::kServed) return;
    const double service = seconds(customer.service);
    batch.service.add(service);
    batch.squared_service.add(service * service);
  }

  void expect_theory(double largest_relative_half_width = 0.01) const {
    for (std::size_t i = 0; i < measures_.size(); ++i) {
      BatchMeans means;
      for (const Batch& batch : batches_) means.add(batch.measured[i].value(), deviations(batch));
      const MeanEstimate estimate = means.estimate();
      const double reference = measures_[i].reference;
      const std::string found =
          fmt::format("{}: {:.6g} +- {:.2g}, theory {:.6g}", measures_[i].name, estimate.mean,
                      estimate.half_width, reference);
      EXPECT_LT(std::abs(estimate.mean - reference), 4 * estimate.standard_error) << found;
      EXPECT_LE(estimate.half_width / reference, largest_relative_half_width) << found;
    }
  }

 private:
  std::vector<double> deviations(const Batch& batch) const {
    const double mean_gap = 1 / model_.arrival_rate;
    std::vector<double> deviations = {batch.gap.value() - mean_gap,
                                      batch.squared_gap.value() - 2 * mean_gap * mean_gap};
    if (service_scv_ > 0) {
      deviations.push_back(batch.service.value() - 1);
      deviations.push_back(batch.squared_service.value() - 1 - service_scv_);
    }
    if (model_.urgent_share > 0) deviations.push_back(batch.urgent.value() - model_.urgent_share);
    return deviations;
  }

  const QueueModel& model_;
  double service_scv_;
  std::int64_t batch_length_;
  std::vector<Measure> measures_;
  std::vector<Batch> batches_;
};

void expect_theory(const QueueModel& model, double service_scv, std::int64_t batch_length,
                   std::vector<Measure> measures) {
  Judge judge(model, service_scv, batch_length, std::move(measures));
  run_queue(model, kSeed, judge.customers(),
            [&](const Customer& customer) { judge.add(customer); });
  judge.expect_theory();
}

constexpr double kExponential = 1;  // its squared coefficient of variation

// ---- The models ---------------------------------------------------------------------------------

// P(wait > t) = .8 exp(-.2 t), P(sojourn > t) = exp(-.2 t).
TEST(Queueing, MM1) {
  expect_theory(
      {.servers = 1, .arrival_rate = 0.8}, kExponential, 55'000,
      {mean_wait(4), quantile("p95 of the sojourn", 14.9786613678, 0.05, 0.2 * 0.05, sojourn_of),
       quantile("p95 of the wait", 13.8629436112, 0.05, 0.2 * 0.05, wait_of)});
}

// P(wait > t) = C exp(-(4 - 3.2) t), where C is Erlang's delay formula.
TEST(Queueing, MM4) {
  expect_theory({.servers = 4, .arrival_rate = 3.2}, kExponential, 65'000,
                {share_that_waits(0.596432471787), mean_wait(0.745540589734),
                 quantile("p95 of the wait", 3.09867877788, 0.05, 0.8 * 0.05, wait_of)});
}

// At this load the waits of a hundred thousand customers are one long memory: 1 % would take some
// 300 million through the core. So the core plays three million, and every single wait must be the
// recursion's on the same gaps and services, to the nanosecond; the recursion alone then plays the
// rest. As an estimate from the core it has the recursion for a control variate with a mean that is
// estimated too (R. Pasupathy et al., "Control-variate estimation using estimated control means",
// IIE Transactions 44, 2012), whose difference from the core is nothing at all.
class QueueingMM16 : public ::testing::Test {
 protected:
  const QueueModel model_{.servers = 16, .arrival_rate = 15.2};

  std::vector<Measure> measures() const {
    return {share_that_waits(0.780192462248), mean_wait(0.975240577810),
            quantile("p99 of the wait", 5.44619442841, 0.01, 0.8 * 0.01, wait_of)};
  }
};

TEST_F(QueueingMM16, CoreWaitsAsTheRecursion) {
  Judge judge(model_, kExponential, 30'000, measures());
  std::vector<Customer> customers(static_cast<std::size_t>(judge.customers()));
  run_queue(model_, kSeed, judge.customers(), [&](const Customer& customer) {
    customers[static_cast<std::size_t>(customer.index)] = customer;
    judge.add(customer);
  });
  KieferWolfowitz recursion(model_.servers);
  std::int64_t different = 0;
  for (const Customer& customer : customers) {
    const core::Duration wait = recursion.wait_of_next(customer.gap, customer.service);
    different += wait != customer.wait ? 1 : 0;
  }
  EXPECT_EQ(different, 0);
  constexpr double kHoweverWide = 1;
  judge.expect_theory(kHoweverWide);
}

TEST_F(QueueingMM16, RecursionMeetsTheory) {
  Judge judge(model_, kExponential, 3'300'000, measures());
  sim::Randomness randomness(kSeed);
  core::RandomStream gaps("gaps");
  core::RandomStream services("services");
  const sim::Distribution between =
      sim::distribution::Exponential{sim::to_duration(1e9 / model_.arrival_rate)};
  KieferWolfowitz recursion(model_.servers);
  Customer customer;
  for (; customer.index < judge.customers(); ++customer.index) {
    customer.gap = between.sample(randomness, gaps);
    customer.service = model_.service.sample(randomness, services);
    customer.wait = recursion.wait_of_next(customer.gap, customer.service);
    judge.add(customer);
  }
  judge.expect_theory();
}

// A full queue refuses: Erlang's loss in a birth-death chain of nine states.
TEST(Queueing, MM4WithFourPlaces) {
  expect_theory({.servers = 4, .places = 4, .arrival_rate = 3.2}, kExponential, 20'000,
                {share_that_ends("P(refused)", Customer::End::kRefused, 0.0607284564186),
                 mean_wait(0.259187636990)});
}

// The mean is Pollaczek and Khinchine's, the distribution Erlang's.
TEST(Queueing, MD1) {
  expect_theory({.servers = 1, .arrival_rate = 0.8, .service = sim::distribution::Constant{1s}},
                /*service_scv=*/0, 20'000,
                {mean_wait(2), share_that_waits_at_most(1s, 0.445108185698),
                 share_that_waits_at_most(5s, 0.899502761754)});
}

TEST(Queueing, MM10WhoseCustomersGiveUp) {
  expect_theory({.servers = 10, .arrival_rate = 9, .patience = 500ms}, kExponential, 15'000,
                {share_that_waits(0.478279932323),
                 share_that_ends("P(gives up)", Customer::End::kGaveUp, 0.0638795705478),
                 mean_wait(0.101485349585)});
}

// A. Cobham, "Priority assignment in waiting line problems", 1954.
TEST(Queueing, MM1WithPriorities) {
  expect_theory(
      {.servers = 1, .arrival_rate = 0.8, .urgent_share = 0.3 / 0.8}, kExponential, 40'000,
      {mean_wait_of_class(true, 1.14285714286), mean_wait_of_class(false, 5.71428571429)});
}

// Pollaczek and Khinchine: .8 (1 + 4) / (2 (1 - .8)).
TEST(Queueing, MLognormal1) {
  constexpr double kScv = 4;
  expect_theory({.servers = 1,
                 .arrival_rate = 0.8,
                 .service = sim::distribution::LognormalByMean{.mean = 1s, .scv = kScv}},
                kScv, 110'000, {mean_wait(10)});
}

}  // namespace
}  // namespace quintain::study::testing
