// The report in the Common Test Report Format.
#include "reports/formats.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "absl/time/time.h"
#include "reports/json_parts.h"
#include "reports/pieces.h"
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

Json write_test(const Case& c, const std::vector<std::uint64_t>& seeds) {
  const Status status = status_of(c);
  // Many readers show only the name, so it includes the folder.
  const std::string folder = folder_of(c);
  Json json = {{"name", (folder.empty() ? "" : folder + "/") + name_in_group(c, seeds)},
               {"status", status.name},
               {"duration", milliseconds(c.virtual_time)}};
  if (!folder.empty()) json["suite"] = Json::array({folder});
  if (const std::string message = headline(c); !message.empty()) json["message"] = message;
  if (const std::string details = render_details(c); !details.empty()) json["trace"] = details;
  json["rawStatus"] = status.raw;
  if (!c.file.empty()) json["filePath"] = c.file;
  const auto warnings = std::ranges::count(c.checks, Verdict::kWarning, &Check::verdict);
  Json extra = {{"checks", c.checks.size()}, {"warnings", warnings}, {"reproduce", c.reproduce}};
  if (!seeds.empty()) extra["seed"] = c.seed;
  json["extra"] = std::move(extra);
  return json;
}

// The counts agree with status_of().
Json write_summary(const Report& report, const Totals& totals, std::size_t suites) {
  absl::Time started = absl::UnixEpoch();
  (void)absl::ParseTime(absl::RFC3339_full, report.wall_clock.started_at, &started, nullptr);
  const std::int64_t start = absl::ToUnixMillis(started);
  const double seconds = report.wall_clock.duration_seconds;
  const std::int64_t duration = std::isfinite(seconds) ? std::llround(seconds * 1000) : 0;
  return {{"tests", totals.cases},
          {"passed", totals.passed},
          {"failed", totals.failed + totals.unexpected_passes + totals.error},
          {"skipped", totals.skipped},
          {"pending", 0},
          {"other", totals.not_judged + totals.known_failures},
          {"suites", suites},
          {"start", start},
          {"stop", start + duration},
          {"duration", duration}};
}

constexpr std::string_view kTests = "\"tests\": \"HERE\"";

}  // namespace

std::string ctrf_case(const Case& c, const std::vector<std::uint64_t>& seeds) {
  return "      " + indented(dump(write_test(c, seeds), 2), 6);
}

void write_ctrf(const Report& head, const Totals& totals, std::size_t suites,
                const CaseTexts& cases, const Sink& sink) {
  Json facts = Json::object();
  for (const auto& [name, value] : head.wall_clock.environment) facts[name] = value;
  Json json = {{"reportFormat", "CTRF"}, {"specVersion", "0.1.0"}};
  // An empty timestamp would be invalid for strict readers.
  if (!head.wall_clock.started_at.empty()) json["timestamp"] = head.wall_clock.started_at;
  json["generatedBy"] = "quintain";
  json["results"] = {{"tool", {{"name", "quintain"}, {"version", head.tool_version}}},
                     {"summary", write_summary(head, totals, suites)},
                     {"tests", "HERE"},
                     {"environment", {{"extra", std::move(facts)}}},
                     {"extra", {{"command", head.command}, {"warnings", totals.warnings}}}};
  const std::string text = dump(json, 2) + "\n";
  // Only a member can look like this: a quote within a text is escaped.
  const std::size_t tests = text.find(kTests);
  sink(std::string_view(text).substr(0, tests));
  sink(totals.cases == 0 ? "\"tests\": [" : "\"tests\": [\n");
  cases(",\n", sink);
  sink(totals.cases == 0 ? "]" : "\n    ]");
  sink(std::string_view(text).substr(tests + kTests.size()));
}

std::string to_ctrf(const Report& report) {
  const std::vector<CaseGroup> groups = group_by_folder(report);
  std::string out;
  write_ctrf(
      report, totals_of(report), groups.size(),
      [&](std::string_view separator, const Sink& sink) {
        bool first = true;
        for (const CaseGroup& group : groups) {
          for (const Case* c : group.cases) {
            if (!std::exchange(first, false)) sink(separator);
            sink(ctrf_case(*c, report.seeds));
          }
        }
      },
      [&](std::string_view text) { out += text; });
  return out;
}

}  // namespace quintain::reports
