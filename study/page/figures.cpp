#include "study/page/figures.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <string_view>
#include <utility>

#include "absl/strings/str_join.h"
#include "study/page/html.h"
#include "study/report/study_text.h"

namespace quintain::study {
namespace {

/// A picture. `finding` is of one estimator, empty if there is nothing to say of it.
struct Figure {
  /// What page.js calls it.
  std::string_view kind;
  std::string_view title;
  /// How to read it.
  std::string_view reading;
  std::function<std::string(const EstimatorResult&)> finding;
  std::function<bool(const EstimatorResult&)> has_data;
  std::function<HtmlTable()> table;
};

std::string range(double low, double high, std::string (*write)(double)) {
  return fmt::format("{} to {}", write(low), write(high));
}

/// The least and the greatest of the values that are known.
std::string spread(const std::vector<double>& values, std::string (*write)(double)) {
  double low = std::numeric_limits<double>::infinity();
  double high = -low;
  for (const double value : values) {
    if (!std::isfinite(value)) continue;
    low = std::min(low, value);
    high = std::max(high, value);
  }
  return range(low, high, write);
}

std::vector<double> coordinates(const std::vector<CurvePoint>& curve, double CurvePoint::* member) {
  std::vector<double> values;
  for (const CurvePoint& point : curve) values.push_back(point.*member);
  return values;
}

std::string y_range(const std::vector<CurvePoint>& curve, std::string (*write)(double)) {
  return spread(coordinates(curve, &CurvePoint::y), write);
}

std::vector<std::string> names_of(const std::vector<const EstimatorResult*>& results) {
  std::vector<std::string> names;
  for (const EstimatorResult* result : results) names.push_back(escape(result->name));
  return names;
}

/// A table with a column for each curve and a row for each x that any of them has.
HtmlTable curve_table(
    std::string caption, std::string x_heading,
    const std::vector<std::pair<std::string, const std::vector<CurvePoint>*>>& curves,
    std::string (*write)(double)) {
  HtmlTable table{.caption = std::move(caption), .headings = {std::move(x_heading)}};
  std::map<double, std::vector<std::string>> rows;
  for (std::size_t i = 0; i < curves.size(); ++i) {
    table.headings.push_back(curves[i].first);
    for (const CurvePoint& point : *curves[i].second) {
      if (!std::isfinite(point.x)) continue;
      auto& row = rows[point.x];
      row.resize(curves.size(), "-");
      row[i] = write(point.y);
    }
  }
  for (auto& [x, cells] : rows) {
    cells.insert(cells.begin(), plain_number(x));
    table.rows.push_back(std::move(cells));
  }
  return table;
}

/// The pictures of one workload.
class Figures {
 public:
  Figures(const StudyReport& report, std::size_t workload)
      : report_(report), index_(workload), workload_(report.workloads[workload]) {
    for (const EstimatorResult& result : workload_.estimators) all_.push_back(&result);
  }

  std::string render() const {
    std::string out = "<div class=\"figures\">\n";
    std::vector<std::string> missing;
    for (const Figure& figure : all()) {
      const bool any = std::ranges::any_of(
          all_, [&](const EstimatorResult* result) { return figure.has_data(*result); });
      if (any) {
        out += render(figure);
      } else {
        missing.emplace_back(figure.title);
      }
    }
    out += "</div>\n";
    if (!missing.empty()) {
      out +=
          fmt::format("<p class=\"missing\">No data for: {}.</p>\n", absl::StrJoin(missing, ", "));
    }
    return out;
  }

 private:
  std::string render(const Figure& figure) const {
    const std::vector<std::string> sentences = findings(figure);
    std::string list;
    for (const std::string& sentence : sentences) list += "<li>" + escape(sentence) + "</li>";
    return fmt::format(
        "<figure data-chart=\"{0}\" data-workload=\"{1}\">\n"
        "<h3>{2}</h3>\n"
        "<div class=\"plot\" role=\"img\" aria-label=\"{2}, {3}. {4}\"></div>\n"
        "<figcaption><p>{5}</p><ul class=\"finding\">{6}</ul></figcaption>\n{7}</figure>\n",
        figure.kind, index_, escape(figure.title), escape(workload_.name),
        escape(absl::StrJoin(sentences, " ")), escape(figure.reading), list,
        folded("The data", study::render(figure.table())));
  }

