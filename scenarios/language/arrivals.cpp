#include "scenarios/language/arrivals.h"

#include <fmt/format.h>

#include <array>
#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

#include "scenarios/language/distributions.h"
#include "scenarios/language/names.h"

namespace quintain::scenarios {
namespace {

namespace arrivals = sim::arrivals;
using Arrivals = std::variant<sim::ArrivalSpec, sim::ClosedLoop>;

// What stands for a rate that is missing or wrong, so that its process does not print_error of it
// too.
constexpr double kSomeRate = 1;

// The load generator numbers its clients with 16 bits.
constexpr int kMaxClients = 65'535;

sim::ArrivalSpec at(const json_input::Reader& value, json_input::ObjectReader&) {
  return arrivals::AtTimes{.times = value.array_of([](const json_input::Reader& time) {
    return core::Instant(time.duration());
  })};
}

sim::ArrivalSpec every(const json_input::Reader& value, json_input::ObjectReader& object) {
  return arrivals::Deterministic{.interval = value.duration({}, std::chrono::hours(1)),
                                 .start = core::Instant(object.optional("start").duration())};
}

sim::ArrivalSpec poisson(const json_input::Reader& value, json_input::ObjectReader&) {
  return arrivals::Poisson{.rate = value.number({}, kSomeRate)};
}

sim::ArrivalSpec diurnal(const json_input::Reader& value, json_input::ObjectReader&) {
  json_input::ObjectReader wave = value.object();
  arrivals::Diurnal spec{};
  spec.mean_rate = wave.required("mean_rate").number({}, kSomeRate);
  spec.amplitude = wave.required("amplitude").number();
  spec.period = wave.required("period").duration({}, std::chrono::hours(24));
  spec.phase = wave.optional("phase").duration();
  return spec;
}

sim::ArrivalSpec mmpp(const json_input::Reader& value, json_input::ObjectReader&) {
  arrivals::Mmpp spec;
  for (const json_input::Reader& element : value.elements()) {
    json_input::ObjectReader state = element.object();
    const double rate = state.required("rate").number({}, kSomeRate);
    spec.states.push_back(
        {rate, state.required("mean_sojourn").duration({}, std::chrono::hours(1))});
  }
  return spec;
}

sim::ArrivalSpec renewal(const json_input::Reader& value, json_input::ObjectReader&) {
  return arrivals::Renewal{
      .between = read_distribution(value, sim::distribution::Constant{std::chrono::hours(1)})};
}

sim::ClosedLoop closed(const json_input::Reader& value) {
  json_input::ObjectReader loop = value.object();
  const json_input::Reader think = loop.required("think");
  const int clients = loop.required("clients").integer<int>({1, kMaxClients});
  sim::ClosedLoop spec{
      clients, read_distribution(think, sim::distribution::Constant{std::chrono::hours(1)})};
  // Else time might stand still while calls are refused on and on.
  if (spec.think.mean_seconds() * sim::kHighestRate < 1) {
    think.error("clients must think 1us or more on average");
  }
  return spec;
}

struct Kind {
  std::string_view key;
  sim::ArrivalSpec (*read)(const json_input::Reader&, json_input::ObjectReader&);
};

constexpr std::array kOpen = {Kind{"at", at},           Kind{"every", every},
                              Kind{"poisson", poisson}, Kind{"diurnal", diurnal},
                              Kind{"mmpp", mmpp},       Kind{"renewal", renewal}};

constexpr auto kKeys = [] {
  std::array<std::string_view, kOpen.size() + 1> keys;
  for (std::size_t i = 0; i < kOpen.size(); ++i) keys[i] = kOpen[i].key;
  keys.back() = "closed";
  return keys;
}();

}  // namespace

Arrivals read_arrivals(const json_input::Reader& reader) {
  json_input::ObjectReader object = reader.object();
  const auto kind = only_key(reader, object, kKeys);
  if (!kind) return sim::ArrivalSpec{};
  if (kind->index == kOpen.size()) return closed(kind->value);
  const sim::ArrivalSpec spec = kOpen[kind->index].read(kind->value, object);
  return report(sim::problems(spec), kind->value) ? spec : sim::ArrivalSpec{};
}

}  // namespace quintain::scenarios
