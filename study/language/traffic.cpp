// The readers of "population" and "traffic". Each reports errors at the JSON value that is wrong.
#include "study/language/traffic.h"

#include <fmt/format.h>

#include <array>
#include <chrono>
#include <nlohmann/json.hpp>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

#include "reports/json_input/diagnostics.h"
#include "scenarios/language/names.h"
#include "scenarios/language/readers.h"

namespace quintain::study {
namespace {

constexpr int kMaxFunctions = 10'000;
constexpr double kMaxZipf = 10;
constexpr int kMaxRetries = 100;
/// The fallback after an error.
const sim::Distribution kDefaultScale = sim::distribution::Constant{std::chrono::milliseconds(100)};

/// A number, or the two bounds between which it is drawn.
Spread read_spread(const json_input::Reader& reader, json_input::Range<double> range,
                   double fallback) {
  if (!reader.raw().is_array()) {
    const double number = reader.number(range, fallback);
    return {.low = number, .high = number};
  }
  const auto ends = reader.elements();
  if (ends.size() != 2) {
    reader.error("expected a number or two, as in [0.5, 1.5]");
    return {.low = fallback, .high = fallback};
  }
  const Spread spread{.low = ends[0].number(range, fallback),
                      .high = ends[1].number(range, fallback)};
  if (spread.high < spread.low) ends[1].error("the second number must not be below the first");
  return spread;
}

Population::Lognormal lognormal(const json_input::Reader& value) {
  json_input::ObjectReader object = value.object();
  return {.median = scenarios::read_distribution(object.required("median"), kDefaultScale),
          .sigma = read_spread(object.required("sigma"), {0, 10}, 1),
          .autocorrelation = object.optional("autocorrelation").number({0, 0.9999}, 0)};
}
Population::Pareto pareto(const json_input::Reader& value) {
  json_input::ObjectReader object = value.object();
  return {.minimum = scenarios::read_distribution(object.required("minimum"), kDefaultScale),
          .shape = read_spread(object.required("shape"), {0.1, 100}, 2)};
}
Population::Weibull weibull(const json_input::Reader& value) {
  json_input::ObjectReader object = value.object();
  return {.scale = scenarios::read_distribution(object.required("scale"), kDefaultScale),
          .shape = read_spread(object.required("shape"), {0.1, 100}, 1)};
}
Population::Exponential exponential(const json_input::Reader& value) {
  json_input::ObjectReader object = value.object();
  return {.mean = scenarios::read_distribution(object.required("mean"), kDefaultScale)};
}

void read_service(const json_input::Reader& value, Population& population) {
  constexpr std::array<std::string_view, 4> kKinds = {"lognormal", "pareto", "weibull",
                                                      "exponential"};
  json_input::ObjectReader object = value.object();
  const auto kind = scenarios::only_key(value, object, kKinds);
  if (!kind) return;
  if (kind->index == 0) population.service = lognormal(kind->value);
  if (kind->index == 1) population.service = pareto(kind->value);
  if (kind->index == 2) population.service = weibull(kind->value);
  if (kind->index == 3) population.service = exponential(kind->value);
}

std::optional<sim::Distribution> read_on_stop(const json_input::Reader& on_stop) {
  const sim::Distribution at_once = sim::distribution::Constant{};
  if (!on_stop.present()) return at_once;
  if (on_stop.raw().is_object())
    return scenarios::read_distribution(on_stop.object().required("obeys_after"));
  const bool obeys = on_stop.one_of<bool>({{"obeys", true}, {"ignores", false}});
  return obeys ? std::optional(at_once) : std::nullopt;
}

std::vector<sim::MixedLoad::Priority> read_priorities(const json_input::Reader& priorities) {
  return priorities.array_of([](const json_input::Reader& element) {
    json_input::ObjectReader object = element.object();
    return sim::MixedLoad::Priority{.priority = object.required("priority").integer<std::int64_t>(),
                                    .weight = object.required("weight").number({1e-9, 1e9}, 1)};
  });
}

std::optional<sim::MixedLoad::Cancels> read_cancels(const json_input::Reader& cancels) {
  if (!cancels.present()) return std::nullopt;
  json_input::ObjectReader object = cancels.object();
  return sim::MixedLoad::Cancels{.share = object.required("share").number({0, 1}),
                                 .after = scenarios::read_distribution(object.required("after")),
                                 .force = object.optional("force").boolean()};
}

void read_timeouts(const json_input::Reader& timeouts, Traffic& traffic) {
  if (!timeouts.present()) return;
  if (!timeouts.raw().is_object() || !timeouts.raw().contains("times_mean")) {
    traffic.timeout = scenarios::read_distribution(timeouts);
    return;
  }
  json_input::ObjectReader object = timeouts.object();
  traffic.timeout_factor = read_spread(object.required("times_mean"), {0.001, 1e6}, 10);
}

}  // namespace

Population read_population(const json_input::Reader& reader) {
  Population population{.service = Population::Exponential{kDefaultScale}};
  json_input::ObjectReader object = reader.object();
  population.functions = object.required("functions").integer<int>({1, kMaxFunctions});
  population.seed = object.optional("seed").integer<std::uint64_t>({}, population.seed);
  read_service(object.required("service"), population);
  population.zipf = object.optional("zipf").number({0, kMaxZipf}, population.zipf);
  sim::FunctionModel& common = population.common;
  common.cold_start =
      scenarios::read_distribution(object.optional("cold_start"), common.cold_start);
  common.failure_probability = object.optional("failure_probability").number({0, 1});
  common.hang_probability = object.optional("hang_probability").number({0, 1});
  common.instance_limit = object.optional("instance_limit").integer<int>({0, 100'000});
  common.obeys_stop_after = read_on_stop(object.optional("on_stop"));
  return population;
}

Traffic read_traffic(const json_input::Reader& reader) {
  Traffic traffic;
  json_input::ObjectReader object = reader.object();
  const json_input::Reader arrivals = object.required("arrivals");
  auto spec = scenarios::read_arrivals(arrivals);
  if (std::holds_alternative<sim::ClosedLoop>(spec)) {
    arrivals.error("traffic arrives independently of earlier calls; give an open process");
  } else {
    traffic.arrivals = std::get<sim::ArrivalSpec>(std::move(spec));
  }
  const json_input::Reader load = object.optional("load");
  if (load.present()) traffic.load = load.number({0.001, 100}, 0.5);
  traffic.priorities = read_priorities(object.optional("priorities"));
  traffic.cancels = read_cancels(object.optional("cancels"));
  traffic.retries = object.optional("retries").integer<int>({0, kMaxRetries});
  read_timeouts(object.optional("timeout"), traffic);
  return traffic;
}

std::optional<double> mean_rate(const sim::ArrivalSpec& spec) {
  namespace arrivals = sim::arrivals;
  const auto seconds = [](core::Duration d) { return std::chrono::duration<double>(d).count(); };
  return std::visit(
      [&](const auto& process) -> std::optional<double> {
        using Process = std::decay_t<decltype(process)>;
        if constexpr (std::is_same_v<Process, arrivals::Deterministic>) {
          return 1 / seconds(process.interval);
        } else if constexpr (std::is_same_v<Process, arrivals::Poisson>) {
          return process.rate;
        } else if constexpr (std::is_same_v<Process, arrivals::Diurnal>) {
          return process.mean_rate;
        } else if constexpr (std::is_same_v<Process, arrivals::Mmpp>) {
          double calls = 0;
          double time = 0;
          for (const auto& state : process.states) {
            calls += state.rate * seconds(state.mean_sojourn);
            time += seconds(state.mean_sojourn);
          }
          return calls / time;
        } else if constexpr (std::is_same_v<Process, arrivals::Renewal>) {
          return 1 / process.between.mean_seconds();
        } else {
          return std::nullopt;
        }
      },
      spec);
}

}  // namespace quintain::study
