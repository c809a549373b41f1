// The JSON form of a study's report: a description of each struct for the archives of
// json_archive.h, and the layout of the text.
#include "study/report/study_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "reports/json_parts.h"
#include "study/report/json_archive.h"

namespace quintain::study {

template <class Archive>
void describe(Archive& archive, Estimate& estimate) {
  archive("value", estimate.value);
  archive("low", estimate.low);
  archive("high", estimate.high);
}

template <class Archive>
void describe(Archive& archive, CurvePoint& point) {
  archive.element(point.x);
  archive.element(point.y);
}

template <class Archive>
void describe(Archive& archive, Scores& scores) {
  archive("of", scores.of);
  archive("scored", scores.scored);
  archive("censored", scores.censored);
  archive("pinball", scores.pinball);
  archive("pinball_by_level", scores.pinball_by_level);
  archive("crps", scores.crps);
  archive("interval_score_80", scores.interval_score_80);
  archive("interval_score_90", scores.interval_score_90);
  archive("mean_absolute_error", scores.mean_absolute_error);
  archive("mean_absolute_percentage_error", scores.mean_absolute_percentage_error);
  archive("bias", scores.bias);
  archive("coverage", scores.coverage);
}

template <class Archive>
void describe(Archive& archive, Ratio& ratio) {
  archive("to", ratio.to);
  archive("ratio", ratio.ratio);
}

template <class Archive>
void describe(Archive& archive, Stratum& stratum) {
  archive("depth_quintile", stratum.depth_quintile);
  archive("cold", stratum.cold);
  archive("popularity_tercile", stratum.popularity_tercile);
  archive("executions", stratum.executions);
  archive("coverage", stratum.coverage);
}

template <class Archive>
void describe(Archive& archive, DepthLoss& loss) {
  archive("from", loss.from);
  archive("to", loss.to);
  archive("executions", loss.executions);
  archive("pinball", loss.pinball);
  archive("share", loss.share);
}

template <class Archive>
void describe(Archive& archive, PitResult& pit) {
  archive("bins", pit.bins);
  archive("null_low", pit.null_low);
  archive("null_high", pit.null_high);
  archive("p_value", pit.p_value);
}

template <class Archive>
void describe(Archive& archive, Adaptation& adaptation) {
  archive("after_change", adaptation.after_change);
  archive("completions_until_recovered", adaptation.completions_until_recovered);
  archive("worst_window", adaptation.worst_window);
}

template <class Archive>
void describe(Archive& archive, Curves& curves) {
  archive("coverage_50_by_depth", curves.coverage_50_by_depth);
  archive("coverage_90_by_depth", curves.coverage_90_by_depth);
  archive("rolling_50", curves.rolling_50);
  archive("rolling_90", curves.rolling_90);
  archive("actual_by_p50", curves.actual_by_p50);
}

template <class Archive>
void describe(Archive& archive, Flag& flag) {
  archive("name", flag.name);
  archive.custom(
      "holds", flag,
      [](const Flag& written) {
        return written.too_few ? reports::Json(nullptr) : reports::Json(written.holds);
      },
      [&flag](const reports::Json& json) {
        Flag read = flag;
        read.holds = json.is_null() || json.get<bool>();
        return read;
      });
  archive("expected", flag.expected);
  archive("observed", flag.observed);
  archive("too_few", flag.too_few);
}

/// An enumerator by its name.
template <class Archive, class Enum, std::size_t N>
void describe_name(Archive& archive, const char* key, Enum& value, const std::array<Enum, N>& all) {
  archive.custom(
      key, value, [](Enum written) { return to_string(written); },
      [&all](const reports::Json& json) { return reports::read_name(json, all); });
}

template <class Archive>
void describe(Archive& archive, EstimatorResult& result) {
  archive("name", result.name);
  describe_name(archive, "role", result.role,
                std::array{Role::kEstimator, Role::kBaseline, Role::kOracle, Role::kControl,
                           Role::kReference});
  if (result.role == Role::kControl) archive.derived("flagged", flagged(result));
  archive("flags", result.flags);
  archive("terminal", result.terminal);
  archive("success", result.success);
  archive("to_oracle", result.to_oracle);
  archive("to_reference", result.to_reference);
  archive("to_baselines", result.to_baselines);
  archive("to_best_baseline", result.to_best_baseline);
  archive("worst_coverage_error", result.worst_coverage_error);
  archive("worst_stratum_error", result.worst_stratum_error);
  archive("strata", result.strata);
  archive("by_depth", result.by_depth);
  archive("width_50", result.width_50);
  archive("width_80", result.width_80);
  archive("width_90", result.width_90);
  archive("pit", result.pit);
  archive("adaptation", result.adaptation);
  archive("bytes", result.bytes);
  archive("bytes_per_function", result.bytes_per_function);
  archive("curves", result.curves);
}

template <class Archive>
void describe(Archive& archive, Counts& counts) {
  archive("predicted", counts.predicted);
  archive("completed", counts.completed);
  archive("failed", counts.failed);
  archive("timed_out", counts.timed_out);
  archive("cancelled", counts.cancelled);
  archive("censored", counts.censored);
  archive("unfinished", counts.unfinished);
  archive("dropped", counts.dropped);
  archive("scored", counts.scored);
  archive("refused", counts.refused);
}

template <class Archive>
void describe(Archive& archive, AnalyticCheck& check) {
  archive("model", check.model);
  archive("quantity", check.quantity);
  archive("reference", check.reference);
  archive("measured", check.measured);
  archive("z", check.z);
  archive("holds", check.holds);
}

/// Requires: to write, a `config` that is JSON.
template <class Archive>
void describe(Archive& archive, WorkloadResult& workload) {
  archive("name", workload.name);
  archive("about", workload.about);
  archive.custom(
      "config", workload.config,
      [](const std::string& config) { return reports::Json::parse(config); },
      [](const reports::Json& json) { return reports::dump(json, -1); });
  archive.custom("trace_digest", workload.trace_digest, reports::write_digest,
                 reports::read_digest);
  archive("seeds", workload.seeds);
  archive("counts", workload.counts);
  archive.object("warm_up", [&](auto& warm_up) {
    warm_up("found", workload.warm_up_found);
    warm_up("cut", workload.warm_up_cut);
  });
  archive("changes", workload.changes);
  archive.object("stopped", [&](auto& stopped) {
    describe_name(stopped, "reason", workload.stopped,
                  std::array{StopReason::kPrecise, StopReason::kMaxReplications,
                             StopReason::kInterrupted, StopReason::kRecorded});
    stopped("relative_half_width", workload.relative_half_width);
    stopped("wanted_half_width", workload.wanted_half_width);
  });
  archive("no_oracle", workload.no_oracle);
  archive("trace_notes", workload.trace_notes);
  archive("analytic", workload.analytic);
  archive("estimators", workload.estimators);
}

template <class Archive>
void describe(Archive& archive, PredictionCost& cost) {
  archive("workload", cost.workload);
  archive("estimator", cost.estimator);
  archive("p50_ns", cost.p50_ns);
  archive("p99_ns", cost.p99_ns);
  archive("by_depth", cost.by_depth);
}

template <class Archive>
void describe(Archive& archive, StudyReport& report) {
  archive.derived("schema_version", kStudySchemaVersion);
  archive.object("tool", [&](auto& tool) {
    tool.derived("name", "quintain");
    tool("version", report.tool_version);
  });
  archive("command", report.command);
  archive.object("study", [&](auto& study) {
    study("name", report.name);
    study("about", report.about);
    study("file", report.file);
  });
  archive("default_estimator", report.default_estimator);
  archive("levels", report.levels);
  archive.derived("verdict", to_string(verdict_of(report)));
  archive("incomplete", report.incomplete);
  archive("workloads", report.workloads);
  archive.custom("wall_clock", report.wall_clock, reports::write_wall_clock,
                 reports::read_wall_clock);
  archive("costs", report.costs);
}

namespace {

constexpr std::string_view kWhat = "a study's report";

absl::StatusOr<reports::Json> write(const StudyReport& report) {
  for (const WorkloadResult& workload : report.workloads) {
    const auto config = reports::parse_config(workload.config, workload.name);
    if (!config.ok()) return config.status();
  }
  return JsonWriter::write(report);
}

bool is_flat(const reports::Json& json) {
  return std::none_of(json.begin(), json.end(),
                      [](const reports::Json& part) { return part.is_structured(); });
}

/// Like dump(json, 2), but objects and arrays without nested parts are on one line, because a study
/// has tens of thousands of numbers.
void lay_out(const reports::Json& json, const std::string& indent, std::string& out) {
  if (!json.is_structured()) {
    out += reports::dump(json, -1);
    return;
  }
  const bool one_line = is_flat(json);
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
  auto report = JsonReader::read<StudyReport>(json);
  const absl::StatusOr<reports::Json> again = write(report);
  if (!again.ok()) return again.status();
  if (absl::Status same = reports::check_same(json, *again, kWhat); !same.ok()) return same;
  return report;
} catch (const nlohmann::json::exception& error) {
  return absl::InvalidArgumentError(fmt::format("not {}: {}", kWhat, error.what()));
}

}  // namespace quintain::study
