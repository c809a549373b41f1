#include "study/language/traffic.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <set>
#include <vector>

namespace quintain::study {
namespace {

using namespace std::chrono_literals;
namespace distribution = sim::distribution;

Population lognormals() {
  Population population{
      .service = Population::Lognormal{.median = distribution::Lognormal{.mu = -2, .sigma = 1},
                                       .sigma = {.low = 0.3, .high = 1}}};
  population.functions = 40;
  return population;
}

double mean_over_calls(const std::vector<PopulationMember>& members) {
  double mean = 0;
  for (const auto& member : members)
    mean += member.popularity * member.model.service.mean_seconds();
  return mean;
}

TEST(Population, DependsOnItsSeed) {
  Population population = lognormals();
  const auto once = make_population(population, {});
  const auto again = make_population(population, {});
  population.seed = 2;
  const auto others = make_population(population, {});
  ASSERT_EQ(once->size(), 40u);
  std::set<double> means;
  for (std::size_t i = 0; i < 40; ++i) {
    EXPECT_EQ((*once)[i].model.service.mean_seconds(), (*again)[i].model.service.mean_seconds());
    EXPECT_NE((*once)[i].model.service.mean_seconds(), (*others)[i].model.service.mean_seconds());
    means.insert((*once)[i].model.service.mean_seconds());
  }
  EXPECT_EQ(means.size(), 40u);
}

TEST(Population, PopularityFollowsZipf) {
  Population population = lognormals();
  population.zipf = 2;
  const auto members = *make_population(population, {});
  double sum = 0;
  for (const auto& member : members) sum += member.popularity;
  EXPECT_NEAR(sum, 1, 1e-12);
  EXPECT_NEAR(members[0].popularity / members[3].popularity, 16, 1e-9);
  EXPECT_NE(members[0].model.task, members[1].model.task);
}

TEST(Population, IsScaledToAMean) {
  const auto members = make_population(lognormals(), 0.34);
  EXPECT_NEAR(mean_over_calls(*members), 0.34, 1e-9);
  // All functions by one factor.
  const auto drawn = *make_population(lognormals(), {});
  const auto factor = [&](std::size_t i) {
    return (*members)[i].model.service.mean_seconds() / drawn[i].model.service.mean_seconds();
  };
  EXPECT_NEAR(factor(0), factor(7), 1e-9);
}

TEST(Population, DrawsFormsWithinTheirSpread) {
  const auto members = *make_population(lognormals(), {});
  for (const auto& member : members) {
    // The ratio of these quantiles is the exponential of a lognormal distribution's sigma.
    const double sigma = std::log(member.model.service.quantile_seconds(0.8413447460685429) /
                                  member.model.service.quantile_seconds(0.5));
    EXPECT_GE(sigma, 0.3 - 1e-9);
    EXPECT_LE(sigma, 1 + 1e-9);
  }
}

TEST(Population, CannotBeScaledWithoutAFiniteMean) {
  Population population = lognormals();
  population.service = Population::Pareto{.minimum = distribution::Constant{10ms},
                                          .shape = {.low = 0.5, .high = 0.9}};
  EXPECT_FALSE(make_population(population, 1));
  EXPECT_TRUE(make_population(population, {}));
}

TEST(Population, HasADistributionOfEachKind) {
  Population population = lognormals();
  population.functions = 1;
  population.service = Population::Exponential{.mean = distribution::Constant{2s}};
  EXPECT_NEAR((*make_population(population, {}))[0].model.service.mean_seconds(), 2, 1e-9);
  population.service =
      Population::Pareto{.minimum = distribution::Constant{1s}, .shape = {.low = 2, .high = 2}};
  EXPECT_NEAR((*make_population(population, {}))[0].model.service.mean_seconds(), 2, 1e-9);
  population.service =
      Population::Weibull{.scale = distribution::Constant{1s}, .shape = {.low = 0.5, .high = 0.5}};
  EXPECT_NEAR((*make_population(population, {}))[0].model.service.mean_seconds(), 2, 1e-9);
}

// The logarithms of the times that a function's calls take, standardised.
std::vector<double> standardised_times(const PopulationMember& member) {
  std::vector<double> logs;
  double sum = 0;
  for (const auto& call : *member.model.recorded) {
    logs.push_back(std::log(std::chrono::duration<double>(call.duration).count()));
    sum += logs.back();
  }
  const double mean = sum / static_cast<double>(logs.size());
  double squares = 0;
  for (double& log : logs) {
    log -= mean;
    squares += log * log;
  }
  for (double& log : logs) log /= std::sqrt(squares / static_cast<double>(logs.size()));
  return logs;
}

TEST(Population, TimesFollowEachOtherAsTheAutocorrelationSays) {
  for (const double wanted : {0.5, 0.95}) {
    Population population = lognormals();
    std::get<Population::Lognormal>(population.service).autocorrelation = wanted;
    const auto members = *make_population(population, 0.34);
    const std::vector<double> times = standardised_times(members[0]);
    double found = 0;
    for (std::size_t i = 1; i < times.size(); ++i) found += times[i] * times[i - 1];
    EXPECT_NEAR(found / static_cast<double>(times.size()), wanted, 0.03);
  }
}

TEST(Population, AutocorrelatedTimesHaveTheDistributionThatTheReferenceKnows) {
  Population population = lognormals();
  std::get<Population::Lognormal>(population.service).autocorrelation = 0.5;
  const auto members = *make_population(population, 0.34);
  for (const std::size_t i : {0U, 1U, 39U}) {
    const sim::FunctionModel& model = members[i].model;
    double within = 0;
    for (const auto& call : *model.recorded) {
      const double seconds = std::chrono::duration<double>(call.duration).count();
      within += seconds <= model.service.quantile_seconds(0.8) ? 1 : 0;
    }
    EXPECT_NEAR(within / static_cast<double>(model.recorded->size()), 0.8, 0.03) << i;
  }
  EXPECT_EQ(make_population(lognormals(), 0.34)->front().model.recorded, nullptr);
}

}  // namespace
}  // namespace quintain::study
