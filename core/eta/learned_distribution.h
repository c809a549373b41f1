// What has been learnt of how long the executions of one function take.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "core/base/time.h"
#include "core/eta/quantile_table.h"

namespace quintain::core::eta {

/// A time that was measured, and its binary logarithm; seconds.
struct MeasuredTime {
  float seconds;
  float log;

  /// Times below a microsecond count as one.
  static MeasuredTime of(Duration time);
  static MeasuredTime of_log(float log);
};

/// The shape that the distributions of a node's functions have in common: the distribution of the
/// standardised logarithm of a time. It starts as the normal distribution (so times are lognormal)
/// and converges to the shape that is observed. Binary logarithms throughout. Serial context only.
class CommonShape {
 public:
  CommonShape();

  /// A time was `z` standard deviations above its function's mean.
  void observe(float z);

  float cdf(float z) const;
  float density(float z) const;
  /// Requires: 0 < p < 1.
  float quantile(float p) const;

  /// Grows when the shape has changed enough to matter.
  std::uint32_t version() const { return version_; }

 private:
  static constexpr int kBins = 128;
  static constexpr float kWidth = 0.125F;
  static constexpr float kLowest = -kBins * kWidth / 2;

  void rebuild();

  std::array<float, kBins> mass_{};
  std::array<float, kBins + 1> cdf_{};
  float increment_ = 1;  // of the next observation: it grows, so that old ones need not shrink
  int since_rebuilt_ = 0;
  std::uint32_t version_ = 0;
};

/// The models that compete for the distribution of a function's next time.
///
/// kBaseModel is the base distribution (see LearnedDistribution). The histogram models mix it with
/// the function's own histogram; in each the base distribution weighs as much as 8, 50 or 300
/// observations. The recency models follow the mean of the last observations, slowly or fast: they
/// win where the last times of a function predict the next one.
enum Model : std::uint8_t {
  kBaseModel,
  kHistogram8,
  kHistogram50,
  kHistogram300,
  kSlowRecency,
  kFastRecency,
  kModels
};
using ModelWeights = std::array<float, kModels>;

/// The sums over pairs of executions that a correlation is estimated from; old pairs fade.
struct PairSums {
  float products = 0;
  float squares = 0;
  float pairs = 0;

  /// `a` and `b` are distances from the mean in deviations.
  void add(float a, float b, float memory);
};

/// When an execution was accepted, and when it ended.
struct Flight {
  Instant accepted_at;
  Instant ended_at;
};

/// What the functions of a node have in common, and so what is assumed of a function of which
/// little has been seen.
struct CommonPrior {
  /// Mean of the functions' means, and their variance. Binary logarithms of seconds.
  float mean = 0;
  float between = 9;
  /// Variance within a function: the mean over all times, and the typical one (the geometric mean
  /// over the functions), which counts as `within_weight` observations of a new function.
  float within = 1;
  float typical_within = 1;
  float within_weight = 6;
  /// The longest time seen on the node, as a logarithm; no function is believed to take more than
  /// twice as long.
  float longest = 100;
  /// How much alike executions of one function are that are in flight together.
  PairSums in_flight{};
  /// How far each model is trusted by the node's functions on average.
  ModelWeights weights = {0.05F, 0.25F, 0.4F, 0.2F, 0.05F, 0.05F};
};

/// One function's distribution of times, learnt from what was seen of it and, while that is little,
/// from the node's other functions. Serial context only.
///
/// The base distribution has the common shape; its mean and variance are the posterior ones of the
/// normal model with the conjugate (normal-inverse-gamma) prior that the node's functions make, and
/// its spread is the predictive one, Student's (A. Gelman et al., Bayesian Data Analysis,
/// section 3.3). Old observations fade: each new one shrinks their weight by 1 / kMemory.
///
/// The models' weights are updated at each observation by Bayes' rule, that is by how well each
/// predicted it (log score), with a fixed share towards the node's average weights (M. Herbster and
/// M. K. Warmuth, "Tracking the best expert", Machine Learning 32, 1998).
///
/// Values that repeat exactly are atoms: while a function's times are mostly repetitions of a few
/// values, these values have their observed probabilities.
///
/// Executions of one function that are in flight together may be alike, as the jobs of a batch are.
/// How much they are is their correlation, estimated from pairs of which the one had not ended when
/// the other was accepted. A share of the executions (QuantileTable::common()) has its place in the
/// distribution in common; the share is such that any two executions are correlated as much.
///
/// No quantile is more than twice the longest time seen on the node, nor, once the function is
/// known, of the function.
class LearnedDistribution {
 public:
  LearnedDistribution() = default;
  /// Copies what was seen; tables are made again when they are asked for.
  LearnedDistribution(const LearnedDistribution& other);
  LearnedDistribution(LearnedDistribution&&) = default;
  LearnedDistribution& operator=(LearnedDistribution&&) = default;

