// A capacity plan as a table and as JSON.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "core/base/duration_text.h"
#include "reports/json_parts.h"
#include "reports/page/page.h"
#include "reports/text.h"
#include "study/capacity/capacity.h"

namespace quintain::study {
namespace {

using reports::Json;

constexpr int kSchemaVersion = 1;

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

TimeStatistics times_in(const Json& json) {
  TimeStatistics statistics{};
  for (std::size_t i = 0; i < kTimeStatistics.size(); ++i) {
    json.at(std::string(kTimeStatistics[i])).get_to(statistics[i]);
  }
  return statistics;
}

Json json_of(const CapacityReport& report) {
  Json json = {{"schema_version", kSchemaVersion},
               {"command", report.command},
               {"trace", report.trace},
               {"trace_digest", report.trace_digest},
               {"trace_notes", report.trace_notes},
               {"functions", report.functions},
               {"load", report.capacity.load},
               {"goals", report.goals}};
  const auto& fewest = report.capacity.fewest;
  json["fewest_slots"] = fewest ? Json(*fewest) : Json(nullptr);
  if (report.price > 0) json["price"] = report.price;
  json["points"] = Json::array();
  for (const CapacityPoint& point : report.capacity.points) {
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
  return json;
}

CapacityPoint point_in(const Json& json) {
  CapacityPoint point{.wait = times_in(json.at("wait_s")),
                      .response = times_in(json.at("response_s"))};
  point.slots = reports::read_integer<int>(json.at("slots"));
  point.calls = reports::read_integer<std::int64_t>(json.at("calls"));
  point.refused = reports::read_integer<std::int64_t>(json.at("refused"));
  json.at("busy").get_to(point.busy);
  json.at("waited").get_to(point.waited);
  json.at("estimate_error_s").get_to(point.estimate_error);
  json.at("after_p90").get_to(point.after_p90);
  json.at("slot_hours").get_to(point.slot_hours);
  return point;
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

CapacityReport report_of(const Workload& calls, const Capacity& capacity,
                         const std::vector<CapacityGoal>& goals, double price,
                         const std::string& command) {
  CapacityReport report{.command = command,
                        .trace = calls.name,
                        .trace_digest = fmt::format("{:016x}", calls.trace_digest.value_or(0)),
                        .trace_notes = calls.trace_notes,
                        .functions = std::ssize(calls.loads),
                        .price = price,
                        .capacity = capacity};
  for (const CapacityGoal& goal : goals) report.goals.push_back(goal.text());
  return report;
}

std::string capacity_json(const CapacityReport& report) {
  return reports::dump(json_of(report), 2) + "\n";
}

absl::StatusOr<CapacityReport> capacity_from_json(std::string_view text) try {
  constexpr std::string_view kWhat = "a report of `quintain capacity`";
  const Json json = Json::parse(text);
  CapacityReport report;
  json.at("command").get_to(report.command);
  json.at("trace").get_to(report.trace);
  json.at("trace_digest").get_to(report.trace_digest);
  json.at("trace_notes").get_to(report.trace_notes);
  report.functions = reports::read_integer<std::int64_t>(json.at("functions"));
  json.at("load").get_to(report.capacity.load);
  json.at("goals").get_to(report.goals);
  const Json& fewest = json.at("fewest_slots");
  if (!fewest.is_null()) report.capacity.fewest = reports::read_integer<int>(fewest);
  if (json.contains("price")) json.at("price").get_to(report.price);
  for (const Json& point : json.at("points")) report.capacity.points.push_back(point_in(point));
  if (absl::Status same = reports::check_same(json, json_of(report), kWhat); !same.ok()) {
    return same;
  }
  return report;
} catch (const nlohmann::json::exception& error) {
  return absl::InvalidArgumentError(
      fmt::format("not a report of `quintain capacity`: {}", error.what()));
}

std::string capacity_page(const CapacityReport& report) {
  const PageFrame frame = report_page_frame("Capacity for " + report.trace, /*pictures=*/true);
  return frame.before + "{\"capacity\":" + json_for_script(capacity_json(report)) + "}" +
         frame.after;
}

}  // namespace quintain::study
