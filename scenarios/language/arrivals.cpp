// Reads arrival processes. The table kKinds at the end maps keys to readers.

#include <array>
#include <chrono>
#include <nlohmann/json.hpp>
#include <string_view>

#include "scenarios/language/names.h"
#include "scenarios/language/readers.h"

namespace quintain::scenarios {

using json_input::ObjectReader;
using json_input::Reader;
namespace {

namespace arrivals = sim::arrivals;
using Arrivals = std::variant<sim::ArrivalSpec, sim::ClosedLoop>;

// Replaces a rate that is absent or wrong, which was reported, so that the process does not report
// it once more.
constexpr double kFallbackRate = 1;

// The load generator has 16 bits for the number of a client.
constexpr int kMaxClients = 65'535;

Arrivals at(const Reader& value, ObjectReader&) {
  return sim::ArrivalSpec(arrivals::AtTimes{
      .times = value.array_of([](const Reader& time) { return core::Instant(time.duration()); })});
}

Arrivals every(const Reader& value, ObjectReader& object) {
  return sim::ArrivalSpec(
      arrivals::Deterministic{.interval = value.duration({}, std::chrono::hours(1)),
                              .start = core::Instant(object.optional("start").duration())});
}

Arrivals poisson(const Reader& value, ObjectReader&) {
  return sim::ArrivalSpec(arrivals::Poisson{.rate = value.number({}, kFallbackRate)});
}

Arrivals diurnal(const Reader& value, ObjectReader&) {
  ObjectReader wave = value.object();
  arrivals::Diurnal spec{};
  spec.mean_rate = wave.required("mean_rate").number({}, kFallbackRate);
  spec.amplitude = wave.required("amplitude").number();
  spec.period = wave.required("period").duration({}, std::chrono::hours(24));
  spec.phase = wave.optional("phase").duration();
  return sim::ArrivalSpec(spec);
}

Arrivals mmpp(const Reader& value, ObjectReader&) {
  arrivals::Mmpp spec;
  for (const Reader& element : value.elements()) {
    ObjectReader state = element.object();
    const double rate = state.required("rate").number({}, kFallbackRate);
    spec.states.push_back(
        {rate, state.required("mean_sojourn").duration({}, std::chrono::hours(1))});
  }
  return sim::ArrivalSpec(spec);
}

Arrivals renewal(const Reader& value, ObjectReader&) {
  return sim::ArrivalSpec(arrivals::Renewal{
      .between = read_distribution(value, sim::distribution::Constant{std::chrono::hours(1)})});
}

Arrivals closed(const Reader& value, ObjectReader&) {
  ObjectReader loop = value.object();
  const Reader think = loop.required("think");
  const int clients = loop.required("clients").integer<int>({1, kMaxClients});
  sim::ClosedLoop spec{
      clients, read_distribution(think, sim::distribution::Constant{std::chrono::hours(1)})};
  // Otherwise calls that are refused at once could be repeated endlessly at one instant.
  if (spec.think.mean_seconds() * sim::kMaxRate < 1) {
    think.error("clients must think 1us or more on average");
  }
  return spec;
}

struct Kind {
  std::string_view key;
  Arrivals (*read)(const Reader& value, ObjectReader& object);
};

constexpr std::array kKinds = {Kind{"at", at},           Kind{"every", every},
                               Kind{"poisson", poisson}, Kind{"diurnal", diurnal},
                               Kind{"mmpp", mmpp},       Kind{"renewal", renewal},
                               Kind{"closed", closed}};
constexpr auto kKeys = keys_of(kKinds);

}  // namespace

Arrivals read_arrivals(const Reader& reader) {
  ObjectReader object = reader.object();
  const auto kind = only_key(reader, object, kKeys);
  if (!kind) return sim::ArrivalSpec{};
  Arrivals arrivals = kKinds[kind->index].read(kind->value, object);
  const auto* open = std::get_if<sim::ArrivalSpec>(&arrivals);
  if (open != nullptr && !report_problems(sim::problems(*open), kind->value)) {
    return sim::ArrivalSpec{};
  }
  return arrivals;
}

}  // namespace quintain::scenarios
