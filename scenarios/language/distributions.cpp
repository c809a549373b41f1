#include "scenarios/language/distributions.h"

#include <fmt/format.h>

#include <array>
#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <vector>

#include "reports/json_input/wording.h"
#include "scenarios/language/names.h"

namespace quintain::scenarios {
namespace {

using sim::Distribution;
namespace distribution = sim::distribution;

// A parameter that is missing or wrong was reported; a value that suits every distribution goes on
// in its place, so that the distribution does not print_error of it too.
core::Duration length(const json_input::Reader& parameter) {
  return parameter.duration({}, std::chrono::seconds(1));
}
double figure(const json_input::Reader& parameter) { return parameter.number({}, 1); }

// Each reads the value of one distribution's key. Nothing: a problem inside of it was reported, and
// what the distribution as a whole would print_error of follows from it.
using Parameters = std::optional<Distribution> (*)(const json_input::Reader&);

std::optional<Distribution> constant(const json_input::Reader& value) {
  return distribution::Constant{.value = length(value)};
}

std::optional<Distribution> uniform(const json_input::Reader& value) {
  const auto ends = value.elements();
  if (ends.size() == 2) {
    return distribution::Uniform{.low = length(ends[0]), .high = length(ends[1])};
  }
  if (value.raw().is_array()) value.error("expected the two ends, as in [\"1ms\", \"5ms\"]");
  return std::nullopt;
}

std::optional<Distribution> exponential(const json_input::Reader& value) {
  return distribution::Exponential{.mean = length(value)};
}

std::optional<Distribution> lognormal(const json_input::Reader& value) {
  json_input::ObjectReader object = value.object();
  const json_input::Reader mean = object.optional("mean");
  const json_input::Reader scv = object.optional("scv");
  const json_input::Reader mu = object.optional("mu");
  const json_input::Reader sigma = object.optional("sigma");
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

std::optional<Distribution> weibull(const json_input::Reader& value) {
  json_input::ObjectReader object = value.object();
  const double shape = figure(object.required("shape"));
  return distribution::Weibull{.shape = shape, .scale = length(object.required("scale"))};
}

std::optional<Distribution> gamma(const json_input::Reader& value) {
  json_input::ObjectReader object = value.object();
  const double shape = figure(object.required("shape"));
  return distribution::Gamma{.shape = shape, .mean = length(object.required("mean"))};
}

std::optional<Distribution> pareto(const json_input::Reader& value) {
  json_input::ObjectReader object = value.object();
  const double shape = figure(object.required("shape"));
  return distribution::Pareto{.shape = shape, .minimum = length(object.required("minimum"))};
}

std::optional<Distribution> hyperexponential(const json_input::Reader& value) {
  distribution::Hyperexponential distribution;
  for (const json_input::Reader& element : value.elements()) {
    json_input::ObjectReader branch = element.object();
    const double probability = figure(branch.required("probability"));
    distribution.branches.push_back({probability, length(branch.required("mean"))});
  }
  return distribution;
}

std::optional<Distribution> empirical(const json_input::Reader& value) {
  distribution::Empirical distribution;
  for (const json_input::Reader& element : value.elements()) {
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

std::optional<Distribution> read(const json_input::Reader& distribution);

std::optional<Distribution> mixture(const json_input::Reader& value) {
  distribution::Mixture distribution;
  bool complete = true;
  for (const json_input::Reader& element : value.elements()) {
    json_input::ObjectReader component = element.object();
    const double weight = figure(component.required("weight"));
    const auto part = read(component.required("law"));
    complete = complete && part;
    if (part) distribution.components.push_back({weight, *part});
  }
  if (!complete) return std::nullopt;
  return distribution;
}

struct Kind {
  std::string_view name;
  Parameters read;
};

constexpr std::array kKinds = {
    Kind{"constant", constant},       Kind{"uniform", uniform},
    Kind{"exponential", exponential}, Kind{"lognormal", lognormal},
    Kind{"weibull", weibull},         Kind{"gamma", gamma},
    Kind{"pareto", pareto},           Kind{"hyperexponential", hyperexponential},
    Kind{"empirical", empirical},     Kind{"mixture", mixture}};

constexpr auto kKindNames = [] {
  std::array<std::string_view, kKinds.size()> names;
  for (std::size_t i = 0; i < names.size(); ++i) names[i] = kKinds[i].name;
  return names;
}();

std::optional<Distribution> read(const json_input::Reader& distribution) {
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
  for (const Kind& kind : kKinds) {
    if (kind.name != name) continue;
    const auto read = kind.read(value);
    return read && report(read->problems(), value) ? read : std::nullopt;
  }
  value.error(fmt::format("there is no distribution '{}'{}", name,
                          json_input::alternatives(name, kKindNames, "known", kKindNames)));
  return std::nullopt;
}

}  // namespace

Distribution read_distribution(const json_input::Reader& distribution,
                               const Distribution& fallback) {
  return read(distribution).value_or(fallback);
}

}  // namespace quintain::scenarios
