// Validation of the simulator: queueing models with a closed form, simulated with the real core,
// must match theory within four standard errors, and the estimates must be precise to 1 %. The
// service rate is 1 per second in all models.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "study/queueing/testing/batch_means.h"
#include "study/queueing/testing/closed_forms.h"
#include "study/queueing/testing/queue_run.h"

namespace quintain::study::testing {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kSeed = 1;
constexpr std::int64_t kBatches = 100;

double seconds(core::Duration d) { return std::chrono::duration<double>(d).count(); }

// ---- Measures -----------------------------------------------------------------------------------

// A quantity with a known reference: the mean of `value` over the customers that have one.
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

// A quantile is judged by the share of customers beyond the reference, which the density there
// converts into the distance between the quantiles (R. R. Bahadur, "A note on quantiles in large
// samples", 1966).
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

// ---- Judgement ----------------------------------------------------------------------------------

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
  // First and second moments of the customers' properties, whose expectations are known.
  Mean gap{}, squared_gap{}, service{}, squared_service{}, urgent{};
};

// Compares the measures of a run with theory.
class Judge {
 public:
  // The model must outlive the judge. `service_scv` is the service time's squared coefficient of
  // variation.
  Judge(const QueueModel& model, double service_scv, std::int64_t batch_length,
        std::vector<Measure> measures)
      : model_(model),
        service_scv_(service_scv),
        batch_length_(batch_length),
        measures_(std::move(measures)),
        batches_(kBatches, Batch{.measured = std::vector<Mean>(measures_.size())}) {}

  // The queue starts empty; the first batch is a warm-up.
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

constexpr double kExponential = 1;  // the squared coefficient of variation

// Of an M/M/c whose wait is above 0 at quantile p: P(wait > t) falls exponentially from there.
Measure wait_quantile(const MMc& queue, double p) {
  const double rate = queue.servers - queue.arrival_rate;
  return quantile(fmt::format("{} quantile of the wait", p), queue.wait_quantile(p), 1 - p,
                  rate * (1 - p), wait_of);
}

// ---- Kiefer and Wolfowitz -----------------------------------------------------------------------

/// The waits of a queue with several servers, from their definition: the recursion of J. Kiefer and
/// J. Wolfowitz, "On the theory of queues with many servers", 1955, on the instants at which
/// servers become free. With one server it is Lindley's recursion. It uses no event, node or clock.
class KieferWolfowitz {
 public:
  explicit KieferWolfowitz(int servers) : free_at_(static_cast<std::size_t>(servers)) {}

  /// Returns the wait of the next customer, which arrives `gap` after the previous one and needs
  /// `service`.
  core::Duration wait_of_next(core::Duration gap, core::Duration service) {
    now_ = now_ + gap;
    const core::Instant start = std::max(now_, free_at_.front());
    const core::Instant end = start + service;
    // Replaces the first instant by `end`, keeping the order.
    std::size_t place = 0;
    for (; place + 1 < free_at_.size() && free_at_[place + 1] < end; ++place) {
      free_at_[place] = free_at_[place + 1];
    }
    free_at_[place] = end;
    return start - now_;
  }

 private:
  core::Instant now_;
  std::vector<core::Instant> free_at_;  // ascending
};

// ---- The models ---------------------------------------------------------------------------------

TEST(Queueing, MM1) {
  const MMc theory{.servers = 1, .arrival_rate = 0.8};
  expect_theory({.servers = 1, .arrival_rate = 0.8}, kExponential, 55'000,
                {mean_wait(theory.mean_wait()),
                 quantile("0.95 quantile of the sojourn", mm1_sojourn_quantile(0.8, 1, 0.95), 0.05,
                          0.2 * 0.05, sojourn_of),
                 wait_quantile(theory, 0.95)});
}

TEST(Queueing, MM4) {
  const MMc theory{.servers = 4, .arrival_rate = 3.2};
  expect_theory({.servers = 4, .arrival_rate = 3.2}, kExponential, 65'000,
                {share_that_waits(theory.probability_of_wait()), mean_wait(theory.mean_wait()),
                 wait_quantile(theory, 0.95)});
}

// At this load the waits of a hundred thousand customers are correlated: a precision of 1 % would
// take some 300 million customers in the core. Instead, the core serves three million, and every
// wait must equal the recursion's on the same gaps and services, to the nanosecond; the recursion
// alone then serves the rest. The recursion is thus a control variate of the core with an estimated
// mean (R. Pasupathy et al., "Control-variate estimation using estimated control means", IIE
// Transactions 44, 2012), whose difference from the core is 0.
class QueueingMM16 : public ::testing::Test {
 protected:
  const QueueModel model_{.servers = 16, .arrival_rate = 15.2};

  std::vector<Measure> measures() const {
    const MMc theory{.servers = 16, .arrival_rate = 15.2};
    return {share_that_waits(theory.probability_of_wait()), mean_wait(theory.mean_wait()),
            wait_quantile(theory, 0.99)};
  }
};

TEST_F(QueueingMM16, WaitsOfTheCoreEqualTheRecursion) {
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
  judge.expect_theory(/*largest_relative_half_width=*/1);
}

TEST_F(QueueingMM16, RecursionMatchesTheory) {
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

TEST(Queueing, MM4WithFourPlaces) {
  const Losses theory = losses_of_full_queue({.servers = 4, .arrival_rate = 3.2}, 4);
  expect_theory(
      {.servers = 4, .places = 4, .arrival_rate = 3.2}, kExponential, 20'000,
      {share_that_ends("P(rejected)", Customer::End::kRejected, theory.probability_of_loss),
       mean_wait(theory.mean_wait_of_served)});
}

TEST(Queueing, MD1) {
  expect_theory(
      {.servers = 1, .arrival_rate = 0.8, .service = sim::distribution::Constant{1s}},
      /*service_scv=*/0, 20'000,
      {mean_wait(mg1_mean_wait(0.8, 1, 0)), share_that_waits_at_most(1s, md1_wait_cdf(0.8, 1, 1)),
       share_that_waits_at_most(5s, md1_wait_cdf(0.8, 1, 5))});
}

TEST(Queueing, MM10WithImpatientCustomers) {
  const Losses theory = losses_of_impatience({.servers = 10, .arrival_rate = 9}, 0.5);
  expect_theory({.servers = 10, .arrival_rate = 9, .patience = 500ms}, kExponential, 15'000,
                {share_that_waits(theory.probability_of_wait),
                 share_that_ends("P(leaves)", Customer::End::kLeft, theory.probability_of_loss),
                 mean_wait(theory.mean_wait_of_served)});
}

TEST(Queueing, MM1WithPriorities) {
  constexpr double kRates[] = {0.3, 0.5};
  expect_theory({.servers = 1, .arrival_rate = 0.8, .urgent_share = 0.3 / 0.8}, kExponential,
                40'000,
                {mean_wait_of_class(true, priority_mean_wait(kRates, 1, 0)),
                 mean_wait_of_class(false, priority_mean_wait(kRates, 1, 1))});
}

TEST(Queueing, MLognormal1) {
  constexpr double kScv = 4;
  expect_theory({.servers = 1,
                 .arrival_rate = 0.8,
                 .service = sim::distribution::LognormalByMean{.mean = 1s, .scv = kScv}},
                kScv, 110'000, {mean_wait(mg1_mean_wait(0.8, 1, kScv))});
}

}  // namespace
}  // namespace quintain::study::testing
