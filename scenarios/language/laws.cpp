#include "scenarios/language/laws.h"

#include <fmt/format.h>

#include <array>
#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <vector>

#include "scenarios/json/wording.h"
#include "scenarios/language/names.h"

namespace quintain::scenarios {
namespace {

using sim::Distribution;
namespace law = sim::law;

// A parameter that is missing or wrong was reported; a value that suits every law goes on in its
// place, so that the law does not complain of it too.
core::Duration length(const Reader& parameter) {
  return parameter.duration({}, std::chrono::seconds(1));
}
double figure(const Reader& parameter) { return parameter.number({}, 1); }

// Each reads the value of one law's key. Nothing: a problem inside of it was reported, and what the
// law as a whole would complain of follows from it.
using Parameters = std::optional<Distribution> (*)(const Reader&);

std::optional<Distribution> constant(const Reader& value) {
  return law::Constant{.value = length(value)};
}

std::optional<Distribution> uniform(const Reader& value) {
  const auto ends = value.elements();
  if (ends.size() == 2) {
    return law::Uniform{.low = length(ends[0]), .high = length(ends[1])};
  }
  if (value.raw().is_array()) value.error("expected the two ends, as in [\"1ms\", \"5ms\"]");
  return std::nullopt;
}

std::optional<Distribution> exponential(const Reader& value) {
  return law::Exponential{.mean = length(value)};
}

std::optional<Distribution> lognormal(const Reader& value) {
  ObjectReader object = value.object();
  const Reader mean = object.optional("mean");
  const Reader scv = object.optional("scv");
  const Reader mu = object.optional("mu");
  const Reader sigma = object.optional("sigma");
  if (mean.present() && scv.present() && !mu.present() && !sigma.present()) {
    return law::LognormalByMean{.mean = length(mean), .scv = figure(scv)};
  }
  if (mu.present() && sigma.present() && !mean.present() && !scv.present()) {
    return law::Lognormal{.mu = figure(mu), .sigma = figure(sigma)};
  }
  if (value.raw().is_object()) {
    value.error("a lognormal law has either 'mean' and 'scv' or 'mu' and 'sigma'");
  }
  return std::nullopt;
}

std::optional<Distribution> weibull(const Reader& value) {
  ObjectReader object = value.object();
  const double shape = figure(object.required("shape"));
  return law::Weibull{.shape = shape, .scale = length(object.required("scale"))};
}

std::optional<Distribution> gamma(const Reader& value) {
  ObjectReader object = value.object();
  const double shape = figure(object.required("shape"));
  return law::Gamma{.shape = shape, .mean = length(object.required("mean"))};
}

std::optional<Distribution> pareto(const Reader& value) {
  ObjectReader object = value.object();
  const double shape = figure(object.required("shape"));
  return law::Pareto{.shape = shape, .minimum = length(object.required("minimum"))};
}

std::optional<Distribution> hyperexponential(const Reader& value) {
  law::Hyperexponential law;
  for (const Reader& element : value.elements()) {
    ObjectReader branch = element.object();
    const double probability = figure(branch.required("probability"));
    law.branches.push_back({probability, length(branch.required("mean"))});
  }
  return law;
}

std::optional<Distribution> empirical(const Reader& value) {
  law::Empirical law;
  for (const Reader& element : value.elements()) {
    const auto point = element.elements();
    if (point.size() != 2) {
      if (element.raw().is_array()) {
        element.error("a point is a probability and a duration, as in [0.5, \"3ms\"]");
      }
      return std::nullopt;
    }
    const double p = figure(point[0]);
    law.points.push_back({p, length(point[1])});
    if (!point[0].raw().is_number() || !point[1].raw().is_string()) return std::nullopt;
  }
  return law;
}

std::optional<Distribution> read(const Reader& law);

std::optional<Distribution> mixture(const Reader& value) {
  law::Mixture law;
  bool complete = true;
  for (const Reader& element : value.elements()) {
    ObjectReader component = element.object();
    const double weight = figure(component.required("weight"));
    const auto part = read(component.required("law"));
    complete = complete && part;
    if (part) law.components.push_back({weight, *part});
  }
  if (!complete) return std::nullopt;
  return law;
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

std::optional<Distribution> read(const Reader& law) {
  if (!law.present()) return std::nullopt;
  if (law.raw().is_string()) return constant(law);
  if (!law.raw().is_object() || law.raw().size() != 1) {
    law.error(
        fmt::format("expected a law: a duration such as \"100ms\", or an object with one key, "
                    "such as {{\"exponential\": \"100ms\"}}, got {}",
                    law.raw().is_object() ? fmt::format("one with {} keys", law.raw().size())
                                          : described(law.raw())));
    return std::nullopt;
  }
  const auto [name, value] = law.members().front();
  for (const Kind& kind : kKinds) {
    if (kind.name != name) continue;
    const auto distribution = kind.read(value);
    return distribution && report(distribution->problems(), value) ? distribution : std::nullopt;
  }
  value.error(fmt::format("there is no law '{}'{}", name,
                          alternatives(name, kKindNames, "known", kKindNames)));
  return std::nullopt;
}

}  // namespace

Distribution read_law(const Reader& law, const Distribution& fallback) {
  return read(law).value_or(fallback);
}

}  // namespace quintain::scenarios
