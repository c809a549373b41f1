#include "cli/explore_report.h"

#include <absl/strings/str_join.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>
#include <variant>

#include "cli/results.h"

namespace quintain::cli {
namespace {

// A search of this many worlds has to reach every situation.
constexpr std::int64_t kEnoughWorlds = 5000;

constexpr std::string_view kCoverage = "coverage";
constexpr std::string_view kWorlds = "worlds";

reports::Metric number(std::string_view name, std::int64_t value) {
  return {.name = std::string(name), .value = value, .unit = ""};
}

std::int64_t value_of(const reports::Case& c, std::string_view name) {
  const auto found = std::ranges::find(c.metrics, name, &reports::Metric::name);
  if (found == c.metrics.end()) return 0;
  const auto* value = std::get_if<std::int64_t>(&found->value);
  return value == nullptr ? 0 : *value;
}

std::int64_t steps_in(const nlohmann::ordered_json& document) {
  return document.contains("steps") ? std::ssize(document["steps"]) : 0;
}

// What stands behind the observation of a failure.
std::string note_of(const reports::Case& failure) {
  return fmt::format(" (in {} worlds; shrunk from {} steps to {} with {} runs)",
                     value_of(failure, kWorlds), value_of(failure, "steps.drawn"),
                     value_of(failure, "steps.shrunk"), value_of(failure, "runs"));
}

void judge_coverage(reports::Case& coverage, bool random, bool whole) {
  std::vector<std::string> missing;
  for (const std::string_view situation : scenarios::Situations::expected()) {
    if (value_of(coverage, situation) == 0) missing.emplace_back(situation);
  }
  const bool judged = random && whole && value_of(coverage, kWorlds) >= kEnoughWorlds;
  coverage.checks = {
      {.name = "situations",
       .kind = reports::CheckKind::kExpectation,
       .verdict =
           judged && !missing.empty() ? reports::Verdict::kFailed : reports::Verdict::kPassed,
       .expected = "every situation is reached",
       .observed = missing.empty() ? "all are" : "not reached: " + absl::StrJoin(missing, ", ")}};
}

reports::Case empty_coverage(bool random) {
  reports::Case coverage;
  coverage.name = kCoverage;
  coverage.config = nlohmann::json{{"random", random}}.dump();
  coverage.reproduce = "quintain explore";
  return coverage;
}

bool is_random(const reports::Case& coverage) {
  const auto config = nlohmann::json::parse(coverage.config, nullptr, false);
  return config.is_object() && config.value("random", nlohmann::json()) == true;
}

}  // namespace

reports::Case coverage_case(const scenarios::Explored& explored, bool random, bool whole) {
  reports::Case coverage = empty_coverage(random);
  coverage.metrics = {number(kWorlds, static_cast<std::int64_t>(explored.worlds))};
  for (const auto& [situation, count] : explored.situations.counts()) {
    coverage.metrics.push_back(number(situation, count));
  }
  judge_coverage(coverage, random, whole);
  return coverage;
}

reports::Case failure_case(const scenarios::ExploredFailure& failure, const std::string& world,
                           const std::string& path) {
  reports::Case result;
  result.name = fmt::format("{}/{}", world, failure.check);
  result.file = path;
  result.seed = failure.seed;
  result.config = failure.document.dump();
  result.metrics = {number(kWorlds, failure.worlds), number("steps.drawn", steps_in(failure.drawn)),
                    number("steps.shrunk", steps_in(failure.document)),
                    number("runs", failure.tried)};
  result.checks.push_back({.name = failure.check,
                           .kind = reports::CheckKind::kInvariant,
                           .verdict = reports::Verdict::kFailed,
                           .expected = "no world violates it",
                           .observed = failure.observed + note_of(result)});
  result.reproduce = fmt::format("quintain run {} --clauses", quoted(path));
  return result;
}

std::vector<reports::Case> combine_explored(const std::vector<std::vector<reports::Case>>& shards) {
  std::map<std::string, std::int64_t> counts;
  std::map<std::string, reports::Case> failures;  // by check
  bool random = false;
  for (const auto& cases : shards) {
    for (const reports::Case& c : cases) {
      if (c.name == kCoverage) {
        random |= is_random(c);
        for (const reports::Metric& metric : c.metrics) {
          counts[metric.name] += value_of(c, metric.name);
        }
        continue;
      }
      if (c.checks.empty()) continue;
      const auto [known, is_new] = failures.try_emplace(c.checks.front().name, c);
      if (is_new) continue;
      const std::int64_t worlds = value_of(known->second, kWorlds) + value_of(c, kWorlds);
      reports::Case first = c.seed < known->second.seed ? c : known->second;
      std::string& observed = first.checks.front().observed;
      const std::string note = note_of(first);
      if (observed.ends_with(note)) observed.resize(observed.size() - note.size());
      std::ranges::find(first.metrics, kWorlds, &reports::Metric::name)->value = worlds;
      observed += note_of(first);
      known->second = std::move(first);
    }
  }
  reports::Case coverage = empty_coverage(random);
  coverage.metrics = {number(kWorlds, counts[std::string(kWorlds)])};
  counts.erase(std::string(kWorlds));
  for (const auto& [situation, count] : counts) {
    coverage.metrics.push_back(number(situation, count));
  }
  judge_coverage(coverage, random, true);
  std::vector<reports::Case> combined = {std::move(coverage)};
  for (auto& [check, failure] : failures) combined.push_back(std::move(failure));
  std::stable_sort(combined.begin() + 1, combined.end(),
                   [](const auto& a, const auto& b) { return a.seed < b.seed; });
  combined.resize(std::min(combined.size(), scenarios::kMaxExploredFailures + 1));
  return combined;
}

}  // namespace quintain::cli