  /// A sentence for each estimator that a reader wants to see first; for all, if those have no
  /// data.
  std::vector<std::string> findings(const Figure& figure) const {
    std::vector<std::string> sentences;
    const auto add = [&](const std::vector<const EstimatorResult*>& results) {
      for (const EstimatorResult* result : results) {
        if (!figure.has_data(*result)) continue;
        const std::string text = figure.finding(*result);
        if (!text.empty()) sentences.push_back(fmt::format("{}: {}.", result->name, text));
      }
    };
    add(leading(workload_, report_.default_estimator));
    if (sentences.empty()) add(all_);
    return sentences;
  }

  std::vector<Figure> all() const {
    return {reliability(), pit(), ratios(), sharpness(), depth(), rolling(), scatter(), cost()};
  }

  Figure reliability() const {
    return {
        "reliability",
        "Reliability",
        "The share of executions that ended within each predicted quantile; honest forecasts lie "
        "on the diagonal. Below, the distance from it, enlarged. Bands are 95 % confidence.",
        [this](const EstimatorResult& r) {
          std::size_t worst = 0;
          const auto error = [&](std::size_t i) {
            return std::abs(r.terminal.coverage[i].value - report_.levels[i]);
          };
          for (std::size_t i = 0; i < levels_of(r); ++i) {
            if (error(i) > error(worst)) worst = i;
          }
          return fmt::format("at most {} pp from the diagonal, at {} %", points(error(worst)),
                             percent(report_.levels[worst]));
        },
        [this](const EstimatorResult& r) { return levels_of(r) > 0; },
        [this] {
          HtmlTable table{.caption = "Coverage in %, by level", .headings = {"level, %"}};
          for (const std::string& name : names_of(all_)) table.headings.push_back(name);
          for (std::size_t i = 0; i < report_.levels.size(); ++i) {
            std::vector<std::string> row = {percent(report_.levels[i])};
            for (const EstimatorResult* r : all_) {
              row.push_back(i < levels_of(*r) ? with_interval(r->terminal.coverage[i], percent)
                                              : "-");
            }
            table.rows.push_back(std::move(row));
          }
          return table;
        }};
  }

  Figure pit() const {
    return {
        "pit",
        "PIT histogram",
        "Where in its predicted distribution each actual time fell. Flat within the grey band: "
        "calibrated. A hump: forecasts too wide; a bowl: too narrow; a slope: biased.",
        [](const EstimatorResult& r) {
          return fmt::format("bars from {} %, band from {} %, p {}", spread(r.pit.bins, percent2),
                             range(r.pit.null_low, r.pit.null_high, percent2),
                             human_p_value(r.pit.p_value));
        },
        [](const EstimatorResult& r) { return !r.pit.bins.empty(); },
        [this] {
          HtmlTable table{.caption = "Share of executions in each bin, in %", .headings = {"bin"}};
          for (const std::string& name : names_of(all_)) table.headings.push_back(name);
          std::size_t bins = 0;
          for (const EstimatorResult* r : all_) bins = std::max(bins, r->pit.bins.size());
          for (std::size_t i = 0; i < bins; ++i) {
            std::vector<std::string> row = {fmt::format("{}", i + 1)};
            for (const EstimatorResult* r : all_) {
              row.push_back(i < r->pit.bins.size() ? percent2(r->pit.bins[i]) : "-");
            }
            table.rows.push_back(std::move(row));
          }
          return table;
        }};
  }

