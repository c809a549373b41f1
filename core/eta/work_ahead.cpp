// The estimates of functions' means that compete, and how they score block by block.
#include "core/eta/work_ahead.h"

#include <algorithm>
#include <cmath>

#include "core/eta/learned_distribution.h"
#include "core/eta/log_scale.h"

namespace quintain::core::eta {
namespace {

// The lengths of the blocks, and the number of blocks that their scores and errors remember.
constexpr std::array<int, 2> kBlock = {16, 128};
constexpr float kScoresMemory = 12;
constexpr float kErrorsMemory = 16;
// The first blocks show what was not known at first, and not what is not known now.
constexpr std::uint32_t kFirstBlocks = 2;

enum Estimate : std::uint8_t { kLearned, kExtended, kAll, kSlow, kRecent, kFast };
// Before any score. An estimate that follows the last times is no forecast of a long queue.
constexpr std::array<float, 6> kPriorWeights = {1, 0.3F, 0.3F, 0.3F, 0.05F, 0.05F};
constexpr std::array<float, 6> kPriorWeightsFar = {1, 1, 0.5F, 0.3F, 0.1F, 0};

constexpr float kLongMemory = 1e5F;
constexpr float kSlowMemory = 2000;
constexpr float kRecentMemory = 100;
constexpr float kFastMemory = 6;

// The bound on the logarithm of a factor, and of the error of one block as natural logarithms.
constexpr float kMaxLogFactor = 4;
constexpr float kMaxError = 2;
constexpr float kTiny = 1e-9F;

void follow(float& mean, float time, float seen, float memory) {
  mean += (time - mean) / std::min(seen, memory);
}

float log_error(float actual, float forecast) {
  constexpr float kNatural = 0.69314718F;
  return std::clamp(log2_of((actual + kTiny) / (forecast + kTiny)) * kNatural, -kMaxError,
                    kMaxError);
}

}  // namespace

WorkAhead::Means WorkAhead::means(FunctionIndex function, float mean) const {
  Means means{};
  means.fill(known_ > 0 ? sum_of_means_ / known_ : mean);
  means[kLearned] = means[kExtended] = mean;
  if (function >= functions_.size() || functions_[function].seen == 0) return means;
  const Function& known = functions_[function];
  // The learned distribution forgets. Where a function has had many more times than that, the mean
  // of all of them is known better.
  means[kExtended] = std::lerp(
      mean, known.all, std::max(known.seen - LearnedDistribution::kMemory, 0.0F) / known.seen);
  // The other functions' mean counts as one observation.
  means[kSlow] = (known.seen * known.slow + means[kSlow]) / (known.seen + 1);
  means[kAll] = (known.seen * known.all + means[kAll]) / (known.seen + 1);
  means[kRecent] = known.recent;
  means[kFast] = known.fast;
  return means;
}

void WorkAhead::observe(FunctionIndex function, float time, float mean, float variance) {
  const Means now = means(function, mean);
  if (function >= functions_.size()) functions_.resize(function + 1);
  Function& known = functions_[function];
  for (std::size_t h = 0; h < kHorizons; ++h) {
    Horizon& horizon = horizons_[h];
    if (known.block[h] != horizon.block) {
      known.block[h] = horizon.block;
      known.frozen[h] = now;
    }
    for (std::size_t k = 0; k < kEstimates; ++k) horizon.forecast[k] += known.frozen[h][k];
    horizon.actual += time;
    horizon.variance += variance;
    if (++horizon.count == kBlock[h]) close(horizon, /*is_long=*/h > 0);
  }
  const float before = known.all;
  if (known.seen == 0) known_ += 1;
  known.seen = std::min(known.seen + 1, kLongMemory);
  follow(known.all, time, known.seen, kLongMemory);
  follow(known.slow, time, known.seen, kSlowMemory);
  follow(known.recent, time, known.seen, kRecentMemory);
  follow(known.fast, time, known.seen, kFastMemory);
  sum_of_means_ += known.all - before;
}

WorkAhead::Means WorkAhead::weights(const Horizon& horizon, bool is_long) {
  const Means& prior = is_long ? kPriorWeightsFar : kPriorWeights;
  const float most = *std::ranges::max_element(horizon.scores);
  Means weights{};
  float sum = 0;
  for (std::size_t k = 0; k < kEstimates; ++k) {
    weights[k] = exp2_of(horizon.scores[k] - most) * prior[k];
    sum += weights[k];
  }
  for (float& weight : weights) weight /= sum;
  return weights;
}

void WorkAhead::close(Horizon& horizon, bool is_long) {
  const Means weights = WorkAhead::weights(horizon, is_long);
  float forecast = 0;
  for (std::size_t k = 0; k < kEstimates; ++k) forecast += weights[k] * horizon.forecast[k];
  // No single block says that everything is uncertain.
  constexpr float kMaxExplained = 2;
  constexpr float kMaxSquare = 0.25F;
  const float explained =
      std::min(horizon.variance / (forecast * forecast + kTiny * kTiny), kMaxExplained);
  const float error = log_error(horizon.actual, forecast);
  if (horizon.block > kFirstBlocks) {
    constexpr float kKeep = 1 - 1 / kErrorsMemory;
    horizon.blocks = horizon.blocks * kKeep + 1;
    horizon.error = horizon.error * kKeep + std::min(error * error, kMaxSquare + 9 * explained);
    horizon.explained = horizon.explained * kKeep + explained;
  }
  // Normal log scores, in bits, with the variance of the errors that were seen.
  constexpr float kKeep = 1 - 1 / kScoresMemory;
  constexpr float kHalfBit = 0.72134752F;  // 1 / (2 ln 2)
  constexpr float kMaxScore = 9;
  const float seen = std::max(horizon.error, horizon.explained) / std::max(horizon.blocks, 1.0F);
  const float variance = std::max({seen, explained, 1e-4F});
  for (std::size_t k = 0; k < kEstimates; ++k) {
    const float miss = log_error(horizon.actual, horizon.forecast[k]);
    horizon.scores[k] =
        horizon.scores[k] * kKeep - kHalfBit * std::min(miss * miss / variance, kMaxScore);
  }
  ++horizon.block;
  horizon.count = 0;
  horizon.forecast = {};
  horizon.actual = horizon.variance = 0;
}

void WorkAhead::Sum::add(FunctionIndex function, float mean, float count) {
  const Means means = work_.means(function, mean);
  for (std::size_t k = 0; k < kEstimates; ++k) means_[k] += count * means[k];
  count_ += count;
}

void WorkAhead::Sum::add_similar(float count) {
  if (count_ == 0) return;
  const float factor = (count_ + count) / count_;
  for (float& mean : means_) mean *= factor;
  count_ += count;
}

WorkAhead::Correction WorkAhead::Sum::correction() const {
  if (count_ < kFew || !(means_[kLearned] > 0)) return {};
  // A block is the measure of queues from half to four times its length.
  const bool is_long = count_ >= static_cast<float>(kBlock[1]) / 2;
  const Horizon& horizon = work_.horizons_[is_long ? 1 : 0];
  const Means weights = WorkAhead::weights(horizon, is_long);
  float mixed = 0;
  for (std::size_t k = 0; k < kEstimates; ++k) mixed += weights[k] * means_[k];
  const float log_factor = std::clamp(log2_of((mixed + kTiny) / (means_[kLearned] + kTiny)),
                                      -kMaxLogFactor, kMaxLogFactor);
  // Two standard errors of a mean of squares are chance.
  const float blocks = std::max(horizon.blocks, 1.0F);
  const float chance = horizon.explained * (1 + 2 * std::sqrt(2 / blocks));
  constexpr float kBit = 1.4426950F;
  const float deviation = kBit * std::sqrt(std::max(horizon.error - chance, 0.0F) / blocks);
  // A change of less than 5 %, or 1 % of a long queue, is not worth its cost.
  const float smallest = is_long ? 0.0144F : 0.07F;
  const float trust = std::min(count_ / static_cast<float>(kBlock[0]), 1.0F);
  return {.log_factor = std::abs(log_factor) > smallest ? trust * log_factor : 0,
          .deviation = deviation > smallest ? trust * deviation : 0};
}

}  // namespace quintain::core::eta
