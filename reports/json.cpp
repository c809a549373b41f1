// Writes the report as JSON and reads it back. from_json() writes the report that it has read once
// more and compares: so the writer alone defines which documents are valid.
#include "reports/formats.h"

#include <fmt/format.h>

#include <array>
#include <cstdint>
#include <utility>
#include <variant>

#include "reports/json_parts.h"
#include "reports/pieces.h"

namespace quintain::reports {
namespace {

constexpr std::string_view kWhat = "a report of quintain";

Json write_check(const Check& check) {
  Json json = {{"name", check.name},
               {"kind", to_string(check.kind)},
               {"verdict", to_string(check.verdict)},
               {"expected", check.expected},
               {"observed", check.observed}};
  if (check.where) json["where"] = {{"file", check.where->file}, {"line", check.where->line}};
  if (check.evidence != Evidence{}) {
    json["evidence"] = {{"events", write_events(check.evidence.events)},
                        {"omitted", check.evidence.omitted}};
  }
  return json;
}

Json write_metric(const Metric& metric) {
  const auto* whole = std::get_if<std::int64_t>(&metric.value);
  return {{"name", metric.name},
          {"value", whole ? Json(*whole) : number(std::get<double>(metric.value))},
          {"unit", metric.unit}};
}

Json write_case(const Case& c, Json config) {
  Json json = {
      {"name", c.name}, {"file", c.file}, {"seed", c.seed}, {"verdict", to_string(verdict_of(c))}};
  add_text(json, "skip_reason", c.skip_reason);
  add_text(json, "not_judged_reason", c.not_judged_reason);
  add_text(json, "error_message", error_text(c));
  add_text(json, "known_failure", c.known_failure);
  json["checks"] = Json::array();
  for (const Check& check : c.checks) json["checks"].push_back(write_check(check));
  json["metrics"] = Json::array();
  for (const Metric& metric : c.metrics) json["metrics"].push_back(write_metric(metric));
  json["config"] = std::move(config);
  if (c.history_digest) json["history_digest"] = write_digest(*c.history_digest);
  json["events"] = c.events;
  json["virtual_time_ns"] = c.virtual_time.count();
  if (c.timeline) json["timeline"] = write_timeline(*c.timeline);
  json["reproduce"] = c.reproduce;
  return json;
}

Json write_totals(const Totals& totals) {
  return {{"cases", totals.cases},
          {"passed", totals.passed},
          {"failed", totals.failed},
          {"skipped", totals.skipped},
          {"not_judged", totals.not_judged},
          {"error", totals.error},
          {"known_failures", totals.known_failures},
          {"unexpected_passes", totals.unexpected_passes},
          {"warnings", totals.warnings}};
}

/// Everything before the cases.
absl::StatusOr<Json> write_head(const Report& head, const Totals& totals) {
  Json json = {{"schema_version", kSchemaVersion},
               {"tool", {{"name", "quintain"}, {"version", head.tool_version}}},
               {"command", head.command},
               {"seeds", head.seeds},
               {"verdict", to_string(verdict_of(totals, !head.incomplete.empty()))},
               {"totals", write_totals(totals)}};
  add_text(json, "incomplete", head.incomplete);
  if (!head.target.empty()) {
    auto target = parse_config(head.target, "the target");
    if (!target.ok()) return target.status();
    json["target"] = *std::move(target);
  }
  if (head.shard) {
    json["shard"] = {{"number", head.shard->number},
                     {"count", head.shard->count},
                     {"of", head.shard->of_worlds ? "worlds" : "cases"},
                     {"inputs", write_digest(head.shard->inputs)},
                     {"cases", head.shard->cases},
                     {"places", head.shard->places}};
  }
  return json;
}

absl::StatusOr<Json> write_report(const Report& report) {
  auto json = write_head(report, totals_of(report));
  if (!json.ok()) return json.status();
  (*json)["cases"] = Json::array();
  for (const Case& c : report.cases) {
    auto config = parse_config(c.config, c.name);
    if (!config.ok()) return config.status();
    (*json)["cases"].push_back(write_case(c, *std::move(config)));
  }
  (*json)["wall_clock"] = write_wall_clock(report.wall_clock);
  return json;
}

Check read_check(const Json& json) {
  Check check;
  check.name = json.at("name");
  check.kind = read_name(json.at("kind"), std::array{CheckKind::kInvariant, CheckKind::kExpectation,
                                                     CheckKind::kDeterminism, CheckKind::kLiveness,
                                                     CheckKind::kClause});
  check.verdict = read_name(json.at("verdict"),
                            std::array{Verdict::kPassed, Verdict::kFailed, Verdict::kSkipped,
                                       Verdict::kError, Verdict::kWarning});
  check.expected = json.at("expected");
  check.observed = json.at("observed");
  if (json.contains("where")) {
    const Json& where = json.at("where");
    check.where = Location{where.at("file"), read_integer<int>(where.at("line"))};
  }
  if (json.contains("evidence")) {
    const Json& evidence = json.at("evidence");
    check.evidence.events = read_events(evidence.at("events"));
    check.evidence.omitted = read_integer<std::int64_t>(evidence.at("omitted"));
  }
  return check;
}

Metric read_metric(const Json& json) {
  Metric metric{json.at("name"), std::int64_t{0}, json.at("unit")};
  const Json& value = json.at("value");
  if (value.is_number_integer()) {
    metric.value = read_integer<std::int64_t>(value);
  } else {
    metric.value = read_number(value);
  }
  return metric;
}

Case read_case(const Json& json) {
  Case c;
  c.name = json.at("name");
  c.file = json.at("file");
  c.seed = read_integer<std::uint64_t>(json.at("seed"));
  c.skip_reason = json.value("skip_reason", "");
  c.not_judged_reason = json.value("not_judged_reason", "");
  c.error_message = json.value("error_message", "");
  c.known_failure = json.value("known_failure", "");
  for (const Json& check : json.at("checks")) c.checks.push_back(read_check(check));
  for (const Json& metric : json.at("metrics")) c.metrics.push_back(read_metric(metric));
  c.config = dump(json.at("config"), -1);
  if (json.contains("history_digest")) {
    c.history_digest = read_digest(json.at("history_digest"));
  }
  c.events = read_integer<std::int64_t>(json.at("events"));
  c.virtual_time = std::chrono::nanoseconds(read_integer<std::int64_t>(json.at("virtual_time_ns")));
  if (json.contains("timeline")) c.timeline = read_timeline(json.at("timeline"));
  c.reproduce = json.at("reproduce");
  return c;
}

Report read_report(const Json& json) {
  Report report;
  report.tool_version = json.at("tool").at("version");
  report.command = json.at("command");
  for (const Json& seed : json.at("seeds")) {
    report.seeds.push_back(read_integer<std::uint64_t>(seed));
  }
  report.incomplete = json.value("incomplete", "");
  if (json.contains("target")) report.target = dump(json.at("target"), -1);
  if (json.contains("shard")) {
    const Json& shard = json.at("shard");
    report.shard = {.number = read_integer<int>(shard.at("number")),
                    .count = read_integer<int>(shard.at("count")),
                    .of_worlds = shard.at("of") == "worlds",
                    .inputs = read_digest(shard.at("inputs")),
                    .cases = read_integer<std::int64_t>(shard.at("cases"))};
    for (const Json& place : shard.at("places")) {
      report.shard->places.push_back(read_integer<std::int64_t>(place));
    }
  }
  for (const Json& c : json.at("cases")) report.cases.push_back(read_case(c));
  report.wall_clock = read_wall_clock(json.at("wall_clock"));
  return report;
}

}  // namespace

absl::StatusOr<std::string> json_case(const Case& c) {
  auto config = parse_config(c.config, c.name);
  if (!config.ok()) return config.status();
  return "    " + indented(dump(write_case(c, *std::move(config)), 2), 4);
}

absl::Status write_json(const Report& head, const Totals& totals, const CaseTexts& cases,
                        const Sink& sink) {
  const auto json = write_head(head, totals);
  if (!json.ok()) return json.status();
  constexpr std::size_t kEnd = 2;  // a newline and the brace that closes the document
  const std::string start = dump(*json, 2);
  sink(std::string_view(start).substr(0, start.size() - kEnd));
  sink(totals.cases == 0 ? ",\n  \"cases\": [" : ",\n  \"cases\": [\n");
  cases(",\n", sink);
  sink(totals.cases == 0 ? "],\n  \"wall_clock\": " : "\n  ],\n  \"wall_clock\": ");
  sink(indented(dump(write_wall_clock(head.wall_clock), 2), 2));
  sink("\n}\n");
  return absl::OkStatus();
}

absl::StatusOr<std::string> to_json(const Report& report) {
  const absl::StatusOr<Json> json = write_report(report);
  if (!json.ok()) return json.status();
  return dump(*json, 2) + "\n";
}

absl::StatusOr<Report> from_json(std::string_view text) try {
  const Json json = Json::parse(text);
  const Json& version = json.at("schema_version");
  if (version != kSchemaVersion) {
    return absl::InvalidArgumentError(fmt::format(
        "a report of schema version {}; expected version {}", dump(version, -1), kSchemaVersion));
  }
  Report report = read_report(json);
  const absl::StatusOr<Json> again = write_report(report);
  if (!again.ok()) return again.status();
  if (absl::Status same = check_same(json, *again, kWhat); !same.ok()) return same;
  return report;
} catch (const nlohmann::json::exception& error) {
  return absl::InvalidArgumentError(fmt::format("not {}: {}", kWhat, error.what()));
}

}  // namespace quintain::reports
