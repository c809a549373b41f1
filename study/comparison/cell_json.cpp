#include "study/comparison/cell_json.h"

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <type_traits>

namespace quintain::study {
namespace {

using nlohmann::json;

// One description of each type serves both directions: describe(archive, object) names every
// member, and the archive reads or writes it.

template <class Archive, class T>
void describe(Archive& archive, T& counts)
  requires std::is_same_v<std::remove_const_t<T>, CallCounts>
{
  archive("predicted", counts.predicted);
  archive("completed", counts.completed);
  archive("failed", counts.failed);
  archive("timed_out", counts.timed_out);
  archive("cancelled", counts.cancelled);
  archive("unfinished", counts.unfinished);
  archive("dropped", counts.dropped);
  archive("refused", counts.refused);
}

template <class Archive, class T>
void describe(Archive& archive, T& part)
  requires std::is_same_v<std::remove_const_t<T>, PartScores>
{
  archive("scored", part.scored);
  archive("censored", part.censored);
  archive("pinball", part.pinball);
  archive("pinball_by_level", part.pinball_by_level);
  archive("interval_score_80", part.interval_score_80);
  archive("interval_score_90", part.interval_score_90);
  archive("absolute_error", part.absolute_error);
  archive("percentage_error", part.percentage_error);
  archive("error", part.error);
  archive("coverage", part.coverage);
  archive("judged_coverage", part.judged_coverage);
}

template <class Archive, class T>
void describe(Archive& archive, T& stratum)
  requires std::is_same_v<std::remove_const_t<T>, StratumScores>
{
  archive("depth_quintile", stratum.depth_quintile);
  archive("cold", stratum.cold);
  archive("popularity_tercile", stratum.popularity_tercile);
  archive("executions", stratum.executions);
  archive("covered", stratum.covered);
}

template <class Archive, class T>
void describe(Archive& archive, T& group)
  requires std::is_same_v<std::remove_const_t<T>, CoverageGroup>
{
  archive("at", group.at);
  archive("executions", group.executions);
  archive("covered_50", group.covered_50);
  archive("covered_90", group.covered_90);
}

template <class Archive, class T>
void describe(Archive& archive, T& sum)
  requires std::is_same_v<std::remove_const_t<T>, LossSum>
{
  archive("executions", sum.executions);
  archive("pinball", sum.pinball);
}

template <class Archive, class T>
void describe(Archive& archive, T& pair)
  requires std::is_same_v<std::remove_const_t<T>, PointPair>
{
  archive("predicted", pair.predicted);
  archive("actual", pair.actual);
}

template <class Archive, class T>
void describe(Archive& archive, T& series)
  requires std::is_same_v<std::remove_const_t<T>, SeriesScores>
{
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
  archive("windows", series.windows);
  archive("after_change", series.after_change);
  archive("recovery", series.recovery);
  archive("scatter", series.scatter);
  archive("bytes", series.bytes);
  archive("bytes_per_function", series.bytes_per_function);
}

template <class Archive, class T>
void describe(Archive& archive, T& cost)
  requires std::is_same_v<std::remove_const_t<T>, CellCost>
{
  archive("estimator", cost.estimator);
  archive("p50", cost.p50);
  archive("p99", cost.p99);
  archive("by_depth", cost.by_depth);
}

template <class Archive, class T>
void describe(Archive& archive, T& cell)
  requires std::is_same_v<std::remove_const_t<T>, CellResult>
{
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

template <class T>
inline constexpr bool kIsList = false;
template <class T>
inline constexpr bool kIsList<std::vector<T>> = true;

template <class T>
json written(const T& value);

class Writer {
 public:
  template <class T>
  void operator()(const char* name, const T& value) {
    object_[name] = written(value);
  }
  json take() { return std::move(object_); }

 private:
  json object_ = json::object();
};

template <class T>
json written(const T& value) {
  if constexpr (kIsList<T>) {
    json list = json::array();
    for (const auto& element : value) list.push_back(written(element));
    return list;
  } else if constexpr (std::is_class_v<T> && !std::is_same_v<T, std::string>) {
    Writer writer;
    describe(writer, value);
    return writer.take();
  } else {
    return value;  // a double that is not a number becomes null
  }
}

template <class T>
void read(const json& value, T& into);

class ObjectParser {
 public:
  explicit ObjectParser(const json& object) : object_(object) {}

  template <class T>
  void operator()(const char* name, T& into) {
    read(object_.at(name), into);
  }

 private:
  const json& object_;
};

template <class T>
void read(const json& value, T& into) {
  if constexpr (kIsList<T>) {
    for (const json& element : value) read(element, into.emplace_back());
  } else if constexpr (std::is_class_v<T> && !std::is_same_v<T, std::string>) {
    ObjectParser parser(value);
    describe(parser, into);
  } else if constexpr (std::is_same_v<T, double>) {
    into = value.is_null() ? std::numeric_limits<double>::quiet_NaN() : value.get<double>();
  } else {
    into = value.get<T>();
  }
}

}  // namespace

std::string to_json(const CellResult& cell) { return written(cell).dump(); }

std::optional<CellResult> cell_from_json(std::string_view text) {
  // nlohmann's reading throws on a key or a type that is not there; a kept file may be anybody's.
  try {
    CellResult cell;
    read(json::parse(text), cell);
    return cell;
  } catch (const json::exception&) {
    return std::nullopt;
  }
}

}  // namespace quintain::study
