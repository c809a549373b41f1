#include "reports/json_parts.h"

namespace quintain::reports {

Json write_wall_clock(const WallClock& wall) {
  Json environment = Json::object();
  for (const auto& [name, value] : wall.environment) environment[name] = value;
  return {{"started_at", wall.started_at},
          {"duration_seconds", number(wall.duration_seconds)},
          {"executions_per_second", number(wall.executions_per_second)},
          {"events_per_second", number(wall.events_per_second)},
          {"jobs", wall.jobs},
          {"environment", std::move(environment)}};
}

absl::StatusOr<Json> parse_config(const std::string& config, std::string_view case_name) {
  Json json = Json::parse(config, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) {
    return absl::InvalidArgumentError(fmt::format("{}: its config is not JSON", case_name));
  }
  return json;
}

WallClock read_wall_clock(const Json& json) {
  WallClock wall;
  wall.started_at = json.at("started_at");
  wall.duration_seconds = read_number(json.at("duration_seconds"));
  wall.executions_per_second = read_number(json.at("executions_per_second"));
  wall.events_per_second = read_number(json.at("events_per_second"));
  wall.jobs = read_integer<int>(json.at("jobs"));
  for (const auto& [name, value] : json.at("environment").items()) {
    wall.environment.emplace_back(name, value);
  }
  return wall;
}

absl::Status check_same(const Json& json, const Json& again, std::string_view what) {
  // nlohmann::json, unlike ordered_json, ignores the order of keys.
  const auto difference = nlohmann::json::diff(nlohmann::json(json), nlohmann::json(again));
  if (difference.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      fmt::format("not {}: wrong at {}", what, difference[0].at("path").get<std::string>()));
}

}  // namespace quintain::reports
