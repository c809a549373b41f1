// The distribution of a quantity whose observation was sometimes cut short.
#pragma once

#include <vector>

namespace quintain::study::statistics {

/// A value or, if censored, a bound that the value is known to exceed.
struct SurvivalObservation {
  double value = 0;
  bool censored = false;
};

/// The product-limit estimator of P(X > x) from right-censored observations (E. L. Kaplan and
/// P. Meier, "Nonparametric estimation from incomplete observations", Journal of the American
/// Statistical Association 53, 1958). Unbiased only if the censoring is independent of the value.
/// Immutable.
///
/// Over PITs (censored ones by PitRange::low) 1 - P(X > level) is the coverage of time to success
/// where some executions were cut short.
class KaplanMeier {
 public:
  /// Requires: at least one observation; all values finite, in any order. At equal values the
  /// complete observations count first.
  explicit KaplanMeier(std::vector<SurvivalObservation> observations);

  /// P(X > x). Nothing is known beyond the largest observation if that is censored; there the last
  /// known value is returned.
  double survival(double x) const;

 private:
  /// The estimate from a complete value up to the next one.
  struct Step {
    double value;
    double survival;
  };

  std::vector<Step> steps_;
};

}  // namespace quintain::study::statistics
