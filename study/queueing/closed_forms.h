// Queues whose theory is known, for holding simulated ones against. Customers come by a Poisson
// process and are served first come, first served unless said otherwise. Rates and times are in one
// unit of the caller's choice. Formulas without a name are in L. Kleinrock, Queueing Systems,
// volumes 1 and 2.
#pragma once

#include <cstddef>
#include <span>

namespace quintain::study::queueing {

/// The chance that all servers of M/M/c/c are busy: Erlang's loss formula. Servers >= 1, and
/// offered load = arrival rate / service rate > 0, however large.
double erlang_b(int servers, double offered_load);

/// The chance that a customer of M/M/c waits: Erlang's delay formula. 0 < offered load < servers.
double erlang_c(int servers, double offered_load);

/// M/M/c: exponential service at each of several servers. What it says of itself it only says where
/// the arrival rate is below servers * service rate.
struct MMc {
  int servers = 1;
  double arrival_rate = 0;
  double service_rate = 1;

  double probability_of_wait() const;
  double mean_wait() const;
  /// The time that a customer waits at most with probability p, 0 <= p < 1; 0 if so many do not
  /// wait.
  double wait_quantile(double p) const;
};

/// The time that a customer of M/M/1 is there at most, waiting and served, with probability p,
/// 0 <= p < 1.
double mm1_sojourn_quantile(double arrival_rate, double service_rate, double p);

/// M/G/1, by Pollaczek and Khinchine. `service_scv` is the service distribution's squared
/// coefficient of variation; arrival rate * mean service must be below 1.
double mg1_mean_wait(double arrival_rate, double mean_service, double service_scv);

/// P(wait <= t) of M/D/1 (A. K. Erlang, 1909), for t from 0 to 12 services. The sum alternates: up
/// to there it is right to 1e-10, at 25 services no longer to 1e-4. arrival rate * service must be
/// below 1.
double md1_wait_cdf(double arrival_rate, double service, double t);

/// What becomes of the customers of a queue that does not serve them all.
struct Losses {
  /// Refused on arrival, or given up.
  double probability_of_loss = 0;
  double probability_of_wait = 0;
  double mean_wait_of_served = 0;
};

/// M/M/c/(c + places): whoever finds all servers busy and `places` >= 0 customers waiting is
/// refused. Any arrival rate.
Losses full_queue_refuses(const MMc& queue, int places);

/// M/M/c+D: whoever has waited for `patience` >= 0 gives up (D. Y. Barrer, "Queuing with impatient
/// customers and ordered service", Operations Research 5, 1957). Any arrival rate but
/// servers * service rate.
Losses waiting_gives_up(const MMc& queue, double patience);

/// The mean wait of class `of` in M/M/1 with priorities that do not interrupt: classes by falling
/// priority, each with its arrival rate, all with one service rate (A. Cobham, "Priority assignment
/// in waiting line problems", Operations Research 2, 1954). The sum of the rates must be below the
/// service rate.
double priority_mean_wait(std::span<const double> arrival_rates, double service_rate,
                          std::size_t of);

}  // namespace quintain::study::queueing
