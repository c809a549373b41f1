// Queues whose exact results are known, as references for simulated ones. Customers arrive by a
// Poisson process and are served first come, first served unless stated otherwise. Rates and times
// are in any one unit. Formulas without a source are in L. Kleinrock, Queueing Systems, volumes 1
// and 2.
#pragma once

#include <cstddef>
#include <span>

namespace quintain::study::testing {

/// The probability that all servers of M/M/c/c are busy: Erlang's loss formula. The offered load is
/// arrival rate / service rate. Requires: servers >= 1, offered_load > 0.
double erlang_b(int servers, double offered_load);

/// The probability that a customer of M/M/c waits: Erlang's delay formula.
/// Requires: 0 < offered_load < servers.
double erlang_c(int servers, double offered_load);

/// M/M/c: exponential service at each of several servers. The functions require that the arrival
/// rate is below servers * service rate.
struct MMc {
  int servers = 1;
  double arrival_rate = 0;
  double service_rate = 1;

  double probability_of_wait() const;
  double mean_wait() const;
  /// The p-quantile of the wait; 0 if at least this share does not wait. Requires: 0 <= p < 1.
  double wait_quantile(double p) const;
};

/// The p-quantile of the time that a customer of M/M/1 spends waiting and in service.
/// Requires: 0 <= p < 1, arrival rate below service rate.
double mm1_sojourn_quantile(double arrival_rate, double service_rate, double p);

/// M/G/1, by Pollaczek and Khinchine. `service_scv` is the service time's squared coefficient of
/// variation. Requires: arrival_rate * mean_service < 1.
double mg1_mean_wait(double arrival_rate, double mean_service, double service_scv);

/// P(wait <= t) of M/D/1 (A. K. Erlang, 1909). The sum alternates: up to 12 services it is accurate
/// to 1e-10, at 25 services no longer to 1e-4. Requires: 0 <= t <= 12 * service, arrival_rate *
/// service < 1.
double md1_wait_cdf(double arrival_rate, double service, double t);

/// Results of a queue that does not serve all customers.
struct Losses {
  /// Rejected on arrival, or left before service.
  double probability_of_loss = 0;
  double probability_of_wait = 0;
  double mean_wait_of_served = 0;
};

/// M/M/c/(c + places): a customer that finds all servers busy and `places` customers waiting is
/// rejected. Any arrival rate. Requires: places >= 0.
Losses losses_of_full_queue(const MMc& queue, int places);

/// M/M/c+D: a customer that has waited for `patience` leaves (D. Y. Barrer, "Queuing with impatient
/// customers and ordered service", Operations Research 5, 1957).
/// Requires: patience >= 0, an arrival rate other than servers * service rate.
Losses losses_of_impatience(const MMc& queue, double patience);

/// The mean wait of class `of` in M/M/1 with non-preemptive priorities: classes by falling
/// priority, each with its arrival rate, all with one service rate (A. Cobham, "Priority assignment
/// in waiting line problems", Operations Research 2, 1954). Requires: the sum of the arrival rates
/// is below the service rate.
double priority_mean_wait(std::span<const double> arrival_rates, double service_rate,
                          std::size_t of);

}  // namespace quintain::study::testing
