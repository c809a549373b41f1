#include "study/statistics/reference_distributions.h"

#include <boost/math/distributions/binomial.hpp>
#include <boost/math/distributions/chi_squared.hpp>
#include <boost/math/distributions/normal.hpp>
#include <boost/math/distributions/students_t.hpp>
#include <cassert>
#include <cmath>

namespace quintain::study::statistics {
namespace {

namespace bmp = boost::math::policies;
using Quiet =
    bmp::policy<bmp::promote_double<false>, bmp::discrete_quantile<bmp::integer_round_up>,
                bmp::domain_error<bmp::ignore_error>, bmp::pole_error<bmp::ignore_error>,
                bmp::overflow_error<bmp::ignore_error>, bmp::underflow_error<bmp::ignore_error>,
                bmp::denorm_error<bmp::ignore_error>, bmp::rounding_error<bmp::ignore_error>,
                bmp::evaluation_error<bmp::ignore_error>>;
using Normal = boost::math::normal_distribution<double, Quiet>;
using Student = boost::math::students_t_distribution<double, Quiet>;
using ChiSquared = boost::math::chi_squared_distribution<double, Quiet>;
using Binomial = boost::math::binomial_distribution<double, Quiet>;

}  // namespace

double normal_quantile(double p) {
  assert(p > 0 && p < 1);
  return boost::math::quantile(Normal(), p);
}

double student_quantile(double p, double freedom) {
  assert(p > 0 && p < 1 && freedom > 0);
  return boost::math::quantile(Student(freedom), p);
}

double student_critical_value(double confidence, double freedom) {
  return student_quantile((1 + confidence) / 2, freedom);
}

double chi_squared_tail(double x, double freedom) {
  assert(x >= 0 && freedom > 0);
  return boost::math::cdf(boost::math::complement(ChiSquared(freedom), x));
}

double student_tail(double t, double freedom) {
  assert(freedom > 0);
  return boost::math::cdf(boost::math::complement(Student(freedom), t));
}

double binomial_cdf(double successes, double trials, double probability) {
  assert(successes >= 0 && successes <= trials && probability >= 0 && probability <= 1);
  return boost::math::cdf(Binomial(trials, probability), successes);
}

double binomial_quantile(double p, double trials, double probability) {
  assert(p > 0 && p < 1 && probability > 0 && probability < 1);
  assert(trials >= 0 && trials == std::floor(trials));
  return boost::math::quantile(Binomial(trials, probability), p);
}

}  // namespace quintain::study::statistics
