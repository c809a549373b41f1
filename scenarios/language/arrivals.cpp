#include "scenarios/language/arrivals.h"

#include <fmt/format.h>

#include <array>
#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

#include "scenarios/language/laws.h"
#include "scenarios/language/names.h"

namespace quintain::scenarios {
namespace {

namespace arrivals = sim::arrivals;
using Arrivals = std::variant<sim::ArrivalSpec, sim::ClosedLoop>;

// What stands for a rate that is missing or wrong, so that its process does not complain of it too.
constexpr double kSomeRate = 1;

// The load generator numbers its clients with 16 bits.
constexpr int kMostClients = 65'535;

sim::ArrivalSpec at(const Reader& value, ObjectReader&) {
  return arrivals::AtTimes{
      .times = value.array_of([](const Reader& time) { return core::Instant(time.duration()); })};
}

sim::ArrivalSpec every(const Reader& value, ObjectReader& object) {
  return arrivals::Deterministic{.interval = value.duration({}, std::chrono::hours(1)),
                                 .start = core::Instant(object.optional("start").duration())};
}

sim::ArrivalSpec poisson(const Reader& value, ObjectReader&) {
  return arrivals::Poisson{.rate = value.number({}, kSomeRate)};
}

sim::ArrivalSpec diurnal(const Reader& value, ObjectReader&) {
  ObjectReader wave = value.object();
  arrivals::Diurnal spec{};
  spec.mean_rate = wave.required("mean_rate").number({}, kSomeRate);
  spec.amplitude = wave.required("amplitude").number();
  spec.period = wave.required("period").duration({}, std::chrono::hours(24));
  spec.phase = wave.optional("phase").duration();
  return spec;
}

sim::ArrivalSpec mmpp(const Reader& value, ObjectReader&) {
  arrivals::Mmpp spec;
  for (const Reader& element : value.elements()) {
    ObjectReader state = element.object();
    const double rate = state.required("rate").number({}, kSomeRate);
    spec.states.push_back(
        {rate, state.required("mean_sojourn").duration({}, std::chrono::hours(1))});
  }
  return spec;
}

sim::ArrivalSpec renewal(const Reader& value, ObjectReader&) {
  return arrivals::Renewal{.between = read_law(value, sim::law::Constant{std::chrono::hours(1)})};
}

sim::ClosedLoop closed(const Reader& value) {
  ObjectReader loop = value.object();
  const Reader think = loop.required("think");
  const int clients = loop.required("clients").integer<int>({1, kMostClients});
  sim::ClosedLoop spec{clients, read_law(think, sim::law::Constant{std::chrono::hours(1)})};
  // Else time might stand still while calls are refused on and on.
  if (spec.think.mean_seconds() * sim::kHighestRate < 1) {
    think.error("clients must think 1us or more on average");
  }
  return spec;
}

struct Kind {
  std::string_view key;
  sim::ArrivalSpec (*read)(const Reader&, ObjectReader&);
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

Arrivals read_arrivals(const Reader& reader) {
  ObjectReader object = reader.object();
  const auto kind = only_key(reader, object, kKeys);
  if (!kind) return sim::ArrivalSpec{};
  if (kind->index == kOpen.size()) return closed(kind->value);
  const sim::ArrivalSpec spec = kOpen[kind->index].read(kind->value, object);
  return report(sim::problems(spec), kind->value) ? spec : sim::ArrivalSpec{};
}

}  // namespace quintain::scenarios