  Figure ratios() const {
    return {
        "ratios",
        "Loss against the oracle's and the baselines'",
        "Pinball loss divided by another's on the same executions; left of 1 is better. Whiskers "
        "are 95 % confidence.",
        [](const EstimatorResult& r) {
          std::vector<std::string> parts;
          const auto add = [&](const Ratio& ratio) {
            if (!std::isfinite(ratio.ratio.value) || ratio.to.empty()) return;
            parts.push_back(fmt::format("{} times the loss of {}",
                                        with_interval(ratio.ratio, human_ratio), ratio.to));
          };
          if (r.role != Role::kOracle) add(r.to_oracle);
          if (r.to_best_baseline.to != r.name) add(r.to_best_baseline);
          return absl::StrJoin(parts, ", ");
        },
        [](const EstimatorResult& r) {
          return std::isfinite(r.to_oracle.ratio.value) ||
                 std::ranges::any_of(r.to_baselines, [](const Ratio& ratio) {
                   return std::isfinite(ratio.ratio.value);
                 });
        },
        [this] {
          HtmlTable table{.caption = "Pinball loss divided by another's",
                          .headings = {"estimator", "oracle"}};
          std::vector<std::string> others;
          for (const EstimatorResult* r : all_) {
            for (const Ratio& ratio : r->to_baselines) {
              if (std::ranges::find(others, ratio.to) == others.end()) {
                others.push_back(ratio.to);
                table.headings.push_back(escape(ratio.to));
              }
            }
          }
          for (const EstimatorResult* r : all_) {
            std::vector<std::string> row = {escape(r->name),
                                            with_interval(r->to_oracle.ratio, human_ratio)};
            for (const std::string& other : others) {
              const auto ratio = std::ranges::find(r->to_baselines, other, &Ratio::to);
              row.push_back(
                  ratio == r->to_baselines.end() ? "-" : with_interval(ratio->ratio, human_ratio));
            }
            table.rows.push_back(std::move(row));
          }
          return table;
        }};
  }

  Figure sharpness() const {
    return {"sharpness",
            "Sharpness against calibration",
            "The mean width of the central 80 % interval, against the worst coverage error at 50, "
            "80, 90 and 95 %. Best is the lower left corner; narrow but far right is false "
            "certainty.",
            [](const EstimatorResult& r) {
              return fmt::format("{} wide, {} pp off", human_seconds(r.width_80),
                                 points(r.worst_coverage_error.value));
            },
            [](const EstimatorResult& r) {
              return std::isfinite(r.width_80) && std::isfinite(r.worst_coverage_error.value);
            },
            [this] {
              HtmlTable table{
                  .caption = "Mean widths of central intervals, and coverage error",
                  .headings = {"estimator", "50 %", "80 %", "90 %", "worst coverage error, pp"}};
              for (const EstimatorResult* r : all_) {
                table.rows.push_back({escape(r->name), human_seconds(r->width_50),
                                      human_seconds(r->width_80), human_seconds(r->width_90),
                                      with_interval(r->worst_coverage_error, points)});
              }
              return table;
            }};
  }

  Figure depth() const {
    return {"depth",
            "Coverage against the queue met",
            "Solid: the 90 % quantile; dashed: the median. Honest forecasts keep to their level "
            "whatever the queue.",
            [](const EstimatorResult& r) {
              const auto& curve = r.curves.coverage_90_by_depth;
              return fmt::format("the 90 % quantile covers {} % over queues of {}",
                                 y_range(curve, percent),
                                 spread(coordinates(curve, &CurvePoint::x), plain_number));
            },
            [](const EstimatorResult& r) { return !r.curves.coverage_90_by_depth.empty(); },
            [this] {
              return curve_table("Coverage in %, by the mean queue of a bin", "queue",
                                 curves({{"50 %", &Curves::coverage_50_by_depth},
                                         {"90 %", &Curves::coverage_90_by_depth}}),
                                 percent);
            }};
  }

  Figure rolling() const {
    return {"rolling",
            "Rolling coverage",
            "Coverage in windows of 500 arrivals of the first replication. Solid: the 90 % "
            "quantile; dashed: the median; vertical lines: changes of regime.",
            [this](const EstimatorResult& r) {
              std::string text = fmt::format("the 90 % quantile covers {} %",
                                             y_range(r.curves.rolling_90, percent));
              if (!workload_.changes.empty()) {
                std::vector<std::string> at;
                for (const double change : workload_.changes) at.push_back(plain_number(change));
                text += fmt::format("; changes at arrivals {}", absl::StrJoin(at, ", "));
              }
              return text;
            },
            [](const EstimatorResult& r) { return !r.curves.rolling_90.empty(); },
            [this] {
              return curve_table(
                  "Coverage in %, by the window's arrival", "arrival",
                  curves({{"50 %", &Curves::rolling_50}, {"90 %", &Curves::rolling_90}}), percent);
            }};
  }

  Figure scatter() const {
    return {
        "scatter",
        "Actual time against p50",
        "A sample of executions. Half of an honest forecaster's points lie below the diagonal, at "
        "any p50.",
        [](const EstimatorResult& r) {
          const auto& sample = r.curves.actual_by_p50;
          const auto below = std::ranges::count_if(
              sample, [](const CurvePoint& point) { return point.y <= point.x; });
          return fmt::format(
              "{} % of {} executions ended within their p50",
              percent(static_cast<double>(below) / static_cast<double>(sample.size())),
              sample.size());
        },
        [](const EstimatorResult& r) { return !r.curves.actual_by_p50.empty(); },
        [this] { return scatter_table(); }};
  }

