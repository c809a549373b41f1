// The report as JUnit XML.
#include "reports/formats.h"

#include <fmt/format.h>

#include <chrono>
#include <string_view>

#include "reports/pieces.h"
#include "reports/report.h"
#include "reports/table.h"
#include "reports/text.h"

namespace quintain::reports {
namespace {

/// In seconds with three decimals: some readers fail on more digits or on an exponent.
std::string seconds(std::chrono::duration<double> d) { return fmt::format("{:.3f}", d.count()); }

std::string attribute(std::string_view name, std::string_view value) {
  return fmt::format(" {}=\"{}\"", name, xml_attribute(value));
}

/// The number of testcases, and of those with each kind of element.
std::string counts(const Totals& totals) {
  return fmt::format(R"( tests="{}" failures="{}" errors="{}" skipped="{}")", totals.cases,
                     totals.failed + totals.unexpected_passes, totals.error,
                     totals.skipped + totals.not_judged + totals.known_failures);
}

std::string property(std::string_view name, std::string_view value) {
  if (value.empty()) return "";
  return fmt::format("<property{}{}/>", attribute("name", name), attribute("value", value));
}

/// The element for the outcome of the case; empty if it passed.
std::string outcome_element(const Case& c) {
  std::string_view element;
  switch (outcome_of(c)) {
    case Outcome::kPassed:
      return "";
    case Outcome::kSkipped:
    case Outcome::kNotJudged:
    case Outcome::kKnownFailure:
      return fmt::format("      <skipped{}/>\n", attribute("message", headline(c)));
    case Outcome::kError:
      element = "error";
      break;
    case Outcome::kFailed:
    case Outcome::kUnexpectedPass:
      element = "failure";
      break;
  }
  return fmt::format("      <{0}{1}{2}>{3}</{0}>\n", element, attribute("message", headline(c)),
                     attribute("type", to_string(verdict_of(c))), xml_text(render_details(c)));
}

std::string suite_name(const std::string& folder) { return folder.empty() ? "quintain" : folder; }

}  // namespace

std::string junit_case(const Case& c, const std::vector<std::uint64_t>& seeds) {
  std::string out = fmt::format(
      "    <testcase{}{}{}{}>\n", attribute("name", name_in_group(c, seeds)),
      attribute("classname", suite_name(folder_of(c))),
      c.file.empty() ? "" : attribute("file", c.file), attribute("time", seconds(c.virtual_time)));
  const std::string properties =
      (seeds.empty() ? "" : property("seed", fmt::format("{}", c.seed))) +
      property("reproduce", c.reproduce);
  if (!properties.empty()) {
    out += fmt::format("      <properties>{}</properties>\n", properties);
  }
  out += outcome_element(c);
  if (outcome_of(c) == Outcome::kPassed) {
    if (const std::string warnings = render_details(c); !warnings.empty()) {
      out += fmt::format("      <system-out>{}</system-out>\n", xml_text(warnings));
    }
  }
  return out + "    </testcase>\n";
}

std::string junit_suite_head(const Report& head, const JUnitSuite& suite) {
  return fmt::format("  <testsuite{}{}{}{}>\n    <properties>{}{}</properties>\n",
                     attribute("name", suite_name(suite.folder)), counts(suite.totals),
                     attribute("time", seconds(suite.time)),
                     attribute("timestamp", head.wall_clock.started_at),
                     property("version", head.tool_version), property("command", head.command));
}

std::string_view junit_suite_tail() { return "  </testsuite>\n"; }

std::string junit_head(const Report& head, const Totals& totals) {
  const std::chrono::duration<double> time(head.wall_clock.duration_seconds);
  return fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"quintain\"{}{}>\n",
      counts(totals), attribute("time", seconds(time)));
}

std::string_view junit_tail() { return "</testsuites>\n"; }

std::string to_junit(const Report& report) {
  std::string out = junit_head(report, totals_of(report));
  for (const CaseGroup& group : group_by_folder(report)) {
    JUnitSuite suite{.folder = group.name, .totals = {}};
    std::string cases;
    for (const Case* c : group.cases) {
      suite.totals.add(*c);
      suite.time += c->virtual_time;
      cases += junit_case(*c, report.seeds);
    }
    out += junit_suite_head(report, suite);
    out += cases;
    out += junit_suite_tail();
  }
  return out.append(junit_tail());
}

}  // namespace quintain::reports
