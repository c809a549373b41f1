// The learned distribution of one function: the common shape, the models that compete, and the
// quantile tables that are made of their mixture.
#include "core/eta/learned_distribution.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "core/eta/log_scale.h"

namespace quintain::core::eta {
namespace {

// Beyond this an observation's weight is near what a float can add up.
constexpr float kLargestIncrement = 1e6F;

// The common shape starts with this many observations of the normal distribution, and forgets at
// this rate.
constexpr float kNormalWeight = 200;
constexpr float kShapeMemory = 5000;
// The shape is rebuilt after this many observations, then after twice as many, and so on.
constexpr int kRebuildShapeAfter = 64;
constexpr int kRebuildShapeAtLeastAfter = 1024;

// The observations that the base distribution weighs in each histogram model.
constexpr ModelWeights kBaseWeights = {0, 8, 50, 300, 0, 0};

// From this weight on the base distribution, and so the common shape, matters little.
constexpr float kWellKnown = 50;

// No distribution is known more exactly than to 0.3 %.
constexpr float kMinVariance = 0.004F * 0.004F;

// A share of times that follow no distribution, anywhere within 16 octaves: no single time decides
// between the models.
constexpr float kStray = 0.01F;

// The weight of a new observation in the means and variances that the recency models follow, and
// the share of the base distribution in these models.
constexpr std::array<float, 2> kRecencyRates = {0.08F, 0.4F};
constexpr float kRecencyVarianceRate = 0.03F;
constexpr float kRecencyDoubt = 0.05F;

// At each observation this share of a function's weights moves to the node's.
constexpr float kWeightsShare = 0.02F;

// A model below this weight is left out of the tables; where the recency models have more than
// the second, tables follow every observation.
constexpr float kNegligible = 0.01F;
constexpr float kFollows = 0.1F;

// Atoms: an observation's weight, and the share of repetitions from which they count.
constexpr float kAtomRate = 0.05F;
constexpr float kMinRepeated = 0.5F;

// Executions in flight together: a function has to be known this well before its times are
// compared, and no single time counts for more than this many deviations. The correlation on the
// whole node counts as a number of the function's pairs. What chance makes of independent times is
// taken off: 1.5 standard errors, at least the margin.
constexpr float kComparable = 4;
constexpr float kMaxOff = 3;
constexpr float kFunctionPairsMemory = 300;
constexpr float kNodePairs = 50;
constexpr float kMinPairs = 10;
constexpr float kChance = 1.5F;
constexpr float kManyPairs = 200;
constexpr float kChanceMargin = 0.1F;

// With this many degrees of freedom, Student's distribution is as good as normal.
constexpr float kAsGoodAsNormal = 150;

// Student's quantile is near z (1 + (z^2 + 1) / (4 nu)) for the normal quantile z (the first term
// of its Cornish-Fisher expansion). This is its inverse, by one Newton step from a good start.
float unstudent(float t, float freedom) {
  if (freedom > kAsGoodAsNormal) return t;
  const float a = 1 / (4 * freedom);
  float z = t / (1 + a * (t * t + 1) / (1 + 2 * a * t * t));
  z -= (z * (1 + a * (z * z + 1)) - t) / (1 + a * (3 * z * z + 1));
  return z;
}

float student(float z, float freedom) {
  return freedom > kAsGoodAsNormal ? z : z * (1 + (z * z + 1) / (4 * freedom));
}

}  // namespace

MeasuredTime MeasuredTime::of(Duration time) {
  constexpr float kMicrosecond = 1e-6F;
  const float seconds = std::max(std::chrono::duration<float>(time).count(), kMicrosecond);
  return {.seconds = seconds, .log = log2_of(seconds)};
}

MeasuredTime MeasuredTime::of_log(float log) { return {.seconds = exp2_of(log), .log = log}; }

// ---- The common shape ---------------------------------------------------------------------------

CommonShape::CommonShape() {
  // The normal density over each bin, by ratios of neighbours, which need no more than two
  // constants: phi(z + h) / phi(z) = exp(-h^2 / 2) exp(-h)^z.
  float density = 1;
  float sum = 0;
  for (int i = kBins / 2; i < kBins; ++i) {
    const float z = (static_cast<float>(i - kBins / 2) + 0.5F) * kWidth;
    density = exp2_of(-0.5F * z * z * 1.44269504F);
    mass_[static_cast<std::size_t>(i)] = density;
    mass_[static_cast<std::size_t>(kBins - 1 - i)] = density;
    sum += 2 * density;
  }
  for (float& mass : mass_) mass *= kNormalWeight / sum;
  rebuild();
}

void CommonShape::observe(float z) {
  const float position = std::clamp((z - kLowest) / kWidth, 0.0F, kBins - 1.0F);
  mass_[static_cast<std::size_t>(position)] += increment_;
  increment_ *= 1 + 1 / kShapeMemory;
  if (increment_ > kLargestIncrement) {
    for (float& mass : mass_) mass /= increment_;
    increment_ = 1;
  }
  if (++since_rebuilt_ >=
      std::min(kRebuildShapeAfter << std::min(version_, 4U), kRebuildShapeAtLeastAfter)) {
    rebuild();
  }
}

void CommonShape::rebuild() {
  since_rebuilt_ = 0;
  ++version_;
  float sum = 0;
  for (const float mass : mass_) sum += mass;
  cdf_[0] = 0;
  float below = 0;
  for (std::size_t i = 0; i < mass_.size(); ++i) {
    below += mass_[i];
    cdf_[i + 1] = below / sum;
  }
}

float CommonShape::cdf(float z) const {
  const float position = (z - kLowest) / kWidth;
  if (position <= 0) return 0;
  if (position >= kBins) return 1;
  const auto bin = static_cast<std::size_t>(position);
  return cdf_[bin] + (position - static_cast<float>(bin)) * (cdf_[bin + 1] - cdf_[bin]);
}

float CommonShape::density(float z) const {
  const float position = (z - kLowest) / kWidth;
  if (position < 0 || position >= kBins) return 0;
  const auto bin = static_cast<std::size_t>(position);
  return (cdf_[bin + 1] - cdf_[bin]) / kWidth;
}

float CommonShape::quantile(float p) const {
  const auto above = std::upper_bound(cdf_.begin() + 1, cdf_.end() - 1, p);
  const auto bin = static_cast<std::size_t>(above - cdf_.begin()) - 1;
  const float mass = cdf_[bin + 1] - cdf_[bin];
  const float part = mass > 0 ? std::clamp((p - cdf_[bin]) / mass, 0.0F, 1.0F) : 0.5F;
  return kLowest + (static_cast<float>(bin) + part) * kWidth;
}

// ---- Executions in flight together --------------------------------------------------------------

void PairSums::add(float a, float b, float memory) {
  const float keep = 1 - 1 / memory;
  products = products * keep + a * b;
  squares = squares * keep + (a * a + b * b) / 2;
  pairs = pairs * keep + 1;
}

std::optional<LearnedDistribution::Pair> LearnedDistribution::compare(float log_time,
                                                                      const Flight& flight) {
  if (seen_ == nullptr || weight_ < kComparable) return std::nullopt;
  const float deviation = std::sqrt(std::max(variance(), kMinVariance));
  const Pair pair = {.a = std::clamp((log_time - mean_) / deviation, -kMaxOff, kMaxOff),
                     .b = seen_->last_off};
  const bool together = seen_->last_end > flight.accepted_at;
  seen_->last_off = pair.a;
  seen_->last_end = flight.ended_at;
  if (!together) return std::nullopt;
  seen_->in_flight.add(pair.a, pair.b, kFunctionPairsMemory);
  return pair;
}

float LearnedDistribution::correlation_in_flight(const CommonPrior& prior) const {
  const PairSums& node = prior.in_flight;
  if (node.pairs < kMinPairs || node.squares <= 0) return 0;
  const PairSums own = seen_ != nullptr ? seen_->in_flight : PairSums();
  const float estimate =
      (own.products + kNodePairs * node.products / node.squares) / (own.squares + kNodePairs);
  const float chance = kChance / std::sqrt(own.pairs + std::min(node.pairs, kManyPairs));
  return std::clamp(estimate - std::max(chance, kChanceMargin), 0.0F, 1.0F);
}

// ---- One function: what is observed -------------------------------------------------------------

LearnedDistribution::LearnedDistribution(const LearnedDistribution& other)
    : weight_(other.weight_),
      mean_(other.mean_),
      squares_(other.squares_),
      lowest_(other.lowest_),
      total_(other.total_),
      increment_(other.increment_),
      seen_(other.seen_ ? std::make_unique<Seen>(*other.seen_) : nullptr) {}

float LearnedDistribution::standardise(const Base& base, float log_time) {
  return unstudent((log_time - base.mean) / base.deviation, base.freedom);
}

LearnedDistribution::Base LearnedDistribution::Recency::base() const {
  return {.mean = mean, .deviation = std::sqrt(variance), .freedom = 2 * kAsGoodAsNormal};
}

LearnedDistribution::Base LearnedDistribution::base(const CommonPrior& prior) const {
  const float prior_weight = prior.typical_within / prior.between;
  const float weight = prior_weight + weight_;
  const float freedom = prior.within_weight + weight_;
  const float off = mean_ - prior.mean;
  const float sum = prior.within_weight * prior.typical_within + squares_ +
                    prior_weight * weight_ / weight * off * off;
  const float variance = std::max(sum / freedom, kMinVariance);
  // Only the variance within the function is uncertain by `freedom`; the doubt about its mean is
  // normal, and it dominates as long as the function is hardly known.
  const float doubt = 1 + 1 / weight;
  return {.mean = (prior_weight * prior.mean + weight_ * mean_) / weight,
          .deviation = std::sqrt(variance * doubt),
          .freedom = freedom * doubt};
}

// The weight of the histogram in a histogram model.
float LearnedDistribution::histogram_share(Model model) const {
  return weight_ / (weight_ + kBaseWeights[model]);
}

ModelWeights LearnedDistribution::densities(float log_time, const CommonPrior& prior,
                                            const CommonShape& shape) const {
  const auto density_of = [&](const Base& at) {
    return shape.density(standardise(at, log_time)) / at.deviation;
  };
  const auto with_stray = [](float of_model) { return std::lerp(of_model, 1.0F / 16, kStray); };
  const float by_base = density_of(base(prior));
  ModelWeights densities;
  densities.fill(with_stray(by_base));
  if (seen_ == nullptr) return densities;
  const float position = (log_time - lowest_) * kPerOctave;
  float by_histogram = 0;
  if (position >= 0 && position < kBins) {
    by_histogram = seen_->mass[static_cast<std::size_t>(position)] / total_ * kPerOctave;
  }
  for (const Model model : {kHistogram8, kHistogram50, kHistogram300}) {
    densities[model] = with_stray(std::lerp(by_base, by_histogram, histogram_share(model)));
  }
  for (const Model model : {kSlowRecency, kFastRecency}) {
    const float by_recency = density_of(seen_->recency[model - kSlowRecency].base());
    densities[model] = with_stray(std::lerp(by_recency, by_base, kRecencyDoubt));
  }
  return densities;
}

float LearnedDistribution::density(float log_time, const CommonPrior& prior,
                                   const CommonShape& shape) const {
  const ModelWeights densities = this->densities(log_time, prior, shape);
  const ModelWeights& weights = this->weights(prior);
  float sum = 0;
  for (std::size_t i = 0; i < kModels; ++i) sum += weights[i] * densities[i];
  return sum;
}

void LearnedDistribution::observe(const MeasuredTime& time, const CommonPrior& prior,
                                  const CommonShape& shape) {
  if (seen_ == nullptr) {
    seen_ = std::make_unique<Seen>();
    seen_->weights = prior.weights;
    seen_->recency.fill({.mean = time.log, .variance = 2 * prior.within});
    lowest_ = std::floor(time.log * kPerOctave) / kPerOctave - kBins / (2 * kPerOctave);
  } else {
    observe_models(time.log, prior, shape);
  }
  observe_atom(time.seconds);
  make_room(time.log);
  const float position = std::clamp((time.log - lowest_) * kPerOctave, 0.0F, kBins - 1.0F);
  seen_->mass[static_cast<std::size_t>(position)] += increment_;
  total_ += increment_;
  increment_ *= 1 + 1 / kMemory;
  if (increment_ > kLargestIncrement) {
    for (float& mass : seen_->mass) mass /= increment_;
    total_ /= increment_;
    increment_ = 1;
  }
  // West's update of a weighted mean and sum of squares (CACM 22(9), 1979), old weights fading.
  constexpr float kKeep = 1 - 1 / kMemory;
  const float faded = weight_ * kKeep;
  weight_ = faded + 1;
  const float off = time.log - mean_;
  mean_ += off / weight_;
  squares_ = squares_ * kKeep + off * off * faded / weight_;
  news_ += 1;
  long_run_news_ += 1;
}

void LearnedDistribution::observe_models(float log_time, const CommonPrior& prior,
                                         const CommonShape& shape) {
  const ModelWeights densities = this->densities(log_time, prior, shape);
  float sum = 0;
  for (std::size_t i = 0; i < kModels; ++i) sum += seen_->weights[i] * densities[i];
  for (std::size_t i = 0; i < kModels; ++i) {
    const float posterior = seen_->weights[i] * densities[i] / sum;
    seen_->weights[i] = std::lerp(posterior, prior.weights[i], kWeightsShare);
  }
  for (std::size_t i = 0; i < kRecencies; ++i) {
    Recency& recency = seen_->recency[i];
    const float off = log_time - recency.mean;
    recency.mean += std::max(kRecencyRates[i], 1 / (weight_ + 1)) * off;
    recency.variance +=
        std::max(kRecencyVarianceRate, 1 / (weight_ + 3)) * (off * off - recency.variance);
    recency.variance = std::max(recency.variance, kMinVariance);
  }
}

void LearnedDistribution::observe_atom(float seconds) {
  Atom* found = nullptr;
  Atom* lightest = seen_->atoms.data();
  for (Atom& atom : seen_->atoms) {
    atom.weight *= 1 - kAtomRate;
    if (atom.weight > 0 && atom.seconds == seconds) found = &atom;
    if (atom.weight < lightest->weight) lightest = &atom;
  }
  if (weight_ > 0) {
    const float repeats = found != nullptr ? 1.0F : 0.0F;
    seen_->repeated += std::max(kAtomRate, 1 / (weight_ + 1)) * (repeats - seen_->repeated);
  }
  if (found == nullptr) {
    found = lightest;
    *found = {.seconds = seconds, .weight = 0};
  }
  found->weight += 1;
}

// The first time may have been an odd one, far from all others: then the bins move towards these,
// unless that pushes more off the other end than has come beyond this one.
void LearnedDistribution::make_room(float log_time) {
  constexpr int kMargin = 8;  // bins beyond it
  auto& mass = seen_->mass;
  const float position = std::floor((log_time - lowest_) * kPerOctave);
  const bool low = position < 0;
  if (!low && position < kBins) return;
  const float off = low ? -position : position - (kBins - 1);
  const int shift = static_cast<int>(std::min(off, 1e4F)) + kMargin;
  const int pushed = std::min(shift, kBins);
  float pushed_off = 0;
  for (int i = 0; i < pushed; ++i) {
    pushed_off += mass[static_cast<std::size_t>(low ? kBins - 1 - i : i)];
  }
  const float beyond = mass[low ? 0 : kBins - 1] + increment_;
  if (pushed_off > beyond) return;
  std::array<float, kBins> moved{};
  for (int i = 0; i < kBins; ++i) {
    const int to = std::clamp(low ? i + shift : i - shift, 0, kBins - 1);
    moved[static_cast<std::size_t>(to)] += mass[static_cast<std::size_t>(i)];
  }
  mass = moved;
  lowest_ += static_cast<float>(low ? -shift : shift) / kPerOctave;
}

// ---- One function: what is predicted ------------------------------------------------------------

bool LearnedDistribution::follows_recent() const {
  return seen_ != nullptr && seen_->weights[kSlowRecency] + seen_->weights[kFastRecency] > kFollows;
}

// The base distribution's tail reaches for days where a function has several modes or its times
// are spread over many octaves. What exceeds twice the longest time seen of the function is
// believed only while little has been seen of it; what exceeds twice the node's longest, never.
float LearnedDistribution::longest_believed(const CommonPrior& prior) const {
  const float by_node = prior.longest + 1;
  if (seen_ == nullptr) return by_node;
  std::size_t empty = 0;
  while (empty + 1 < kBins && seen_->mass[kBins - 1 - empty] == 0) ++empty;
  const float longest = lowest_ + static_cast<float>(kBins - empty) / kPerOctave;
  return std::min(by_node, longest + 1 + 16 / (1 + weight_));
}

// The doubt about the mean is the share 1 / (1 + weight) of the predictive variance, and so the
// correlation of any two executions; to it comes what those in flight together have in common. Two
// of those that have their place in common are correlated fully, others not at all. Of an unseen
// function only half of the executions have: long queues are made of slow functions, and forecasts
// of them would be too short otherwise.
float LearnedDistribution::common(const CommonPrior& prior) const {
  constexpr float kUnseen = 4;
  const float doubt = 1 / (kUnseen + prior.typical_within / prior.between + weight_);
  return std::sqrt(std::min(doubt + correlation_in_flight(prior), 1.0F));
}

/// Makes a table of the models' mixture: their distribution functions, mixed at the edges of the
/// bins, then inverted. Within a bin the quantile function is a straight line. Atoms are laid over
/// this continuous part.
class LearnedDistribution::Builder {
 public:
  Builder(const LearnedDistribution& learnt, const CommonPrior& prior, const CommonShape& shape,
          bool recency)
      : shape_(shape),
        base_(learnt.base(prior)),
        longest_(learnt.longest_believed(prior)),
        lowest_(learnt.lowest_),
        common_(learnt.common(prior)) {
    static const auto kProbabilities = [] {
      std::array<float, kWanted> wanted;
      for (std::size_t i = 0; i < kWanted; ++i) {
        wanted[i] = static_cast<float>(QuantileTable::wanted(i));
      }
      return wanted;
    }();
    probabilities_ = kProbabilities;
    if (learnt.seen_ == nullptr) {
      for (std::size_t i = 0; i < quantiles_.size(); ++i) {
        quantiles_[i] = base_quantile(probabilities_[i]);
      }
      return;
    }
    weigh(learnt, recency);
    lay_atoms(*learnt.seen_);
    invert();
  }

