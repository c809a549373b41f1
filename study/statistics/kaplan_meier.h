// The distribution of a quantity that was not always seen to its end.
#pragma once

#include <cstddef>
#include <vector>

#include "study/statistics/estimate.h"

namespace quintain::study::statistics {

/// A value, or, censored, a bound that the value is known to be above.
struct SurvivalObservation {
  double value = 0;
  bool censored = false;
};

/// The product-limit estimator of P(X > x) from right-censored observations (E. L. Kaplan and
/// P. Meier, "Nonparametric estimation from incomplete observations", Journal of the American
/// Statistical Association 53, 1958), with Greenwood's variance. What cut an observation short must
/// have nothing to do with how long it would have gone on; the observations are independent. From
/// correlated ones the estimate is as good, but not its standard error: then take the spread over
/// replications.
///
/// Over PITs (censored ones by PitRange::low) P(low < X <= high) is the coverage of time to success
/// where some executions were cut short.
class KaplanMeier {
 public:
  /// At least one, in any order, all finite. At equal values the complete ones count first.
  explicit KaplanMeier(std::vector<SurvivalObservation> observations);

  /// P(X > x). Beyond the greatest observation, if that is censored, nothing is known and the last
  /// value goes on.
  double survival(double x) const;

  /// Of survival(x), by Greenwood's formula; 0 where the estimate is 1 or 0.
  double standard_error(double x) const;

  /// P(low < X <= high), for low <= high, with a normal interval held within [0, 1].
  Estimate probability_between(double low, double high, double confidence = kConfidence) const;

  /// The greatest observation, complete or not: how far the estimate reaches.
  double reach() const { return reach_; }

 private:
  // The estimate from a complete value on.
  struct Step {
    double value;
    double survival;
    // Greenwood's sum over d / (n (n - d)): the variance over the squared estimate.
    double relative_variance;
  };

  // The last step that is not above x.
  Step at(double x) const;

  std::vector<Step> steps_;
  double reach_ = 0;
};

}  // namespace quintain::study::statistics
