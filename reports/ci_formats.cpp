// The report in the smaller formats of CI servers: TAP, SARIF, Markdown and GitHub's annotations.
// The document of each is a head, a text for each case (which may be empty), and a tail.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_replace.h"
#include "reports/formats.h"
#include "reports/json_parts.h"
#include "reports/pieces.h"
#include "reports/report.h"
#include "reports/table.h"
#include "reports/text.h"

namespace quintain::reports {
namespace {

using Seeds = std::vector<std::uint64_t>;

// The name with its folder; it ends in the seed if there are several.
std::string full_name(const Case& c, const Seeds& seeds) {
  const std::string folder = folder_of(c);
  return (folder.empty() ? "" : folder + "/") + name_in_group(c, seeds);
}

bool is_failure(const Case& c) {
  const Outcome outcome = outcome_of(c);
  return outcome == Outcome::kFailed || outcome == Outcome::kError ||
         outcome == Outcome::kUnexpectedPass;
}

// ---- TAP ----------------------------------------------------------------------------------------

// A description ends at a '#', where a directive starts.
std::string tap_text(std::string_view text) {
  return absl::StrReplaceAll(printable(text, " "), {{"\\", "\\\\"}, {"#", "\\#"}});
}

// A string of JSON is one of YAML, too.
std::string yaml_text(const std::string& text) { return dump(Json(text), -1); }

std::string tap_case(const Case& c, const Seeds& seeds) {
  const std::string name = tap_text(full_name(c, seeds));
  switch (outcome_of(c)) {
    case Outcome::kPassed:
      return fmt::format("ok - {}\n", name);
    case Outcome::kSkipped:
    case Outcome::kNotJudged:
      return fmt::format("ok - {} # SKIP {}\n", name, tap_text(headline(c)));
    case Outcome::kKnownFailure:
      return fmt::format("not ok - {} # TODO {}\n", name, tap_text(c.known_failure));
    case Outcome::kFailed:
    case Outcome::kError:
    case Outcome::kUnexpectedPass:
      break;
  }
  return fmt::format(
      "not ok - {}\n  ---\n  message: {}\n  severity: {}\n  reproduce: {}\n  details: {}\n  ...\n",
      name, yaml_text(headline(c)), outcome_of(c) == Outcome::kError ? "error" : "fail",
      yaml_text(c.reproduce), yaml_text(render_details(c)));
}

void write_tap(const Report& head, const Totals& totals, const CaseTexts& cases, const Sink& sink) {
  sink(fmt::format("TAP version 14\n1..{}\n", totals.cases));
  cases("", sink);
  if (!head.incomplete.empty()) sink(fmt::format("Bail out! {}\n", tap_text(head.incomplete)));
}

// ---- SARIF --------------------------------------------------------------------------------------

// What stays the same when the same property fails in another case.
std::string rule_of(const Check& check) {
  if (check.kind == CheckKind::kExpectation) return "expectation";
  const std::string name = printable(check.name);
  return check.kind == CheckKind::kClause ? name.substr(0, name.find('/')) : name;
}

// A relative reference, or a file URL (RFC 3986).
std::string uri_of(std::string_view path) {
  std::string uri = path.starts_with('/') ? "file://" : "";
  constexpr std::string_view kPlain = "-._~/!$&'()*+,;=@";
  for (const char c : path) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       kPlain.find(c) != std::string_view::npos;
    uri += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return uri;
}

// The same for the same check of the same case in every run: FNV-1a.
std::string fingerprint(std::string_view text) {
  std::uint64_t hash = 14695981039346656037U;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211U;
  return write_digest(hash);
}

std::string sarif_result(const Case& c, const Seeds& seeds, const std::string& rule, bool warning,
                         const std::string& message, const Location& place) {
  const std::string name = full_name(c, seeds);
  const Json physical = {{"artifactLocation", {{"uri", uri_of(place.file)}}},
                         {"region", {{"startLine", place.line}}}};
  Json result = {
      {"ruleId", rule},
      {"level", warning ? "warning" : "error"},
      {"message", {{"text", message}}},
      {"locations",
       Json::array({{{"physicalLocation", physical},
                     {"logicalLocations", Json::array({{{"fullyQualifiedName", name}}})}}})},
      {"partialFingerprints", {{"quintain/v1", fingerprint(name + '\n' + rule + '\n' + message)}}}};
  if (!c.reproduce.empty()) result["properties"] = {{"reproduce", c.reproduce}};
  return "        " + indented(dump(result, 2), 8);
}

// The failed checks that have a place in a file: their own, or that of the case.
std::string sarif_case(const Case& c, const Seeds& seeds) {
  std::vector<std::string> results;
  const auto place_of = [&](const Check* check) {
    return check != nullptr && check->where ? *check->where : Location{.file = c.file};
  };
  const auto add = [&](const std::string& rule, bool warning, const std::string& message,
                       const Location& place) {
    if (place.file.empty()) return;
    results.push_back(sarif_result(c, seeds, rule, warning, message, place));
  };
  const Outcome outcome = outcome_of(c);
  if (outcome == Outcome::kUnexpectedPass || !c.error_message.empty()) {
    add(outcome == Outcome::kUnexpectedPass ? "known-failure-passes" : "error", false, headline(c),
        place_of(nullptr));
  }
  if (outcome != Outcome::kKnownFailure) {
    for (const Check& check : c.checks) {
      const bool warning = check.verdict == Verdict::kWarning;
      if (!warning && check.verdict != Verdict::kFailed && check.verdict != Verdict::kError) {
        continue;
      }
      add(rule_of(check), warning,
          fmt::format("{}: expected: {}; observed: {}", c.name, check.expected, check.observed),
          place_of(&check));
    }
  }
  return fmt::format("{}", fmt::join(results, ",\n"));
}

constexpr std::string_view kResults = "\"results\": \"HERE\"";

void write_sarif(const Report& head, const Totals& totals, const CaseTexts& cases,
                 const Sink& sink) {
  const bool good = head.incomplete.empty() && totals.error == 0;
  const Json run = {{"tool", {{"driver", {{"name", "quintain"}, {"version", head.tool_version}}}}},
                    {"invocations",
                     Json::array({{{"commandLine", head.command}, {"executionSuccessful", good}}})},
                    {"results", "HERE"}};
  const Json json = {{"$schema", "https://json.schemastore.org/sarif-2.1.0.json"},
                     {"version", "2.1.0"},
                     {"runs", Json::array({run})}};
  const std::string text = dump(json, 2) + "\n";
  // Only a member can look like this: a quote within a text is escaped.
  const std::size_t at = text.find(kResults);
  sink(std::string_view(text).substr(0, at));
  sink("\"results\": [");
  bool any = false;
  cases(",\n", [&](std::string_view part) {
    if (!std::exchange(any, true)) sink("\n");
    sink(part);
  });
  sink(any ? "\n      ]" : "]");
  sink(std::string_view(text).substr(at + kResults.size()));
}

// ---- Markdown -----------------------------------------------------------------------------------

std::string markdown_case(const Case& c, const Seeds& seeds) {
  if (!is_failure(c)) return "";
  const std::string details = render_details(c);
  return fmt::format("<details><summary><b>{}</b>: {}</summary>\n<pre>{}</pre>\n</details>\n\n",
                     markup_text(full_name(c, seeds), " "), markup_text(headline(c), " "),
                     markup_text(details.empty() ? headline(c) : details, "\n"));
}

void write_markdown(const Report& head, const Totals& totals, const CaseTexts& cases,
                    const Sink& sink) {
  // GitHub refuses a summary of more than 1 MiB.
  constexpr std::size_t kMaxBytes = std::size_t{900} << 10;
  constexpr std::int64_t kMaxFailures = 50;
  const std::string_view verdict = to_string(verdict_of(totals, !head.incomplete.empty()));
  sink(fmt::format("## quintain: {}\n\n", verdict));
  if (!head.incomplete.empty()) {
    sink(fmt::format("The run ended early: {}.\n\n", markup_text(head.incomplete, " ")));
  }
  sink(
      "| cases | passed | failed | errors | not judged | skipped | known failures | warnings |\n"
      "|--:|--:|--:|--:|--:|--:|--:|--:|\n");
  sink(fmt::format("| {} | {} | {} | {} | {} | {} | {} | {} |\n\n", totals.cases, totals.passed,
                   totals.failed + totals.unexpected_passes, totals.error, totals.not_judged,
                   totals.skipped, totals.known_failures, totals.warnings));
  if (!head.command.empty()) {
    sink(fmt::format("<code>{}</code>\n\n", markup_text(head.command, " ")));
  }
  std::size_t bytes = 0;
  std::int64_t failures = 0;
  std::int64_t shown = 0;
  cases("", [&](std::string_view part) {
    if (part.empty()) return;
    ++failures;
    if (shown >= kMaxFailures || bytes + part.size() > kMaxBytes) return;
    ++shown;
    bytes += part.size();
    sink(part);
  });
  if (shown < failures) sink(fmt::format("... and {} more\n", failures - shown));
}

// ---- GitHub's annotations -----------------------------------------------------------------------

std::string annotation_text(std::string_view text) {
  return absl::StrReplaceAll(printable(text, "\n"), {{"%", "%25"}, {"\r", "%0D"}, {"\n", "%0A"}});
}

std::string annotation_property(std::string_view text) {
  return absl::StrReplaceAll(annotation_text(text), {{":", "%3A"}, {",", "%2C"}});
}

// One line for a case that failed or has warnings: the workflow command `error` or `warning`.
std::string annotation_case(const Case& c, const Seeds& seeds) {
  const bool failed = is_failure(c);
  const auto wanted = [&](const Check& check) {
    return failed ? check.verdict == Verdict::kFailed || check.verdict == Verdict::kError
                  : check.verdict == Verdict::kWarning;
  };
  const auto check = std::ranges::find_if(c.checks, wanted);
  if (!failed && (outcome_of(c) != Outcome::kPassed || check == c.checks.end())) return "";
  const Location place =
      check != c.checks.end() && check->where ? *check->where : Location{.file = c.file};
  std::string message = failed ? headline(c) : check->expected + ": " + check->observed;
  if (!c.reproduce.empty()) message += "\nreproduce: " + c.reproduce;
  return fmt::format("::{} {}title={}::{}\n", failed ? "error" : "warning",
                     place.file.empty() ? ""
                                        : fmt::format("file={},line={},",
                                                      annotation_property(place.file), place.line),
                     annotation_property(full_name(c, seeds)), annotation_text(message));
}

void write_annotations(const Report& head, const Totals& totals, const CaseTexts& cases,
                       const Sink& sink) {
  // GitHub shows so few of each kind for a step, and drops the rest silently.
  constexpr int kShown = 10;
  int errors = 0;
  int warnings = 0;
  cases("", [&](std::string_view part) {
    if (part.empty()) return;
    int& count = absl::StartsWith(absl::string_view(part.data(), part.size()), "::error")
                     ? errors
                     : warnings;
    if (++count <= kShown - 1) sink(part);
  });
  if (errors >= kShown) sink(fmt::format("::error::{} more cases failed\n", errors - kShown + 1));
  if (warnings >= kShown) {
    sink(fmt::format("::warning::{} more cases have warnings\n", warnings - kShown + 1));
  }
  const std::string ended = head.incomplete.empty() ? "" : "; it ended early: " + head.incomplete;
  sink(fmt::format("::notice title=quintain::{} of {} cases passed{}\n", totals.passed,
                   totals.cases, annotation_text(ended)));
}

struct Renderer {
  std::string (*piece)(const Case& c, const Seeds& seeds);
  void (*document)(const Report& head, const Totals& totals, const CaseTexts& cases,
                   const Sink& sink);
};

constexpr std::array<Renderer, kCiFormats> kRenderers = {{{tap_case, write_tap},
                                                          {sarif_case, write_sarif},
                                                          {markdown_case, write_markdown},
                                                          {annotation_case, write_annotations}}};

const Renderer& renderer(CiFormat format) { return kRenderers[static_cast<std::size_t>(format)]; }

}  // namespace

std::string markup_text(std::string_view text, std::string_view newline) {
  return absl::StrReplaceAll(printable(text, newline), {{"&", "&amp;"},
                                                        {"<", "&lt;"},
                                                        {">", "&gt;"},
                                                        {"\"", "&quot;"},
                                                        {"|", "&#124;"},
                                                        {"`", "&#96;"},
                                                        {"*", "&#42;"},
                                                        {"_", "&#95;"},
                                                        {"[", "&#91;"},
                                                        {"]", "&#93;"},
                                                        {"\\", "&#92;"},
                                                        {"@", "&#64;"},
                                                        {"#", "&#35;"},
                                                        {"~", "&#126;"},
                                                        {"$", "&#36;"}});
}

std::string ci_case(CiFormat format, const Case& c, const Seeds& seeds) {
  return renderer(format).piece(c, seeds);
}

void write_ci(CiFormat format, const Report& head, const Totals& totals, const CaseTexts& cases,
              const Sink& sink) {
  renderer(format).document(head, totals, cases, sink);
}

std::string to_ci_format(const Report& report, CiFormat format) {
  std::string out;
  const CaseTexts cases = [&](std::string_view separator, const Sink& sink) {
    bool first = true;
    for (const Case& c : report.cases) {
      const std::string text = ci_case(format, c, report.seeds);
      if (text.empty()) continue;
      if (!std::exchange(first, false)) sink(separator);
      sink(text);
    }
  };
  write_ci(format, report, totals_of(report), cases, [&](std::string_view part) { out += part; });
  return out;
}

}  // namespace quintain::reports