  void build(QuantileTable& table) {
    const float bound = exp2_of(longest_);
    for (float& quantile : quantiles_) quantile = std::min(quantile, bound);
    table.assign(quantiles_, bound, common_);
  }

 private:
  /// A distribution of the common shape in the mixture.
  struct Component {
    float weight;
    Base base;
  };

  // What each bin has of the mixture's mass by the histogram, and the other components' weights.
  void weigh(const LearnedDistribution& learnt, bool recency) {
    const Seen& seen = *learnt.seen_;
    const float others = 1 - seen.weights[kSlowRecency] - seen.weights[kFastRecency];
    const float rescaled = recency ? 1 : 1 / std::max(others, kNegligible);
    float histogram = 0;
    for (const Model model : {kHistogram8, kHistogram50, kHistogram300}) {
      histogram += rescaled * seen.weights[model] * learnt.histogram_share(model);
    }
    for (std::size_t i = 0; i < kBins; ++i) {
      bins_[i] = histogram * seen.mass[i] / learnt.total_;
    }
    components_[0] = {.weight = 1 - histogram, .base = base_};
    for (const Model model : {kSlowRecency, kFastRecency}) {
      if (!recency || seen.weights[model] < kNegligible) continue;
      const float weight = seen.weights[model] * (1 - kRecencyDoubt);
      components_[0].weight -= weight;
      components_[used_++] = {.weight = weight, .base = seen.recency[model - kSlowRecency].base()};
    }
  }