  Figure cost() const {
    return {"cost",
            "What a prediction costs",
            "The median wall-clock time of a prediction against the executions waiting.",
            [this](const EstimatorResult& r) {
              const PredictionCost& c = *cost_of(r);
              const CurvePoint& first = c.by_depth.front();
              const CurvePoint& last = c.by_depth.back();
              return fmt::format("{} with {} waiting, {} with {}; p99 {}",
                                 human_seconds(first.y * 1e-9), plain_number(first.x),
                                 human_seconds(last.y * 1e-9), plain_number(last.x),
                                 human_seconds(c.p99_ns * 1e-9));
            },
            [this](const EstimatorResult& r) {
              const PredictionCost* c = cost_of(r);
              return c != nullptr && !c->by_depth.empty();
            },
            [this] {
              std::vector<std::pair<std::string, const std::vector<CurvePoint>*>> found;
              for (const EstimatorResult* r : all_) {
                const PredictionCost* c = cost_of(*r);
                if (c != nullptr) found.emplace_back(escape(r->name), &c->by_depth);
              }
              return curve_table("Median time of a prediction, by the executions waiting",
                                 "waiting", found,
                                 [](double ns) { return human_seconds(ns * 1e-9); });
            }};
  }

  /// The points themselves would be no help to a reader: what they show is told by fifths of p50.
  HtmlTable scatter_table() const {
    HtmlTable table{.caption = "By fifths of the sample, from the shortest p50 to the longest",
                    .headings = {"estimator", "fifth", "p50 from", "to", "median actual time",
                                 "within p50, %"}};
    for (const EstimatorResult* r : all_) {
      std::vector<CurvePoint> sample = r->curves.actual_by_p50;
      std::erase_if(sample,
                    [](const CurvePoint& p) { return !std::isfinite(p.x) || !std::isfinite(p.y); });
      std::ranges::sort(sample, {}, [](const CurvePoint& p) { return std::pair(p.x, p.y); });
      for (std::size_t fifth = 0; fifth < 5 && sample.size() >= 5; ++fifth) {
        const std::size_t begin = fifth * sample.size() / 5;
        const std::size_t end = (fifth + 1) * sample.size() / 5;
        std::vector<double> actual;
        double within = 0;
        for (std::size_t i = begin; i < end; ++i) {
          actual.push_back(sample[i].y);
          if (sample[i].y <= sample[i].x) within += 1;
        }
        std::ranges::sort(actual);
        table.rows.push_back({escape(r->name), fmt::format("{}", fifth + 1),
                              human_seconds(sample[begin].x), human_seconds(sample[end - 1].x),
                              human_seconds(actual[actual.size() / 2]),
                              percent(within / static_cast<double>(end - begin))});
      }
    }
    return table;
  }

  static std::string percent2(double share) { return human_number(100 * share); }

  /// How many levels the estimator has coverage at.
  std::size_t levels_of(const EstimatorResult& r) const {
    return std::min(report_.levels.size(), r.terminal.coverage.size());
  }

  std::vector<std::pair<std::string, const std::vector<CurvePoint>*>> curves(
      const std::vector<std::pair<std::string_view, std::vector<CurvePoint> Curves::*>>& members)
      const {
    std::vector<std::pair<std::string, const std::vector<CurvePoint>*>> found;
    for (const EstimatorResult* r : all_) {
      for (const auto& [name, member] : members) {
        found.emplace_back(fmt::format("{} {}", escape(r->name), name), &(r->curves.*member));
      }
    }
    return found;
  }

  const PredictionCost* cost_of(const EstimatorResult& r) const {
    const auto found = std::ranges::find_if(report_.costs, [&](const PredictionCost& cost) {
      return cost.workload == workload_.name && cost.estimator == r.name;
    });
    return found == report_.costs.end() ? nullptr : &*found;
  }

  const StudyReport& report_;
  std::size_t index_;
  const WorkloadResult& workload_;
  std::vector<const EstimatorResult*> all_;
};

}  // namespace

std::string render_figures(const StudyReport& report, std::size_t workload) {
  return Figures(report, workload).render();
}

}  // namespace quintain::study
