// The JSON form of a cell: a description of each struct for the archives of json_archive.h.
#include "study/comparison/cell.h"
#include "study/report/json_archive.h"

namespace quintain::study {

template <class Archive>
void describe(Archive& archive, CallCounts& counts) {
  archive("predicted", counts.predicted);
  archive("completed", counts.completed);
  archive("failed", counts.failed);
  archive("timed_out", counts.timed_out);
  archive("cancelled", counts.cancelled);
  archive("unfinished", counts.unfinished);
  archive("dropped", counts.dropped);
  archive("refused", counts.refused);
}

template <class Archive>
void describe(Archive& archive, PartScores& part) {
  archive("scored", part.scored);
  archive("censored", part.censored);
  archive("pinball", part.pinball);
  archive("pinball_by_level", part.pinball_by_level);
  archive("crps", part.crps);
  archive("interval_score_80", part.interval_score_80);
  archive("interval_score_90", part.interval_score_90);
  archive("absolute_error", part.absolute_error);
  archive("percentage_error", part.percentage_error);
  archive("error", part.error);
  archive("coverage", part.coverage);
  archive("judged_coverage", part.judged_coverage);
}

template <class Archive>
void describe(Archive& archive, StratumScores& stratum) {
  archive("depth_quintile", stratum.depth_quintile);
  archive("cold", stratum.cold);
  archive("popularity_tercile", stratum.popularity_tercile);
  archive("executions", stratum.executions);
  archive("covered", stratum.covered);
}

template <class Archive>
void describe(Archive& archive, CoverageGroup& group) {
  archive("at", group.at);
  archive("executions", group.executions);
  archive("covered_50", group.covered_50);
  archive("covered_90", group.covered_90);
}

template <class Archive>
void describe(Archive& archive, LossSum& sum) {
  archive("executions", sum.executions);
  archive("pinball", sum.pinball);
}

template <class Archive>
void describe(Archive& archive, PointPair& pair) {
  archive("predicted", pair.predicted);
  archive("actual", pair.actual);
}

template <class Archive>
void describe(Archive& archive, SeriesScores& series) {
  archive("estimator", series.estimator);
  archive("terminal", series.terminal);
  archive("success", series.success);
  archive("width_50", series.width_50);
  archive("width_80", series.width_80);
  archive("width_90", series.width_90);
  archive("pit", series.pit);
  archive("pit_effective", series.pit_effective);
  archive("strata", series.strata);
  archive("by_depth", series.by_depth);
  archive("losses_by_depth", series.losses_by_depth);
  archive("windows", series.windows);
  archive("after_change", series.after_change);
  archive("recovery", series.recovery);
  archive("scatter", series.scatter);
  archive("bytes", series.bytes);
  archive("bytes_per_function", series.bytes_per_function);
}

template <class Archive>
void describe(Archive& archive, CellCost& cost) {
  archive("estimator", cost.estimator);
  archive("p50", cost.p50);
  archive("p99", cost.p99);
  archive("by_depth", cost.by_depth);
}

template <class Archive>
void describe(Archive& archive, CellResult& cell) {
  archive("seed", cell.seed);
  archive("counts", cell.counts);
  archive("warm_up_found", cell.warm_up_found);
  archive("warm_up_cut", cell.warm_up_cut);
  archive("changes", cell.changes);
  archive("closed_forms", cell.closed_forms);
  archive("estimators", cell.estimators);
  archive("digest", cell.digest);
  archive("costs", cell.costs);
}

std::string to_json(const CellResult& cell) {
  return reports::dump(JsonWriter::write(cell), /*indent=*/-1);
}

std::optional<CellResult> cell_from_json(std::string_view text) try {
  const auto json = reports::Json::parse(text);
  auto cell = JsonReader::read<CellResult>(json);
  const bool same = reports::check_same(json, JsonWriter::write(cell), "a cell").ok();
  return same ? std::optional(std::move(cell)) : std::nullopt;
} catch (const nlohmann::json::exception&) {
  return std::nullopt;
}

}  // namespace quintain::study