  // The components' part of the mixture's distribution function.
  float cdf(float log_time) const {
    float sum = 0;
    for (std::size_t i = 0; i < used_; ++i) {
      const Component& component = components_[i];
      sum += component.weight * shape_.cdf(standardise(component.base, log_time));
    }
    return sum;
  }

  float base_quantile(float p) const {
    const float log_time =
        base_.mean + base_.deviation * student(shape_.quantile(p), base_.freedom);
    return exp2_of(std::min(log_time, longest_));
  }

  // Quantiles that are atoms are set; the others' probabilities become those of the continuous
  // part.
  void lay_atoms(const Seen& seen) {
    if (seen.repeated < kMinRepeated) return;
    auto atoms = seen.atoms;
    std::ranges::sort(atoms, {}, &Atom::seconds);
    float sum = 0;
    for (const Atom& atom : atoms) sum += atom.weight;
    const float continuous = 1 - seen.repeated;
    float laid = 0;
    std::size_t next = 0;
    const auto continue_until = [&](float p) {
      for (; next < kWanted && probabilities_[next] <= p; ++next) {
        probabilities_[next] = std::min((probabilities_[next] - laid) / continuous, 1 - 1e-6F);
      }
    };
    for (const Atom& atom : atoms) {
      if (atom.weight <= 0) continue;
      const float below = continuous * cdf_with_bins(log2_of(atom.seconds));
      continue_until(below + laid);
      laid += seen.repeated * atom.weight / sum;
      const float end = below + laid;
      for (; next < kWanted && probabilities_[next] <= end; ++next) {
        quantiles_[next] = atom.seconds;
        probabilities_[next] = kAtom;
      }
    }
    continue_until(1);
  }