  struct Base {
    float mean;
    float deviation;
    float freedom;  // degrees of freedom of Student's distribution
  };

  /// A time's distance from the mean in deviations of the base distribution, as the common shape
  /// counts them.
  static float standardise(const Base& base, float log_time);

  Base base(const CommonPrior& prior) const;

  /// The predictive density of a time, per octave.
  float density(float log_time, const CommonPrior& prior, const CommonShape& shape) const;

  void observe(const MeasuredTime& time, const CommonPrior& prior, const CommonShape& shape);

  /// Two executions that were in flight together: their distances from the function's mean in
  /// deviations.
  struct Pair {
    float a;
    float b;
  };

  /// Compares a time that is about to be observed with the one that ended before it. nullopt if
  /// these were not in flight together, or little is known of the function.
  std::optional<Pair> compare(float log_time, const Flight& flight);

  /// The distribution of the function's next time, rebuilt when enough was observed since.
  const QuantileTable& table(const CommonPrior& prior, const CommonShape& shape);

  /// The same without the recency models: for executions that are far from being the next.
  const QuantileTable& long_run_table(const CommonPrior& prior, const CommonShape& shape);

  /// Makes those tables again that are out of date and were used since this was last done: after an
  /// observation, so that the next forecast need not wait for it.
  void renew_tables(const CommonPrior& prior, const CommonShape& shape);

  float weight() const { return weight_; }
  float mean() const { return mean_; }
  /// Of the logarithms of the times. Requires: weight() > 1.
  float variance() const { return squares_ / (weight_ - 1); }
  const ModelWeights& weights(const CommonPrior& prior) const {
    return seen_ ? seen_->weights : prior.weights;
  }

  std::size_t bytes() const;

  static constexpr float kMemory = 500;

 private:
  // 16 octaves, an eighth of one a bin. The window moves so that it has the longest times seen;
  // shorter times than it covers count in the first bin.
  static constexpr int kBins = 128;
  static constexpr float kPerOctave = 8;
  static constexpr std::size_t kAtoms = 6;
  static constexpr std::size_t kRecencies = 2;

  struct Atom {
    float seconds;
    float weight;
  };
  /// Mean and variance of a normal distribution that follows the last observations.
  struct Recency {
    float mean;
    float variance;

    Base base() const;
  };
  struct Seen {
    std::array<float, kBins> mass{};
    ModelWeights weights;
    std::array<Recency, kRecencies> recency;
    std::array<Atom, kAtoms> atoms{};
    float repeated = 0;  // share of the observations that repeated an atom
    PairSums in_flight;
    float last_off = 0;  // the last time's distance from the mean in deviations
    Instant last_end{};  // the start of the environment if there is none that counts
  };
  class Builder;

  ModelWeights densities(float log_time, const CommonPrior& prior, const CommonShape& shape) const;
  void observe_models(float log_time, const CommonPrior& prior, const CommonShape& shape);
  void observe_atom(float seconds);
  void make_room(float log_time);
  float histogram_share(Model model) const;
  float longest_believed(const CommonPrior& prior) const;
  float common(const CommonPrior& prior) const;
  float correlation_in_flight(const CommonPrior& prior) const;
  bool follows_recent() const;
  bool table_is_stale(const CommonShape& shape) const;
  bool long_run_table_is_stale() const;

  float weight_ = 0;
  float mean_ = 0;
  float squares_ = 0;    // of deviations from the mean, weighted
  float lowest_ = 0;     // the first bin's lower edge
  float total_ = 0;      // of the bins
  float increment_ = 1;  // of the next observation
  std::unique_ptr<Seen> seen_;
  std::unique_ptr<QuantileTable> table_;
  std::unique_ptr<QuantileTable> long_run_table_;  // only where recency models have weight
  float news_ = 0;                                 // observations since table_ was made
  float long_run_news_ = 0;                        // and since long_run_table_ was
  std::uint32_t shape_version_ = 0;
  bool table_asked_ = false;  // since it was last renewed
  bool long_run_table_asked_ = false;
};

}  // namespace quintain::core::eta
