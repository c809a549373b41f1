#include "sim/testing/queue_run.h"
#include <gtest/gtest.h>
#include <chrono>
#include <cstdio>
#include <cstdlib>
namespace t = quintain::sim::testing;
TEST(Speed, Speed) {
  t::QueueModel m; m.servers = std::atoi(getenv("C")); m.arrival_rate = atof(getenv("L"));
  long n = atol(getenv("N"));
  if (getenv("P")) m.patience = std::chrono::milliseconds(500);
  double sum = 0; long c = 0;
  auto t0 = std::chrono::steady_clock::now();
  t::run_queue(m, 1, n, [&](const t::Customer& x) { sum += x.wait; ++c; });
  double s = std::chrono::duration<double>(std::chrono::steady_clock::now() - t0).count();
  printf("mean wait %g n %ld  %.0f/s\n", sum / double(c), c, double(n) / s);
}
