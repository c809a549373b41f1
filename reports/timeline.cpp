// Timelines as JSON.
#include "reports/timeline.h"

#include "reports/json_parts.h"

namespace quintain::reports {
namespace {

void add_time(Json& json, const char* key, const std::optional<std::chrono::nanoseconds>& time) {
  if (time) json[key] = time->count();
}

std::chrono::nanoseconds read_time(const Json& json) {
  return std::chrono::nanoseconds(read_integer<std::int64_t>(json));
}

std::optional<std::chrono::nanoseconds> read_optional_time(const Json& json, const char* key) {
  if (!json.contains(key)) return std::nullopt;
  return read_time(json.at(key));
}

Json write_attempt(const Attempt& attempt) {
  Json json = {{"start_ns", attempt.start.count()}, {"cold_start", attempt.cold_start}};
  add_time(json, "running_ns", attempt.running);
  add_time(json, "end_ns", attempt.end);
  return json;
}

Attempt read_attempt(const Json& json) {
  return {.start = read_time(json.at("start_ns")),
          .cold_start = json.at("cold_start"),
          .running = read_optional_time(json, "running_ns"),
          .end = read_optional_time(json, "end_ns")};
}

Json write_lane(const Lane& lane) {
  Json json = {{"name", lane.name}};
  add_text(json, "function", lane.function);
  json["accepted_ns"] = lane.accepted.count();
  add_time(json, "deadline_ns", lane.deadline);
  add_time(json, "eta_p50_ns", lane.eta_p50);
  add_time(json, "eta_p90_ns", lane.eta_p90);
  add_time(json, "ended_ns", lane.ended);
  add_text(json, "outcome", lane.outcome);
  json["attempts"] = Json::array();
  for (const Attempt& attempt : lane.attempts) json["attempts"].push_back(write_attempt(attempt));
  json["marks"] = write_events(lane.marks);
  return json;
}

Lane read_lane(const Json& json) {
  Lane lane{.name = json.at("name"),
            .function = json.value("function", ""),
            .accepted = read_time(json.at("accepted_ns")),
            .deadline = read_optional_time(json, "deadline_ns"),
            .eta_p50 = read_optional_time(json, "eta_p50_ns"),
            .eta_p90 = read_optional_time(json, "eta_p90_ns"),
            .ended = read_optional_time(json, "ended_ns"),
            .outcome = json.value("outcome", ""),
            .marks = read_events(json.at("marks"))};
  for (const Json& attempt : json.at("attempts")) lane.attempts.push_back(read_attempt(attempt));
  return lane;
}

}  // namespace

Json write_events(const std::vector<Event>& events) {
  Json json = Json::array();
  for (const Event& event : events) {
    json.push_back({{"at_ns", event.at.count()}, {"text", event.text}});
  }
  return json;
}

std::vector<Event> read_events(const Json& json) {
  std::vector<Event> events;
  for (const Json& event : json) {
    events.push_back({read_time(event.at("at_ns")), event.at("text")});
  }
  return events;
}

Json write_timeline(const Timeline& timeline) {
  Json executions = Json::array();
  for (const Lane& lane : timeline.lanes) executions.push_back(write_lane(lane));
  return {{"executions", std::move(executions)},
          {"faults", write_events(timeline.faults)},
          {"omitted_executions", timeline.omitted_lanes},
          {"omitted_faults", timeline.omitted_faults}};
}

Timeline read_timeline(const Json& json) {
  Timeline timeline{.faults = read_events(json.at("faults")),
                    .omitted_lanes = read_integer<std::int64_t>(json.at("omitted_executions")),
                    .omitted_faults = read_integer<std::int64_t>(json.at("omitted_faults"))};
  for (const Json& lane : json.at("executions")) timeline.lanes.push_back(read_lane(lane));
  return timeline;
}

}  // namespace quintain::reports
