// A capacity plan as a table and as JSON.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "core/base/duration_text.h"
#include "reports/page/page.h"
#include "reports/text.h"
#include "study/capacity/capacity.h"

namespace quintain::study {
namespace {

using Json = nlohmann::ordered_json;

// "12.3 s" in the unit that fits, aligned to the right.
std::string time_text(double seconds) {
  if (seconds == 0) return "0";
  if (seconds < 1e-3) return fmt::format("{:.3g} us", seconds * 1e6);
  if (seconds < 1) return fmt::format("{:.3g} ms", seconds * 1e3);
  if (seconds < 1e3) return fmt::format("{:.3g} s", seconds);
  return fmt::format("{:.0f} s", seconds);
}

std::size_t statistic(std::string_view name) {
  for (std::size_t i = 0; i < kTimeStatistics.size(); ++i) {
    if (kTimeStatistics[i] == name) return i;
  }
  return 0;
}

std::string goals_text(const std::vector<CapacityGoal>& goals) {
  std::string text;
  for (const CapacityGoal& goal : goals) text += (text.empty() ? "" : ", ") + goal.text();
  return text;
}

Json times(const TimeStatistics& statistics) {
  Json json;
  for (std::size_t i = 0; i < kTimeStatistics.size(); ++i) {
    json[std::string(kTimeStatistics[i])] = statistics[i];
  }
  return json;
}

}  // namespace

std::string render_capacity(const Workload& calls, const Capacity& capacity,
                            const std::vector<CapacityGoal>& goals, double price) {
  std::string text = fmt::format(
      "{}: the calls of {} keep {:.4g} slots busy on average\n\n", reports::printable(calls.name),
      reports::count(std::ssize(calls.loads), "function", "functions"), capacity.load);
  text += fmt::format(
      "{:>6} {:>6} {:>7} | {:>8} {:>8} {:>8} | {:>8} {:>8} {:>8} | {:>8} {:>6} | {:>10}\n", "", "",
      "", "wait", "", "", "response", "", "", "estimate", "after", "");
  text += fmt::format(
      "{:>6} {:>6} {:>7} | {:>8} {:>8} {:>8} | {:>8} {:>8} {:>8} | {:>8} {:>6} | {:>10}\n", "slots",
      "busy", "waited", "p50", "p95", "p99", "p50", "p95", "p99", "error", "p90",
      price > 0 ? "price" : "slot-hours");
  for (const CapacityPoint& point : capacity.points) {
    const auto wait = [&](std::string_view name) { return time_text(point.wait[statistic(name)]); };
    const auto response = [&](std::string_view name) {
      return time_text(point.response[statistic(name)]);
    };
    text += fmt::format(
        "{:>6} {:>5.1f}% {:>6.1f}% | {:>8} {:>8} {:>8} | {:>8} {:>8} {:>8} | {:>8} {:>5.1f}% | "
        "{:>10.5g}{}{}\n",
        point.slots, 100 * point.busy, 100 * point.waited, wait("p50"), wait("p95"), wait("p99"),
        response("p50"), response("p95"), response("p99"), time_text(point.estimate_error),
        100 * point.after_p90, price > 0 ? price * point.slot_hours : point.slot_hours,
        point.refused > 0 ? fmt::format("  {} refused", point.refused) : "",
        capacity.fewest == point.slots ? "  <" : "");
  }
  if (goals.empty()) return text;
  if (capacity.fewest) {
    return text + fmt::format("\n{} {} the fewest with {}\n", *capacity.fewest,
                              *capacity.fewest == 1 ? "slot is" : "slots are", goals_text(goals));
  }
  text += fmt::format("\nno number of slots here reaches {}\n", goals_text(goals));
  const CapacityPoint& most = capacity.points.back();
  if (most.refused > 0) text += "where calls are refused, no goal is reached\n";
  for (const CapacityGoal& goal : goals) {
    if (!goal.met(most)) {
      text += fmt::format("with {}, {} is {}\n", reports::count(most.slots, "slot", "slots"),
                          goal.name(), time_text(goal.value(most)));
    }
  }
  return text;
}

std::string capacity_json(const Workload& calls, const Capacity& capacity,
                          const std::vector<CapacityGoal>& goals, double price,
                          const std::string& command) {
  Json json = {{"schema_version", 1},
               {"command", command},
               {"trace", calls.name},
               {"trace_digest", fmt::format("{:016x}", calls.trace_digest.value_or(0))},
               {"trace_notes", calls.trace_notes},
               {"functions", calls.loads.size()},
               {"load", capacity.load}};
  json["goals"] = Json::array();
  for (const CapacityGoal& goal : goals) json["goals"].push_back(goal.text());
  json["fewest_slots"] = capacity.fewest ? Json(*capacity.fewest) : Json(nullptr);
  if (price > 0) json["price"] = price;
  json["points"] = Json::array();
  for (const CapacityPoint& point : capacity.points) {
    json["points"].push_back({{"slots", point.slots},
                              {"calls", point.calls},
                              {"refused", point.refused},
                              {"busy", point.busy},
                              {"waited", point.waited},
                              {"wait_s", times(point.wait)},
                              {"response_s", times(point.response)},
                              {"estimate_error_s", point.estimate_error},
                              {"after_p90", point.after_p90},
                              {"slot_hours", point.slot_hours}});
  }
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string capacity_page(const Workload& calls, const std::string& json) {
  const PageFrame frame = report_page_frame("Capacity for " + calls.name, /*pictures=*/true);
  return frame.before + "{\"capacity\":" + json_for_script(json) + "}" + frame.after;
}

}  // namespace quintain::study
