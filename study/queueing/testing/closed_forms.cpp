// Each function is the formula of its model; sums are arranged so that no term cancels or
// overflows, except where the header states the accuracy.
#include "study/queueing/testing/closed_forms.h"

#include <algorithm>
#include <cassert>
#include <cmath>

namespace quintain::study::testing {
namespace {

double capacity(const MMc& queue) { return queue.servers * queue.service_rate; }
double offered_load(const MMc& queue) { return queue.arrival_rate / queue.service_rate; }

}  // namespace

double erlang_b(int servers, double offered_load) {
  assert(servers >= 1 && offered_load > 0);
  // 1 / B by recursion over the number of servers: all terms are positive, so nothing cancels and
  // no factorial overflows.
  double inverse = 1;
  for (int count = 1; count <= servers; ++count) inverse = 1 + inverse * count / offered_load;
  return 1 / inverse;
}

double erlang_c(int servers, double offered_load) {
  assert(offered_load < servers);
  const double loss = erlang_b(servers, offered_load);
  return loss / (1 - offered_load / servers * (1 - loss));
}

double MMc::probability_of_wait() const { return erlang_c(servers, offered_load(*this)); }

double MMc::mean_wait() const { return probability_of_wait() / (capacity(*this) - arrival_rate); }

double MMc::wait_quantile(double p) const {
  assert(p >= 0 && p < 1);
  // The wait of customers that wait is exponential.
  return std::max(std::log(probability_of_wait() / (1 - p)), 0.0) /
         (capacity(*this) - arrival_rate);
}

double mm1_sojourn_quantile(double arrival_rate, double service_rate, double p) {
  assert(arrival_rate < service_rate && p >= 0 && p < 1);
  return -std::log1p(-p) / (service_rate - arrival_rate);
}

double mg1_mean_wait(double arrival_rate, double mean_service, double service_scv) {
  const double load = arrival_rate * mean_service;
  assert(load < 1);
  return load * mean_service * (1 + service_scv) / (2 * (1 - load));
}

double md1_wait_cdf(double arrival_rate, double service, double t) {
  const double load = arrival_rate * service;
  assert(load < 1 && t >= 0 && t <= 12 * service);
  double sum = 0;
  for (int k = 0; k * service <= t; ++k) {
    const double x = arrival_rate * (t - k * service);
    double term = std::exp(x);
    for (int i = 1; i <= k; ++i) term *= -x / i;
    sum += term;
  }
  return (1 - load) * sum;
}

Losses losses_of_full_queue(const MMc& queue, int places) {
  assert(places >= 0);
  // The probabilities of all states, relative to the state in which all servers are busy and no
  // customer waits.
  const double load = offered_load(queue) / queue.servers;
  double state = 1;
  double all = 1 / erlang_b(queue.servers, offered_load(queue));
  double waits = 0;
  double wait = 0;
  for (int waiting = 0; waiting < places; ++waiting) {
    // A customer that finds this many waiting is served after they and one in service have left.
    waits += state;
    wait += state * (waiting + 1) / capacity(queue);
    state *= load;
    all += state;
  }
  return {.probability_of_loss = state / all,
          .probability_of_wait = waits / all,
          .mean_wait_of_served = wait / (all - state)};
}

Losses losses_of_impatience(const MMc& queue, double patience) {
  assert(patience >= 0);
  const double drain = capacity(queue) - queue.arrival_rate;
  assert(drain != 0);
  // The wait that a customer is offered has the density arrival rate * exp(-drain * t) up to the
  // patience; beyond, where no waiting customer adds to it, it falls at the full capacity. All
  // relative to the probability that a server is free.
  const double free = queue.servers == 1 ? 1 : 1 / erlang_b(queue.servers - 1, offered_load(queue));
  const double left = std::exp(-drain * patience);
  const double waits = queue.arrival_rate * (1 - left) / drain;
  const double gives_up = queue.arrival_rate * left / capacity(queue);
  const double wait = queue.arrival_rate * (1 - left * (1 + drain * patience)) / (drain * drain);
  const double all = free + waits + gives_up;
  return {.probability_of_loss = gives_up / all,
          .probability_of_wait = (waits + gives_up) / all,
          .mean_wait_of_served = wait / (free + waits)};
}

double priority_mean_wait(std::span<const double> arrival_rates, double service_rate,
                          std::size_t of) {
  assert(of < arrival_rates.size());
  double load = 0;
  double load_of_higher = 0;
  double load_up_to = 0;
  for (std::size_t i = 0; i < arrival_rates.size(); ++i) {
    load += arrival_rates[i] / service_rate;
    if (i < of) load_of_higher = load;
    if (i == of) load_up_to = load;
  }
  assert(load < 1);
  // The residual service that an arrival finds is `load` services on average.
  return load / service_rate / ((1 - load_of_higher) * (1 - load_up_to));
}

}  // namespace quintain::study::testing
