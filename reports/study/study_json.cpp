#include "reports/study/study_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>
#include <vector>

#include "reports/json_parts.h"

namespace quintain::reports {
namespace {

constexpr std::string_view kWhat = "a study's report";

constexpr std::array kRoles = {Role::kEstimator, Role::kBaseline, Role::kOracle, Role::kControl};
constexpr std::array kReasons = {StopReason::kPrecise, StopReason::kMostReplications,
                                 StopReason::kInterrupted, StopReason::kRecorded};

// The parts, each written and read side by side.

Json write(double value) { return number(value); }
void read(const Json& json, double& value) { value = read_number(json); }

Json write(const Interval& interval) {
  return {{"value", number(interval.value)},
          {"low", number(interval.low)},
          {"high", number(interval.high)}};
}
void read(const Json& json, Interval& interval) {
  read(json.at("value"), interval.value);
  read(json.at("low"), interval.low);
  read(json.at("high"), interval.high);
}

Json write(const CurvePoint& point) { return Json::array({number(point.x), number(point.y)}); }
void read(const Json& json, CurvePoint& point) {
  read(json.at(0), point.x);
  read(json.at(1), point.y);
}

// The templates below see what is declared before them.
Json write(const Ratio& ratio);
Json write(const Stratum& stratum);
Json write(const Flag& flag);
Json write(const AnalyticCheck& check);
Json write(const EstimatorResult& result);
Json write(const PredictionCost& cost);
void read(const Json& json, Ratio& ratio);
void read(const Json& json, Stratum& stratum);
void read(const Json& json, Flag& flag);
void read(const Json& json, AnalyticCheck& check);
void read(const Json& json, EstimatorResult& result);
void read(const Json& json, WorkloadResult& workload);
void read(const Json& json, PredictionCost& cost);

template <class Part>
Json write(const std::vector<Part>& parts) {
  Json json = Json::array();
  for (const Part& part : parts) json.push_back(write(part));
  return json;
}
template <class Part>
void read(const Json& json, std::vector<Part>& parts) {
  for (const Json& part : json) read(part, parts.emplace_back());
}

Json write(const Scores& scores) {
  return {{"of", scores.of},
          {"scored", scores.scored},
          {"censored", scores.censored},
          {"pinball", write(scores.pinball)},
          {"pinball_by_level", write(scores.pinball_by_level)},
          {"crps", write(scores.crps)},
          {"interval_score_80", number(scores.interval_score_80)},
          {"interval_score_90", number(scores.interval_score_90)},
          {"mean_absolute_error", number(scores.mean_absolute_error)},
          {"mean_absolute_percentage_error", number(scores.mean_absolute_percentage_error)},
          {"bias", write(scores.bias)},
          {"coverage", write(scores.coverage)}};
}
void read(const Json& json, Scores& scores) {
  scores.of = json.at("of");
  scores.scored = read_integer<std::int64_t>(json.at("scored"));
  scores.censored = read_integer<std::int64_t>(json.at("censored"));
  read(json.at("pinball"), scores.pinball);
  read(json.at("pinball_by_level"), scores.pinball_by_level);
  read(json.at("crps"), scores.crps);
  read(json.at("interval_score_80"), scores.interval_score_80);
  read(json.at("interval_score_90"), scores.interval_score_90);
  read(json.at("mean_absolute_error"), scores.mean_absolute_error);
  read(json.at("mean_absolute_percentage_error"), scores.mean_absolute_percentage_error);
  read(json.at("bias"), scores.bias);
  read(json.at("coverage"), scores.coverage);
}

Json write(const Ratio& ratio) { return {{"to", ratio.to}, {"ratio", write(ratio.ratio)}}; }
void read(const Json& json, Ratio& ratio) {
  ratio.to = json.at("to");
  read(json.at("ratio"), ratio.ratio);
}

Json write(const Stratum& stratum) {
  return {{"depth_quintile", stratum.depth_quintile},
          {"cold", stratum.cold},
          {"popularity_tercile", stratum.popularity_tercile},
          {"executions", stratum.executions},
          {"coverage", write(stratum.coverage)}};
}
void read(const Json& json, Stratum& stratum) {
  stratum.depth_quintile = read_integer<int>(json.at("depth_quintile"));
  stratum.cold = json.at("cold").get<bool>();
  stratum.popularity_tercile = read_integer<int>(json.at("popularity_tercile"));
  stratum.executions = read_integer<std::int64_t>(json.at("executions"));
  read(json.at("coverage"), stratum.coverage);
}

Json write(const PitHistogram& pit) {
  return {{"bins", write(pit.bins)},
          {"null_low", number(pit.null_low)},
          {"null_high", number(pit.null_high)},
          {"p_value", number(pit.p_value)}};
}
void read(const Json& json, PitHistogram& pit) {
  read(json.at("bins"), pit.bins);
  read(json.at("null_low"), pit.null_low);
  read(json.at("null_high"), pit.null_high);
  read(json.at("p_value"), pit.p_value);
}

Json write(const Adaptation& adaptation) {
  Json json = {{"after_change", write(adaptation.after_change)}};
  if (adaptation.completions_until_recovered) {
    json["completions_until_recovered"] = number(*adaptation.completions_until_recovered);
  }
  json["worst_window"] = number(adaptation.worst_window);
  return json;
}
void read(const Json& json, Adaptation& adaptation) {
  read(json.at("after_change"), adaptation.after_change);
  if (json.contains("completions_until_recovered")) {
    read(json.at("completions_until_recovered"), adaptation.completions_until_recovered.emplace());
  }
  read(json.at("worst_window"), adaptation.worst_window);
}

Json write(const Curves& curves) {
  return {{"coverage_50_by_depth", write(curves.coverage_50_by_depth)},
          {"coverage_90_by_depth", write(curves.coverage_90_by_depth)},
          {"rolling_50", write(curves.rolling_50)},
          {"rolling_90", write(curves.rolling_90)},
          {"actual_by_p50", write(curves.actual_by_p50)}};
}
void read(const Json& json, Curves& curves) {
  read(json.at("coverage_50_by_depth"), curves.coverage_50_by_depth);
  read(json.at("coverage_90_by_depth"), curves.coverage_90_by_depth);
  read(json.at("rolling_50"), curves.rolling_50);
  read(json.at("rolling_90"), curves.rolling_90);
  read(json.at("actual_by_p50"), curves.actual_by_p50);
}

Json write(const Flag& flag) {
  return {{"name", flag.name},
          {"holds", flag.holds},
          {"expected", flag.expected},
          {"observed", flag.observed}};
}
void read(const Json& json, Flag& flag) {
  flag.name = json.at("name");
  flag.holds = json.at("holds").get<bool>();
  flag.expected = json.at("expected");
  flag.observed = json.at("observed");
}

Json write(const EstimatorResult& result) {
  Json json = {{"name", result.name}, {"role", to_string(result.role)}};
  if (result.role == Role::kControl) json["flagged"] = flagged(result);
  json["flags"] = write(result.flags);
  json["terminal"] = write(result.terminal);
  json["success"] = write(result.success);
  json["to_oracle"] = write(result.to_oracle);
  json["to_baselines"] = write(result.to_baselines);
  json["to_best_baseline"] = write(result.to_best_baseline);
  json["worst_coverage_error"] = write(result.worst_coverage_error);
  json["worst_stratum_error"] = number(result.worst_stratum_error);
  json["strata"] = write(result.strata);
  json["width_50"] = number(result.width_50);
  json["width_80"] = number(result.width_80);
  json["width_90"] = number(result.width_90);
  json["pit"] = write(result.pit);
  if (result.adaptation) json["adaptation"] = write(*result.adaptation);
  json["bytes"] = result.bytes;
  json["bytes_per_function"] = number(result.bytes_per_function);
  json["curves"] = write(result.curves);
  return json;
}
void read(const Json& json, EstimatorResult& result) {
  result.name = json.at("name");
  result.role = read_name(json.at("role"), kRoles);
  read(json.at("flags"), result.flags);
  read(json.at("terminal"), result.terminal);
  read(json.at("success"), result.success);
  read(json.at("to_oracle"), result.to_oracle);
  read(json.at("to_baselines"), result.to_baselines);
  read(json.at("to_best_baseline"), result.to_best_baseline);
  read(json.at("worst_coverage_error"), result.worst_coverage_error);
  read(json.at("worst_stratum_error"), result.worst_stratum_error);
  read(json.at("strata"), result.strata);
  read(json.at("width_50"), result.width_50);
  read(json.at("width_80"), result.width_80);
  read(json.at("width_90"), result.width_90);
  read(json.at("pit"), result.pit);
  if (json.contains("adaptation")) read(json.at("adaptation"), result.adaptation.emplace());
  result.bytes = read_integer<std::int64_t>(json.at("bytes"));
  read(json.at("bytes_per_function"), result.bytes_per_function);
  read(json.at("curves"), result.curves);
}

Json write(const Counts& counts) {
  return {{"predicted", counts.predicted},   {"completed", counts.completed},
          {"failed", counts.failed},         {"timed_out", counts.timed_out},
          {"cancelled", counts.cancelled},   {"censored", counts.censored},
          {"unfinished", counts.unfinished}, {"dropped", counts.dropped},
          {"scored", counts.scored},         {"refused", counts.refused}};
}
void read(const Json& json, Counts& counts) {
  counts.predicted = read_integer<std::int64_t>(json.at("predicted"));
  counts.completed = read_integer<std::int64_t>(json.at("completed"));
  counts.failed = read_integer<std::int64_t>(json.at("failed"));
  counts.timed_out = read_integer<std::int64_t>(json.at("timed_out"));
  counts.cancelled = read_integer<std::int64_t>(json.at("cancelled"));
  counts.censored = read_integer<std::int64_t>(json.at("censored"));
  counts.unfinished = read_integer<std::int64_t>(json.at("unfinished"));
  counts.dropped = read_integer<std::int64_t>(json.at("dropped"));
  counts.scored = read_integer<std::int64_t>(json.at("scored"));
  counts.refused = read_integer<std::int64_t>(json.at("refused"));
}

Json write(const AnalyticCheck& check) {
  return {{"model", check.model},
          {"quantity", check.quantity},
          {"reference", number(check.reference)},
          {"measured", write(check.measured)},
          {"z", number(check.z)},
          {"holds", check.holds}};
}
void read(const Json& json, AnalyticCheck& check) {
  check.model = json.at("model");
  check.quantity = json.at("quantity");
  read(json.at("reference"), check.reference);
  read(json.at("measured"), check.measured);
  read(json.at("z"), check.z);
  check.holds = json.at("holds").get<bool>();
}

Json write(const WorkloadResult& workload, Json config) {
  Json json = {{"name", workload.name}, {"about", workload.about}, {"config", std::move(config)}};
  if (workload.trace_digest) json["trace_digest"] = write_digest(*workload.trace_digest);
  json["seeds"] = workload.seeds;
  json["counts"] = write(workload.counts);
  json["warm_up"] = {{"found", number(workload.warm_up_found)},
                     {"cut", number(workload.warm_up_cut)}};
  json["changes"] = write(workload.changes);
  json["stopped"] = {{"reason", to_string(workload.stopped)},
                     {"relative_half_width", number(workload.relative_half_width)},
                     {"wanted_half_width", number(workload.wanted_half_width)}};
  json["analytic"] = write(workload.analytic);
  json["estimators"] = write(workload.estimators);
  return json;
}
void read(const Json& json, WorkloadResult& workload) {
  workload.name = json.at("name");
  workload.about = json.at("about");
  workload.config = dump(json.at("config"), -1);
  if (json.contains("trace_digest")) workload.trace_digest = read_digest(json.at("trace_digest"));
  for (const Json& seed : json.at("seeds")) {
    workload.seeds.push_back(read_integer<std::uint64_t>(seed));
  }
  read(json.at("counts"), workload.counts);
  read(json.at("warm_up").at("found"), workload.warm_up_found);
  read(json.at("warm_up").at("cut"), workload.warm_up_cut);
  read(json.at("changes"), workload.changes);
  const Json& stopped = json.at("stopped");
  workload.stopped = read_name(stopped.at("reason"), kReasons);
  read(stopped.at("relative_half_width"), workload.relative_half_width);
  read(stopped.at("wanted_half_width"), workload.wanted_half_width);
  read(json.at("analytic"), workload.analytic);
  read(json.at("estimators"), workload.estimators);
}

Json write(const PredictionCost& cost) {
  return {{"workload", cost.workload},
          {"estimator", cost.estimator},
          {"p50_ns", number(cost.p50_ns)},
          {"p99_ns", number(cost.p99_ns)},
          {"by_depth", write(cost.by_depth)}};
}
void read(const Json& json, PredictionCost& cost) {
  cost.workload = json.at("workload");
  cost.estimator = json.at("estimator");
  read(json.at("p50_ns"), cost.p50_ns);
  read(json.at("p99_ns"), cost.p99_ns);
  read(json.at("by_depth"), cost.by_depth);
}

absl::StatusOr<Json> write(const StudyReport& report) {
  Json json = {{"schema_version", kStudySchemaVersion},
               {"tool", {{"name", "quintain"}, {"version", report.tool_version}}},
               {"command", report.command},
               {"study", {{"name", report.name}, {"about", report.about}, {"file", report.file}}},
               {"default_estimator", report.default_estimator},
               {"levels", write(report.levels)},
               {"verdict", to_string(verdict_of(report))},
               {"workloads", Json::array()}};
  for (const WorkloadResult& workload : report.workloads) {
    auto config = parse_config(workload.config, workload.name);
    if (!config.ok()) return config.status();
    json["workloads"].push_back(write(workload, *std::move(config)));
  }
  json["wall_clock"] = write_wall_clock(report.wall_clock);
  json["costs"] = write(report.costs);
  return json;
}

StudyReport read_study(const Json& json) {
  StudyReport report;
  report.tool_version = json.at("tool").at("version");
  report.command = json.at("command");
  const Json& study = json.at("study");
  report.name = study.at("name");
  report.about = study.at("about");
  report.file = study.at("file");
  report.default_estimator = json.at("default_estimator");
  read(json.at("levels"), report.levels);
  read(json.at("workloads"), report.workloads);
  report.wall_clock = read_wall_clock(json.at("wall_clock"));
  read(json.at("costs"), report.costs);
  return report;
}

bool is_small(const Json& json) {
  return std::none_of(json.begin(), json.end(),
                      [](const Json& part) { return part.is_structured(); });
}

/// Like dump(json, 2), but what has no parts with parts of their own stands on one line: a study
/// has ten thousands of numbers, and nobody reads one a line.
void lay_out(const Json& json, const std::string& indent, std::string& out) {
  if (!json.is_structured()) {
    out += dump(json, -1);
    return;
  }
  const bool one_line = is_small(json);
  const std::string deeper = indent + "  ";
  out += json.is_object() ? '{' : '[';
  bool first = true;
  for (const auto& [key, value] : json.items()) {
    if (!first) out += one_line ? ", " : ",";
    if (!one_line) out += "\n" + deeper;
    if (json.is_object()) out += dump(Json(key), -1) + ": ";
    lay_out(value, deeper, out);
    first = false;
  }
  if (!one_line) out += "\n" + indent;
  out += json.is_object() ? '}' : ']';
}

}  // namespace

absl::StatusOr<std::string> to_json(const StudyReport& report) {
  const absl::StatusOr<Json> json = write(report);
  if (!json.ok()) return json.status();
  std::string text;
  lay_out(*json, "", text);
  return text + "\n";
}

absl::StatusOr<std::string> to_compact_json(const StudyReport& report) {
  const absl::StatusOr<Json> json = write(report);
  if (!json.ok()) return json.status();
  return dump(*json, -1);
}

absl::StatusOr<StudyReport> study_from_json(std::string_view text) try {
  const Json json = Json::parse(text);
  const Json& version = json.at("schema_version");
  if (version != kStudySchemaVersion) {
    return absl::InvalidArgumentError(
        fmt::format("a study's report of schema version {}; version {} is read", dump(version, -1),
                    kStudySchemaVersion));
  }
  StudyReport report = read_study(json);
  const absl::StatusOr<Json> again = write(report);
  if (!again.ok()) return again.status();
  if (absl::Status same = check_same(json, *again, kWhat); !same.ok()) return same;
  return report;
} catch (const nlohmann::json::exception& error) {
  return absl::InvalidArgumentError(fmt::format("not {}: {}", kWhat, error.what()));
}

}  // namespace quintain::reports