  float cdf_with_bins(float log_time) const {
    const float position = std::clamp((log_time - lowest_) * kPerOctave, 0.0F, kBins - 1.0F);
    const auto bin = static_cast<std::size_t>(position);
    float sum = cdf(log_time) + bins_[bin] * (position - static_cast<float>(bin));
    for (std::size_t i = 0; i < bin; ++i) sum += bins_[i];
    return sum;
  }

  // The quantiles of the continuous part. Outside the bins they are those of the base distribution.
  void invert() {
    static constexpr float kStep = 1.09050773F;  // 2^(1/8)
    std::size_t next = 0;
    const auto wanted_below = [&](float p) {
      while (next < kWanted && probabilities_[next] == kAtom) ++next;
      return next < kWanted && probabilities_[next] < p;
    };
    float below = cdf(lowest_);
    const float base_below = shape_.cdf(standardise(base_, lowest_));
    for (; wanted_below(below); ++next) {
      quantiles_[next] = base_quantile(std::max(probabilities_[next] / below * base_below, 1e-6F));
    }
    float edge = exp2_of(lowest_);
    float histogram = 0;
    for (std::size_t bin = 0; bin < kBins && wanted_below(2); ++bin) {
      histogram += bins_[bin];
      const float up_to = histogram + cdf(lowest_ + static_cast<float>(bin + 1) / kPerOctave);
      for (; wanted_below(up_to); ++next) {
        quantiles_[next] =
            edge * (1 + (kStep - 1) * (probabilities_[next] - below) / (up_to - below));
      }
      below = std::max(below, up_to);
      edge *= kStep;
    }
    const float base_above = 1 - shape_.cdf(standardise(base_, lowest_ + kBins / kPerOctave));
    for (; wanted_below(2); ++next) {
      const float above = (1 - probabilities_[next]) / std::max(1 - below, 1e-7F) * base_above;
      quantiles_[next] = std::max(edge, base_quantile(std::clamp(1 - above, 1e-6F, 1 - 1e-6F)));
    }
  }

