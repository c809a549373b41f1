#include "study/report/study_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>
#include <vector>

#include "reports/json_parts.h"

namespace quintain::study {
namespace {

constexpr std::string_view kWhat = "a study's report";

constexpr std::array kRoles = {Role::kEstimator, Role::kBaseline, Role::kOracle, Role::kControl};
constexpr std::array kReasons = {StopReason::kPrecise, StopReason::kMaxReplications,
                                 StopReason::kInterrupted, StopReason::kRecorded};

// The parts, each written and read side by side.

reports::Json write(double value) { return reports::number(value); }
void read(const reports::Json& json, double& value) { value = reports::read_number(json); }

reports::Json write(const Interval& interval) {
  return {{"value", reports::number(interval.value)},
          {"low", reports::number(interval.low)},
          {"high", reports::number(interval.high)}};
}
void read(const reports::Json& json, Interval& interval) {
  read(json.at("value"), interval.value);
  read(json.at("low"), interval.low);
  read(json.at("high"), interval.high);
}

reports::Json write(const CurvePoint& point) {
  return reports::Json::array({reports::number(point.x), reports::number(point.y)});
}
void read(const reports::Json& json, CurvePoint& point) {
  read(json.at(0), point.x);
  read(json.at(1), point.y);
}

// The templates below see what is declared before them.
reports::Json write(const Ratio& ratio);
reports::Json write(const Stratum& stratum);
reports::Json write(const Flag& flag);
reports::Json write(const AnalyticCheck& check);
reports::Json write(const EstimatorResult& result);
reports::Json write(const PredictionCost& cost);
void read(const reports::Json& json, Ratio& ratio);
void read(const reports::Json& json, Stratum& stratum);
void read(const reports::Json& json, Flag& flag);
void read(const reports::Json& json, AnalyticCheck& check);
void read(const reports::Json& json, EstimatorResult& result);
void read(const reports::Json& json, WorkloadResult& workload);
void read(const reports::Json& json, PredictionCost& cost);

template <class Part>
reports::Json write(const std::vector<Part>& parts) {
  reports::Json json = reports::Json::array();
  for (const Part& part : parts) json.push_back(write(part));
  return json;
}
template <class Part>
void read(const reports::Json& json, std::vector<Part>& parts) {
  for (const reports::Json& part : json) read(part, parts.emplace_back());
}

reports::Json write(const Scores& scores) {
  return {
      {"of", scores.of},
      {"scored", scores.scored},
      {"censored", scores.censored},
      {"pinball", write(scores.pinball)},
      {"pinball_by_level", write(scores.pinball_by_level)},
      {"crps", write(scores.crps)},
      {"interval_score_80", reports::number(scores.interval_score_80)},
      {"interval_score_90", reports::number(scores.interval_score_90)},
      {"mean_absolute_error", reports::number(scores.mean_absolute_error)},
      {"mean_absolute_percentage_error", reports::number(scores.mean_absolute_percentage_error)},
      {"bias", write(scores.bias)},
      {"coverage", write(scores.coverage)}};
}
void read(const reports::Json& json, Scores& scores) {
  scores.of = json.at("of");
  scores.scored = reports::read_integer<std::int64_t>(json.at("scored"));
  scores.censored = reports::read_integer<std::int64_t>(json.at("censored"));
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

reports::Json write(const Ratio& ratio) {
  return {{"to", ratio.to}, {"ratio", write(ratio.ratio)}};
}
void read(const reports::Json& json, Ratio& ratio) {
  ratio.to = json.at("to");
  read(json.at("ratio"), ratio.ratio);
}

reports::Json write(const Stratum& stratum) {
  return {{"depth_quintile", stratum.depth_quintile},
          {"cold", stratum.cold},
          {"popularity_tercile", stratum.popularity_tercile},
          {"executions", stratum.executions},
          {"coverage", write(stratum.coverage)}};
}
void read(const reports::Json& json, Stratum& stratum) {
  stratum.depth_quintile = reports::read_integer<int>(json.at("depth_quintile"));
  stratum.cold = json.at("cold").get<bool>();
  stratum.popularity_tercile = reports::read_integer<int>(json.at("popularity_tercile"));
  stratum.executions = reports::read_integer<std::int64_t>(json.at("executions"));
  read(json.at("coverage"), stratum.coverage);
}

reports::Json write(const PitHistogram& pit) {
  return {{"bins", write(pit.bins)},
          {"null_low", reports::number(pit.null_low)},
          {"null_high", reports::number(pit.null_high)},
          {"p_value", reports::number(pit.p_value)}};
}
void read(const reports::Json& json, PitHistogram& pit) {
  read(json.at("bins"), pit.bins);
  read(json.at("null_low"), pit.null_low);
  read(json.at("null_high"), pit.null_high);
  read(json.at("p_value"), pit.p_value);
}

reports::Json write(const Adaptation& adaptation) {
  reports::Json json = {{"after_change", write(adaptation.after_change)}};
  if (adaptation.completions_until_recovered) {
    json["completions_until_recovered"] = reports::number(*adaptation.completions_until_recovered);
  }
  json["worst_window"] = reports::number(adaptation.worst_window);
  return json;
}
void read(const reports::Json& json, Adaptation& adaptation) {
  read(json.at("after_change"), adaptation.after_change);
  if (json.contains("completions_until_recovered")) {
    read(json.at("completions_until_recovered"), adaptation.completions_until_recovered.emplace());
  }
  read(json.at("worst_window"), adaptation.worst_window);
}

reports::Json write(const Curves& curves) {
  return {{"coverage_50_by_depth", write(curves.coverage_50_by_depth)},
          {"coverage_90_by_depth", write(curves.coverage_90_by_depth)},
          {"rolling_50", write(curves.rolling_50)},
          {"rolling_90", write(curves.rolling_90)},
          {"actual_by_p50", write(curves.actual_by_p50)}};
}
void read(const reports::Json& json, Curves& curves) {
  read(json.at("coverage_50_by_depth"), curves.coverage_50_by_depth);
  read(json.at("coverage_90_by_depth"), curves.coverage_90_by_depth);
  read(json.at("rolling_50"), curves.rolling_50);
  read(json.at("rolling_90"), curves.rolling_90);
  read(json.at("actual_by_p50"), curves.actual_by_p50);
}

reports::Json write(const Flag& flag) {
  return {{"name", flag.name},
          {"holds", flag.holds},
          {"expected", flag.expected},
          {"observed", flag.observed}};
}
void read(const reports::Json& json, Flag& flag) {
  flag.name = json.at("name");
  flag.holds = json.at("holds").get<bool>();
  flag.expected = json.at("expected");
  flag.observed = json.at("observed");
}

reports::Json write(const EstimatorResult& result) {
  reports::Json json = {{"name", result.name}, {"role", to_string(result.role)}};
  if (result.role == Role::kControl) json["flagged"] = flagged(result);
  json["flags"] = write(result.flags);
  json["terminal"] = write(result.terminal);
  json["success"] = write(result.success);
  json["to_oracle"] = write(result.to_oracle);
  json["to_baselines"] = write(result.to_baselines);
  json["to_best_baseline"] = write(result.to_best_baseline);
  json["worst_coverage_error"] = write(result.worst_coverage_error);
  json["worst_stratum_error"] = reports::number(result.worst_stratum_error);
  json["strata"] = write(result.strata);
  json["width_50"] = reports::number(result.width_50);
  json["width_80"] = reports::number(result.width_80);
  json["width_90"] = reports::number(result.width_90);
  json["pit"] = write(result.pit);
  if (result.adaptation) json["adaptation"] = write(*result.adaptation);
  json["bytes"] = result.bytes;
  json["bytes_per_function"] = reports::number(result.bytes_per_function);
  json["curves"] = write(result.curves);
  return json;
}
void read(const reports::Json& json, EstimatorResult& result) {
  result.name = json.at("name");
  result.role = reports::read_name(json.at("role"), kRoles);
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
  result.bytes = reports::read_integer<std::int64_t>(json.at("bytes"));
  read(json.at("bytes_per_function"), result.bytes_per_function);
  read(json.at("curves"), result.curves);
}

reports::Json write(const Counts& counts) {
  return {{"predicted", counts.predicted},   {"completed", counts.completed},
          {"failed", counts.failed},         {"timed_out", counts.timed_out},
          {"cancelled", counts.cancelled},   {"censored", counts.censored},
          {"unfinished", counts.unfinished}, {"dropped", counts.dropped},
          {"scored", counts.scored},         {"refused", counts.refused}};
}
void read(const reports::Json& json, Counts& counts) {
  counts.predicted = reports::read_integer<std::int64_t>(json.at("predicted"));
  counts.completed = reports::read_integer<std::int64_t>(json.at("completed"));
  counts.failed = reports::read_integer<std::int64_t>(json.at("failed"));
  counts.timed_out = reports::read_integer<std::int64_t>(json.at("timed_out"));
  counts.cancelled = reports::read_integer<std::int64_t>(json.at("cancelled"));
  counts.censored = reports::read_integer<std::int64_t>(json.at("censored"));
  counts.unfinished = reports::read_integer<std::int64_t>(json.at("unfinished"));
  counts.dropped = reports::read_integer<std::int64_t>(json.at("dropped"));
  counts.scored = reports::read_integer<std::int64_t>(json.at("scored"));
  counts.refused = reports::read_integer<std::int64_t>(json.at("refused"));
}

reports::Json write(const AnalyticCheck& check) {
  return {{"model", check.model},
          {"quantity", check.quantity},
          {"reference", reports::number(check.reference)},
          {"measured", write(check.measured)},
          {"z", reports::number(check.z)},
          {"holds", check.holds}};
}
void read(const reports::Json& json, AnalyticCheck& check) {
  check.model = json.at("model");
  check.quantity = json.at("quantity");
  read(json.at("reference"), check.reference);
  read(json.at("measured"), check.measured);
  read(json.at("z"), check.z);
  check.holds = json.at("holds").get<bool>();
}

reports::Json write(const WorkloadResult& workload, reports::Json config) {
  reports::Json json = {
      {"name", workload.name}, {"about", workload.about}, {"config", std::move(config)}};
  if (workload.trace_digest) json["trace_digest"] = reports::write_digest(*workload.trace_digest);
  json["seeds"] = workload.seeds;
  json["counts"] = write(workload.counts);
  json["warm_up"] = {{"found", reports::number(workload.warm_up_found)},
                     {"cut", reports::number(workload.warm_up_cut)}};
  json["changes"] = write(workload.changes);
  json["stopped"] = {{"reason", to_string(workload.stopped)},
                     {"relative_half_width", reports::number(workload.relative_half_width)},
                     {"wanted_half_width", reports::number(workload.wanted_half_width)}};
  json["analytic"] = write(workload.analytic);
  json["estimators"] = write(workload.estimators);
  return json;
}
void read(const reports::Json& json, WorkloadResult& workload) {
  workload.name = json.at("name");
  workload.about = json.at("about");
  workload.config = reports::dump(json.at("config"), -1);
  if (json.contains("trace_digest"))
    workload.trace_digest = reports::read_digest(json.at("trace_digest"));
  for (const reports::Json& seed : json.at("seeds")) {
    workload.seeds.push_back(reports::read_integer<std::uint64_t>(seed));
  }
  read(json.at("counts"), workload.counts);
  read(json.at("warm_up").at("found"), workload.warm_up_found);
  read(json.at("warm_up").at("cut"), workload.warm_up_cut);
  read(json.at("changes"), workload.changes);
  const reports::Json& stopped = json.at("stopped");
  workload.stopped = reports::read_name(stopped.at("reason"), kReasons);
  read(stopped.at("relative_half_width"), workload.relative_half_width);
  read(stopped.at("wanted_half_width"), workload.wanted_half_width);
  read(json.at("analytic"), workload.analytic);
  read(json.at("estimators"), workload.estimators);
}

reports::Json write(const PredictionCost& cost) {
  return {{"workload", cost.workload},
          {"estimator", cost.estimator},
          {"p50_ns", reports::number(cost.p50_ns)},
          {"p99_ns", reports::number(cost.p99_ns)},
          {"by_depth", write(cost.by_depth)}};
}
void read(const reports::Json& json, PredictionCost& cost) {
  cost.workload = json.at("workload");
  cost.estimator = json.at("estimator");
  read(json.at("p50_ns"), cost.p50_ns);
  read(json.at("p99_ns"), cost.p99_ns);
  read(json.at("by_depth"), cost.by_depth);
}

absl::StatusOr<reports::Json> write(const StudyReport& report) {
  reports::Json json = {
      {"schema_version", kStudySchemaVersion},
      {"tool", {{"name", "quintain"}, {"version", report.tool_version}}},
      {"command", report.command},
      {"study", {{"name", report.name}, {"about", report.about}, {"file", report.file}}},
      {"default_estimator", report.default_estimator},
      {"levels", write(report.levels)},
      {"verdict", to_string(verdict_of(report))},
      {"workloads", reports::Json::array()}};
  for (const WorkloadResult& workload : report.workloads) {
    auto config = reports::parse_config(workload.config, workload.name);
    if (!config.ok()) return config.status();
    json["workloads"].push_back(write(workload, *std::move(config)));
  }
  json["wall_clock"] = reports::write_wall_clock(report.wall_clock);
  json["costs"] = write(report.costs);
  return json;
}

StudyReport read_study(const reports::Json& json) {
  StudyReport report;
  report.tool_version = json.at("tool").at("version");
  report.command = json.at("command");
  const reports::Json& study = json.at("study");
  report.name = study.at("name");
  report.about = study.at("about");
  report.file = study.at("file");
  report.default_estimator = json.at("default_estimator");
  read(json.at("levels"), report.levels);
  read(json.at("workloads"), report.workloads);
  report.wall_clock = reports::read_wall_clock(json.at("wall_clock"));
  read(json.at("costs"), report.costs);
  return report;
}

bool is_small(const reports::Json& json) {
  return std::none_of(json.begin(), json.end(),
                      [](const reports::Json& part) { return part.is_structured(); });
}

/// Like dump(json, 2), but what has no parts with parts of their own stands on one line: a study
/// has ten thousands of numbers, and nobody reads one a line.
void lay_out(const reports::Json& json, const std::string& indent, std::string& out) {
  if (!json.is_structured()) {
    out += reports::dump(json, -1);
    return;
  }
  const bool one_line = is_small(json);
  const std::string deeper = indent + "  ";
  out += json.is_object() ? '{' : '[';
  bool first = true;
  for (const auto& [key, value] : json.items()) {
    if (!first) out += one_line ? ", " : ",";
    if (!one_line) out += "\n" + deeper;
    if (json.is_object()) out += reports::dump(reports::Json(key), -1) + ": ";
    lay_out(value, deeper, out);
    first = false;
  }
  if (!one_line) out += "\n" + indent;
  out += json.is_object() ? '}' : ']';
}

}  // namespace

absl::StatusOr<std::string> to_json(const StudyReport& report) {
  const absl::StatusOr<reports::Json> json = write(report);
  if (!json.ok()) return json.status();
  std::string text;
  lay_out(*json, "", text);
  return text + "\n";
}

absl::StatusOr<std::string> to_compact_json(const StudyReport& report) {
  const absl::StatusOr<reports::Json> json = write(report);
  if (!json.ok()) return json.status();
  return reports::dump(*json, -1);
}

absl::StatusOr<StudyReport> study_from_json(std::string_view text) try {
  const reports::Json json = reports::Json::parse(text);
  const reports::Json& version = json.at("schema_version");
  if (version != kStudySchemaVersion) {
    return absl::InvalidArgumentError(
        fmt::format("a study's report of schema version {}; version {} is read",
                    reports::dump(version, -1), kStudySchemaVersion));
  }
  StudyReport report = read_study(json);
  const absl::StatusOr<reports::Json> again = write(report);
  if (!again.ok()) return again.status();
  if (absl::Status same = reports::check_same(json, *again, kWhat); !same.ok()) return same;
  return report;
} catch (const nlohmann::json::exception& error) {
  return absl::InvalidArgumentError(fmt::format("not {}: {}", kWhat, error.what()));
}

}  // namespace quintain::study
