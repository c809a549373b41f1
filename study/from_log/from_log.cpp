#include "study/from_log/from_log.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <chrono>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>
#include <utility>
#include <vector>

#include "core/base/duration_text.h"

namespace quintain::study {
namespace {

using Json = nlohmann::ordered_json;

// The calls of one function of the study.
struct LoggedFunction {
  std::string name;
  std::vector<core::Duration> arrivals;
  std::vector<core::Duration> durations;
  std::int64_t failed = 0;
};

// The functions, the most called first; those beyond the limit are the last one together.
std::vector<LoggedFunction> calls_by_function(const sim::CallLog& log, std::size_t most) {
  std::vector<LoggedFunction> functions(log.functions.size());
  for (std::size_t i = 0; i < functions.size(); ++i) functions[i].name = log.functions[i];
  std::vector<std::size_t> order(functions.size());
  std::vector<std::int64_t> counts(functions.size());
  for (const sim::CallLog::Call& call : log.calls) ++counts[call.function];
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order,
                           [&](std::size_t a, std::size_t b) { return counts[a] > counts[b]; });
  std::vector<LoggedFunction> kept;
  std::vector<std::size_t> place(functions.size());
  for (std::size_t rank = 0; rank < order.size(); ++rank) {
    if (kept.size() < most) kept.push_back(std::move(functions[order[rank]]));
    place[order[rank]] = kept.size() - 1;
  }
  if (order.size() > most) kept.back().name = fmt::format("{} others", order.size() - most + 1);
  for (const sim::CallLog::Call& call : log.calls) {
    LoggedFunction& calls = kept[place[call.function]];
    calls.arrivals.push_back(call.arrival);
    calls.durations.push_back(call.duration);
    calls.failed += call.failed;
  }
  return kept;
}

Json duration_json(double nanoseconds) {
  return core::format_duration(core::Duration(std::llround(nanoseconds)));
}

// A distribution with the quantiles of the values and exactly their mean, but for rounding.
Json distribution_json(std::vector<core::Duration> values) {
  assert(!values.empty());
  std::ranges::sort(values);
  const auto count = static_cast<double>(values.size());
  if (values.front() == values.back()) {
    return {{"constant", duration_json(static_cast<double>(values.front().count()))}};
  }
  constexpr double kLevels[] = {0,   0.05, 0.1, 0.2,  0.3,  0.4,  0.5,   0.6,
                                0.7, 0.8,  0.9, 0.95, 0.98, 0.99, 0.995, 1};
  std::vector<std::pair<double, double>> points;
  for (const double level : kLevels) {
    const double at = level * (count - 1);
    const auto below = static_cast<std::size_t>(at);
    const auto low = static_cast<double>(values[below].count());
    const auto high = static_cast<double>(values[std::min(below + 1, values.size() - 1)].count());
    points.emplace_back(level, low + (at - static_cast<double>(below)) * (high - low));
  }
  // Between the points the quantile function is linear, which changes the mean of long tails.
  double mean = 0;
  for (std::size_t i = 1; i < points.size(); ++i) {
    mean += (points[i].first - points[i - 1].first) * (points[i].second + points[i - 1].second) / 2;
  }
  const double wanted = std::accumulate(values.begin(), values.end(), 0.0,
                                        [](double sum, core::Duration value) {
                                          return sum + static_cast<double>(value.count());
                                        }) /
                        count;
  Json written = Json::array();
  for (const auto& [level, value] : points) {
    written.push_back(Json::array({level, duration_json(value * wanted / mean)}));
  }
  return {{"empirical", std::move(written)}};
}

// The times between calls; the log's span if there is one call.
std::vector<core::Duration> intervals_of(const LoggedFunction& calls, core::Duration span) {
  std::vector<core::Duration> times;
  for (std::size_t i = 1; i < calls.arrivals.size(); ++i) {
    times.push_back(calls.arrivals[i] - calls.arrivals[i - 1]);
  }
  // A process whose calls all come at once has no rate.
  if (times.empty() || std::ranges::all_of(times, [](auto time) { return time.count() == 0; })) {
    return {std::max(span, core::Duration(std::chrono::seconds(1)))};
  }
  return times;
}

std::vector<core::Duration> halved_intervals(std::vector<core::Duration> times) {
  for (core::Duration& time : times) time = std::max(time / 2, core::Duration(time.count() > 0));
  return times;
}

}  // namespace

std::string study_from_log(const sim::CallLog& log, const LogStudyOptions& options) {
  assert(!log.calls.empty());
  const core::Duration span =
      std::max(log.calls.back().arrival, core::Duration(std::chrono::seconds(1)));
  const std::vector<LoggedFunction> functions = calls_by_function(log, options.most_functions);
  Json described = Json::object();
  Json loads = Json::array();
  Json dense = Json::array();
  for (const LoggedFunction& calls : functions) {
    Json function = {{"service", distribution_json(calls.durations)}};
    if (calls.failed > 0) {
      function["failure_probability"] =
          static_cast<double>(calls.failed) / static_cast<double>(calls.arrivals.size());
    }
    described[calls.name] = std::move(function);
    const auto load = [&](std::vector<core::Duration> times) -> Json {
      return {{"invoke", calls.name},
              {"mode", "async"},
              {"arrivals", {{"renewal", distribution_json(std::move(times))}}},
              {"until", core::format_duration(span)}};
    };
    const std::vector<core::Duration> times = intervals_of(calls, span);
    loads.push_back(load(times));
    dense.push_back(load(halved_intervals(times)));
  }
  const auto redrawn = [&](const char* name, const char* about, Json some) -> Json {
    return {{"name", name}, {"about", about}, {"functions", described}, {"loads", std::move(some)}};
  };
  // No call of a log is refused or cut off.
  const Json study = {
      {"about", fmt::format("How well the ends of the calls in {} are estimated: {} calls of {} "
                            "functions within {}",
                            options.trace, log.calls.size(), log.functions.size(),
                            core::format_duration(span))},
      {"node",
       {{"slots", options.slots},
        {"queue_limit", 1'000'000},
        {"timeout", {{"async_default", "2400h"}}}}},
      {"warm_up", std::min<std::size_t>(500, log.calls.size() / 5)},
      {"replications", 4},
      {"workloads",
       {{{"name", "as-recorded"},
         {"about", "the calls of the log, as they came"},
         {"trace", {{"folder", options.trace}, {"mode", "async"}}}},
        redrawn("redrawn", "calls with the same distributions, independent of each other",
                std::move(loads)),
        redrawn("twice-the-load", "the same at half the intervals", std::move(dense))}}};
  return study.dump(2) + "\n";
}

}  // namespace quintain::study