  static constexpr std::size_t kWanted = QuantileTable::kWanted;
  static constexpr float kAtom = -1;

  const CommonShape& shape_;
  Base base_;
  float longest_;
  float lowest_;
  float common_;
  std::array<float, kBins> bins_{};
  std::array<Component, 1 + kRecencies> components_{};
  std::size_t used_ = 1;
  std::array<float, kWanted> probabilities_;
  std::array<float, kWanted> quantiles_{};
};

// Until a 16th is new, the old table differs by less than what chance does to it.
bool LearnedDistribution::table_is_stale(const CommonShape& shape) const {
  return table_ == nullptr || news_ * 16 > weight_ || (news_ > 0 && follows_recent()) ||
         (weight_ < kWellKnown && shape_version_ != shape.version());
}

bool LearnedDistribution::long_run_table_is_stale() const {
  return long_run_table_ == nullptr || long_run_news_ * 16 > weight_;
}

void LearnedDistribution::renew_tables(const CommonPrior& prior, const CommonShape& shape) {
  if (table_asked_ && table_is_stale(shape)) {
    table(prior, shape);
    table_asked_ = false;
  }
  if (long_run_table_asked_ && follows_recent() && long_run_table_is_stale()) {
    long_run_table(prior, shape);
    long_run_table_asked_ = false;
  }
}

const QuantileTable& LearnedDistribution::table(const CommonPrior& prior,
                                                const CommonShape& shape) {
  table_asked_ = true;
  if (table_is_stale(shape)) {
    if (table_ == nullptr) table_ = std::make_unique<QuantileTable>();
    Builder(*this, prior, shape, /*recency=*/true).build(*table_);
    news_ = 0;
    shape_version_ = shape.version();
  }
  return *table_;
}

const QuantileTable& LearnedDistribution::long_run_table(const CommonPrior& prior,
                                                         const CommonShape& shape) {
  if (!follows_recent()) return table(prior, shape);
  long_run_table_asked_ = true;
  if (long_run_table_is_stale()) {
    if (long_run_table_ == nullptr) long_run_table_ = std::make_unique<QuantileTable>();
    Builder(*this, prior, shape, /*recency=*/false).build(*long_run_table_);
    long_run_news_ = 0;
  }
  return *long_run_table_;
}

std::size_t LearnedDistribution::bytes() const {
  return sizeof(*this) + (seen_ ? sizeof(*seen_) : 0) + (table_ ? sizeof(*table_) : 0) +
         (long_run_table_ ? sizeof(*long_run_table_) : 0);
}

}  // namespace quintain::core::eta
