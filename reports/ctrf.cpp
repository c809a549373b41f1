// The report in the Common Test Report Format.
#include "reports/formats.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string_view>

#include "absl/time/time.h"
#include "reports/json_parts.h"
#include "reports/report.h"
#include "reports/table.h"

namespace quintain::reports {
namespace {

struct Status {
  std::string_view name;
  std::string_view raw;
};

Status status_of(const Case& c) {
  switch (outcome_of(c)) {
    case Outcome::kPassed:
      return {"passed", "passed"};
    case Outcome::kFailed:
      return {"failed", "failed"};
    case Outcome::kSkipped:
      return {"skipped", "skipped"};
    case Outcome::kNotJudged:
      return {"other", "not judged"};
    case Outcome::kKnownFailure:
      return {"other", "known failure"};
    case Outcome::kUnexpectedPass:
      return {"failed", "unexpected pass"};
    case Outcome::kError:
      break;
  }
  return {"failed", "error"};
}

std::int64_t milliseconds(std::chrono::nanoseconds d) {
  return std::chrono::round<std::chrono::milliseconds>(d).count();
}

Json write_test(const Case& c, const CaseGroup& group, const Report& report) {
  const Status status = status_of(c);
  // Many readers show only the name, so it includes the folder.
  const std::string folder = group.name.empty() ? "" : group.name + "/";
  Json json = {{"name", folder + name_in_group(c, report)},
               {"status", status.name},
               {"duration", milliseconds(c.virtual_time)}};
  if (!group.name.empty()) json["suite"] = Json::array({group.name});
  if (const std::string message = headline(c); !message.empty()) json["message"] = message;
  if (const std::string details = render_details(c); !details.empty()) json["trace"] = details;
  json["rawStatus"] = status.raw;
  if (!c.file.empty()) json["filePath"] = c.file;
  const auto warnings = std::ranges::count(c.checks, Verdict::kWarning, &Check::verdict);
  Json extra = {{"checks", c.checks.size()}, {"warnings", warnings}, {"reproduce", c.reproduce}};
  if (!report.seeds.empty()) extra["seed"] = c.seed;
  json["extra"] = std::move(extra);
  return json;
}

Json write_summary(const Report& report, std::size_t suites) {
  const auto count = [&](std::string_view name) {
    return std::ranges::count(report.cases, name, [](const Case& c) { return status_of(c).name; });
  };
  absl::Time started = absl::UnixEpoch();
  (void)absl::ParseTime(absl::RFC3339_full, report.wall_clock.started_at, &started, nullptr);
  const std::int64_t start = absl::ToUnixMillis(started);
  const double seconds = report.wall_clock.duration_seconds;
  const std::int64_t duration = std::isfinite(seconds) ? std::llround(seconds * 1000) : 0;
  return {{"tests", report.cases.size()},
          {"passed", count("passed")},
          {"failed", count("failed")},
          {"skipped", count("skipped")},
          {"pending", count("pending")},
          {"other", count("other")},
          {"suites", suites},
          {"start", start},
          {"stop", start + duration},
          {"duration", duration}};
}

}  // namespace

std::string to_ctrf(const Report& report) {
  const std::vector<CaseGroup> groups = group_by_folder(report);
  Json tests = Json::array();
  for (const CaseGroup& group : groups) {
    for (const Case* c : group.cases) tests.push_back(write_test(*c, group, report));
  }
  Json facts = Json::object();
  for (const auto& [name, value] : report.wall_clock.environment) facts[name] = value;
  Json json = {{"reportFormat", "CTRF"}, {"specVersion", "0.1.0"}};
  // An empty timestamp would be invalid for strict readers.
  if (!report.wall_clock.started_at.empty()) json["timestamp"] = report.wall_clock.started_at;
  json["generatedBy"] = "quintain";
  json["results"] = {
      {"tool", {{"name", "quintain"}, {"version", report.tool_version}}},
      {"summary", write_summary(report, groups.size())},
      {"tests", std::move(tests)},
      {"environment", {{"extra", std::move(facts)}}},
      {"extra", {{"command", report.command}, {"warnings", totals_of(report).warnings}}}};
  return dump(json, 2) + "\n";
}

}  // namespace quintain::reports
