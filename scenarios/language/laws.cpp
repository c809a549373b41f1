#include "scenarios/language/laws.h"

#include <fmt/format.h>

#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <vector>

#include "scenarios/json/wording.h"

namespace quintain::scenarios {
namespace {

using sim::Distribution;
namespace law = sim::law;

// Each reads the value of one law's key. Nothing: a problem inside of it was reported, and what the
// law as a whole would complain of follows from it.
using Parameters = std::optional<Distribution> (*)(const Reader&);

std::optional<Distribution> constant(const Reader& value) {
  return law::Constant{.value = value.duration()};
}

std::optional<Distribution> uniform(const Reader& value) {
  const auto ends = value.elements();
  if (ends.size() == 2) {
    return law::Uniform{.low = ends[0].duration(), .high = ends[1].duration()};
  }
  if (value.raw().is_array()) value.error("expected the two ends, as in [\"1ms\", \"5ms\"]");
  return std::nullopt;
}

std::optional<Distribution> exponential(const Reader& value) {
  return law::Exponential{.mean = value.duration()};
}

std::optional<Distribution> lognormal(const Reader& value) {
  ObjectReader object = value.object();
  const Reader mean = object.optional("mean");
  const Reader scv = object.optional("scv");
  const Reader mu = object.optional("mu");
  const Reader sigma = object.optional("sigma");
  if (mean.present() && scv.present() && !mu.present() && !sigma.present()) {
    return law::LognormalByMean{.mean = mean.duration(), .scv = scv.number()};
  }
  if (mu.present() && sigma.present() && !mean.present() && !scv.present()) {
    return law::Lognormal{.mu = mu.number(), .sigma = sigma.number()};
  }
  if (value.raw().is_object()) {
    value.error("a lognormal law has either 'mean' and 'scv' or 'mu' and 'sigma'");
  }
  return std::nullopt;
}

std::optional<Distribution> weibull(const Reader& value) {
  ObjectReader object = value.object();
  const double shape = object.required("shape").number();
  return law::Weibull{.shape = shape, .scale = object.required("scale").duration()};
}

std::optional<Distribution> gamma(const Reader& value) {
  ObjectReader object = value.object();
  const double shape = object.required("shape").number();
  return law::Gamma{.shape = shape, .mean = object.required("mean").duration()};
}

std::optional<Distribution> pareto(const Reader& value) {
  ObjectReader object = value.object();
  const double shape = object.required("shape").number();
  return law::Pareto{.shape = shape, .minimum = object.required("minimum").duration()};
}

std::optional<Distribution> hyperexponential(const Reader& value) {
  law::Hyperexponential law;
  for (const Reader& element : value.elements()) {
    ObjectReader branch = element.object();
    const double probability = branch.required("probability").number();
    law.branches.push_back({probability, branch.required("mean").duration()});
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
    const double p = point[0].number();
    law.points.push_back({p, point[1].duration()});
  }
  return law;
}

std::optional<Distribution> read(const Reader& law);

std::optional<Distribution> mixture(const Reader& value) {
  law::Mixture law;
  bool complete = true;
  for (const Reader& element : value.elements()) {
    ObjectReader component = element.object();
    const double weight = component.required("weight").number();
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

std::optional<Distribution> sound(const Reader& place, std::optional<Distribution> law) {
  if (!law || law->problems().empty()) return law;
  for (const std::string& problem : law->problems()) place.error(problem);
  return std::nullopt;
}

std::optional<Distribution> read(const Reader& law) {
  if (!law.present()) return std::nullopt;
  if (law.raw().is_string()) return constant(law);
  if (!law.raw().is_object() || law.raw().size() != 1) {
    law.error(
        fmt::format("expected a law: a duration such as \"100ms\", or an object with one key, "
                    "such as {{\"exponential\": \"100ms\"}}, got {}",
                    law.raw().is_object() ? fmt::format("one with {}", law.raw().size())
                                          : described(law.raw())));
    return std::nullopt;
  }
  const auto [name, value] = law.members().front();
  for (const Kind& kind : kKinds) {
    if (kind.name == name) return sound(value, kind.read(value));
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
