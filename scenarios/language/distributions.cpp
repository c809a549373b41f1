// Reads distributions of durations. The table kDistributionKinds maps their names to readers.

#include <fmt/format.h>

#include <array>
#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <vector>

#include "reports/json_input/diagnostics.h"
#include "scenarios/language/names.h"
#include "scenarios/language/readers.h"

namespace quintain::scenarios {

using json_input::ObjectReader;
using json_input::Reader;

namespace {

using sim::Distribution;
namespace distribution = sim::distribution;

// A parameter that is absent or wrong was reported. It is replaced by a value that is valid for
// every distribution, so that the distribution does not report it once more.
core::Duration length(const Reader& parameter) {
  return parameter.duration({}, std::chrono::seconds(1));
}
double figure(const Reader& parameter) { return parameter.number({}, 1); }

// Each function reads the value of one distribution's key. It returns nullopt after reporting a
// problem from which problems of the whole distribution would follow.

std::optional<Distribution> constant(const Reader& value) {
  return distribution::Constant{.value = length(value)};
}

std::optional<Distribution> uniform(const Reader& value) {
  const auto ends = value.elements();
  if (ends.size() == 2) {
    return distribution::Uniform{.low = length(ends[0]), .high = length(ends[1])};
  }
  if (value.raw().is_array()) value.error("expected the two bounds, as in [\"1ms\", \"5ms\"]");
  return std::nullopt;
}

std::optional<Distribution> exponential(const Reader& value) {
  return distribution::Exponential{.mean = length(value)};
}

std::optional<Distribution> lognormal(const Reader& value) {
  ObjectReader object = value.object();
  const Reader mean = object.optional("mean");
  const Reader scv = object.optional("scv");
  const Reader mu = object.optional("mu");
  const Reader sigma = object.optional("sigma");
  if (mean.present() && scv.present() && !mu.present() && !sigma.present()) {
    return distribution::LognormalByMean{.mean = length(mean), .scv = figure(scv)};
  }
  if (mu.present() && sigma.present() && !mean.present() && !scv.present()) {
    return distribution::Lognormal{.mu = figure(mu), .sigma = figure(sigma)};
  }
  if (value.raw().is_object()) {
    value.error("a lognormal distribution has either 'mean' and 'scv' or 'mu' and 'sigma'");
  }
  return std::nullopt;
}

std::optional<Distribution> weibull(const Reader& value) {
  ObjectReader object = value.object();
  const double shape = figure(object.required("shape"));
  return distribution::Weibull{.shape = shape, .scale = length(object.required("scale"))};
}

std::optional<Distribution> gamma(const Reader& value) {
  ObjectReader object = value.object();
  const double shape = figure(object.required("shape"));
  return distribution::Gamma{.shape = shape, .mean = length(object.required("mean"))};
}

std::optional<Distribution> pareto(const Reader& value) {
  ObjectReader object = value.object();
  const double shape = figure(object.required("shape"));
  return distribution::Pareto{.shape = shape, .minimum = length(object.required("minimum"))};
}

std::optional<Distribution> hyperexponential(const Reader& value) {
  distribution::Hyperexponential distribution;
  for (const Reader& element : value.elements()) {
    ObjectReader branch = element.object();
    const double probability = figure(branch.required("probability"));
    distribution.branches.push_back({probability, length(branch.required("mean"))});
  }
  return distribution;
}

std::optional<Distribution> empirical(const Reader& value) {
  distribution::Empirical distribution;
  for (const Reader& element : value.elements()) {
    const auto point = element.elements();
    if (point.size() != 2) {
      if (element.raw().is_array()) {
        element.error("a point is a probability and a duration, as in [0.5, \"3ms\"]");
      }
      return std::nullopt;
    }
    const double p = figure(point[0]);
    distribution.points.push_back({p, length(point[1])});
    if (!point[0].raw().is_number() || !point[1].raw().is_string()) return std::nullopt;
  }
  return distribution;
}

std::optional<Distribution> read(const Reader& distribution);

std::optional<Distribution> mixture(const Reader& value) {
  distribution::Mixture distribution;
  bool complete = true;
  for (const Reader& element : value.elements()) {
    ObjectReader component = element.object();
    const double weight = figure(component.required("weight"));
    const auto part = read(component.required("law"));
    complete = complete && part;
    if (part) distribution.components.push_back({weight, *part});
  }
  if (!complete) return std::nullopt;
  return distribution;
}

struct DistributionKind {
  std::string_view key;
  std::optional<Distribution> (*read)(const Reader& value);
};

constexpr std::array kDistributionKinds = {DistributionKind{"constant", constant},
                                           DistributionKind{"uniform", uniform},
                                           DistributionKind{"exponential", exponential},
                                           DistributionKind{"lognormal", lognormal},
                                           DistributionKind{"weibull", weibull},
                                           DistributionKind{"gamma", gamma},
                                           DistributionKind{"pareto", pareto},
                                           DistributionKind{"hyperexponential", hyperexponential},
                                           DistributionKind{"empirical", empirical},
                                           DistributionKind{"mixture", mixture}};

constexpr auto kDistributionKeys = keys_of(kDistributionKinds);

std::optional<Distribution> read(const Reader& distribution) {
  if (!distribution.present()) return std::nullopt;
  if (distribution.raw().is_string()) return constant(distribution);
  if (!distribution.raw().is_object() || distribution.raw().size() != 1) {
    distribution.error(fmt::format(
        "expected a distribution: a duration such as \"100ms\", or an object with one key, "
        "such as {{\"exponential\": \"100ms\"}}, got {}",
        distribution.raw().is_object() ? fmt::format("one with {} keys", distribution.raw().size())
                                       : json_input::described(distribution.raw())));
    return std::nullopt;
  }
  const auto [name, value] = distribution.members().front();
  for (const DistributionKind& kind : kDistributionKinds) {
    if (kind.key != name) continue;
    const auto read = kind.read(value);
    return read && report_problems(read->problems(), value) ? read : std::nullopt;
  }
  value.error(
      fmt::format("there is no distribution '{}'{}", name,
                  json_input::alternatives(name, kDistributionKeys, "known", kDistributionKeys)));
  return std::nullopt;
}

}  // namespace

Distribution read_distribution(const Reader& distribution, const Distribution& fallback) {
  return read(distribution).value_or(fallback);
}

}  // namespace quintain::scenarios
