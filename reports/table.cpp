// Renders a report as plain lines or as a table. All text that a target may have sent goes through
// printable().
#include "reports/table.h"

#include <fmt/color.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/duration_text.h"
#include "reports/pieces.h"
#include "reports/text.h"

namespace quintain::reports {
namespace {

/// How an outcome is shown. The word is sufficient; mark and colour are additions.
struct Look {
  std::string_view word;
  std::string_view mark;
  fmt::terminal_color colour;
};

Look look_of(Outcome outcome) {
  switch (outcome) {
    case Outcome::kPassed:
      return {"PASS", "✓", fmt::terminal_color::green};
    case Outcome::kFailed:
      return {"FAIL", "✗", fmt::terminal_color::red};
    case Outcome::kSkipped:
      return {"SKIP", "-", fmt::terminal_color::yellow};
    case Outcome::kNotJudged:
      return {"OPEN", "?", fmt::terminal_color::yellow};
    case Outcome::kError:
      return {"ERROR", "!", fmt::terminal_color::magenta};
    case Outcome::kKnownFailure:
      return {"KNOWN", "~", fmt::terminal_color::yellow};
    case Outcome::kUnexpectedPass:
      break;
  }
  return {"FIXED", "✗", fmt::terminal_color::red};
}

/// Whether nothing but the name of the check is to be shown.
bool is_brief(const Check& check) { return check.expected.empty() && check.observed.empty(); }

bool is_shown(const Check& check) {
  return check.verdict != Verdict::kPassed && check.verdict != Verdict::kSkipped;
}

/// "7 checks, 1 failed", and the names of the checks of which nothing else is shown.
std::string check_counts(const Case& c) {
  std::string text = count(std::ssize(c.checks), "check", "checks");
  for (const Verdict verdict :
       {Verdict::kFailed, Verdict::kError, Verdict::kWarning, Verdict::kSkipped}) {
    const auto n = std::ranges::count(c.checks, verdict, &Check::verdict);
    if (n > 0) text += fmt::format(", {} {}", n, to_string(verdict));
  }
  std::string names;
  std::string_view last;
  for (const Check& check : c.checks) {
    if (!is_shown(check) || !is_brief(check)) continue;
    // Further violations of a clause are called CLAUSE/2, CLAUSE/3.
    const std::string_view name = std::string_view(check.name).substr(0, check.name.find('/'));
    if (name != last) names += (names.empty() ? "" : ", ") + printable(std::string(name));
    last = name;
  }
  return names.empty() ? text : text + ": " + names;
}

/// `seeded`: the run has seeds, so the seed is shown.
std::string case_line(const Case& c, bool seeded) {
  const Outcome outcome = outcome_of(c);
  std::string head = fmt::format("{} {}", look_of(outcome).word, printable(c.name));
  if (seeded) head += fmt::format(" seed={}", c.seed);
  switch (outcome) {
    case Outcome::kPassed:
    case Outcome::kFailed:
      return fmt::format("{} {}\n", head, check_counts(c));
    case Outcome::kSkipped:
      return fmt::format("{}: {}\n", head, printable(c.skip_reason));
    case Outcome::kNotJudged:
    case Outcome::kError:
      return fmt::format("{}: {}\n", head, printable(headline(c)));
    case Outcome::kKnownFailure:
      return fmt::format("{}: {}\n", head, printable(c.known_failure));
    case Outcome::kUnexpectedPass:
      break;
  }
  return fmt::format("{}: passes, so it is no longer a known failure: {}\n", head,
                     printable(c.known_failure));
}

void append_evidence(std::string& out, const Evidence& evidence) {
  if (evidence == Evidence{}) return;
  out += "    evidence:\n";
  std::size_t widest = 0;
  for (const Event& event : evidence.events) {
    widest = std::max(widest, core::format_duration(event.at).size());
  }
  const std::string newline = fmt::format("\n{:{}}", "", 8 + widest);
  for (const Event& event : evidence.events) {
    out += fmt::format("      {:>{}}  {}\n", core::format_duration(event.at), widest,
                       printable(event.text, newline));
  }
  if (evidence.omitted > 0) {
    out += fmt::format("      and {}\n", count(evidence.omitted, "more event", "more events"));
  }
}

bool warns(const Case& c) {
  return std::ranges::find(c.checks, Verdict::kWarning, &Check::verdict) != c.checks.end();
}

std::string_view word_of(Verdict verdict) {
  return verdict == Verdict::kNotJudged ? "not judged" : to_string(verdict);
}

}  // namespace

std::string summary(const Report& report, const Totals& totals) {
  std::string text = fmt::format(
      "{}: {}, {} passed, {} failed", word_of(verdict_of(totals, !report.incomplete.empty())),
      count(totals.cases, "case", "cases"), totals.passed, totals.failed);
  if (totals.warnings > 0) text += ", " + count(totals.warnings, "warning", "warnings");
  if (totals.skipped > 0) text += fmt::format(", {} skipped", totals.skipped);
  if (totals.not_judged > 0) text += fmt::format(", {} not judged", totals.not_judged);
  if (totals.error > 0) text += ", " + count(totals.error, "error", "errors");
  if (totals.known_failures > 0) {
    text += ", " + count(totals.known_failures, "known failure", "known failures");
  }
  if (totals.unexpected_passes > 0) {
    text += ", " + count(totals.unexpected_passes, "known failure that passes",
                         "known failures that pass");
  }
  text += "\n";
  if (report.shard) {
    text += fmt::format("shard {} of {}", report.shard->number, report.shard->count);
    text += report.shard->of_worlds
                ? std::string("\n")
                : fmt::format(": {} of {} cases\n", totals.cases, report.shard->cases);
  }
  if (!report.incomplete.empty()) {
    text += fmt::format("incomplete: {}\n", printable(report.incomplete));
  }
  return text;
}

namespace {

constexpr std::array<std::string_view, 4> kHeadings = {"seed", "checks", "events", "time"};

/// The widths of the table's columns; formats rows in them. Immutable.
class Layout {
 public:
  Layout(const std::vector<RowGroup>& groups, const TableStyle& style) : colour_(style.colour) {
    std::size_t longest = 0;
    for (std::size_t i = 0; i < kHeadings.size(); ++i) widths_[i] = kHeadings[i].size();
    for (const RowGroup& group : groups) {
      for (const Row& row : group.rows) {
        longest = std::max(longest, display_width(row.name));
        for (std::size_t i = 0; i < widths_.size(); ++i) {
          widths_[i] = std::max(widths_[i], row.cells[i].size());
        }
      }
    }
    std::size_t others = kLead;
    for (const std::size_t width : widths_) others += 2 + width;
    const auto terminal = static_cast<std::size_t>(std::max(style.width, 0));
    const std::size_t room = terminal > others ? terminal - others : 0;
    name_ = std::min(longest, std::max(room, kMinNameWidth));
  }

  std::string heading() const {
    std::string out(kLead + name_, ' ');
    for (std::size_t i = 0; i < widths_.size(); ++i) {
      out += fmt::format("  {:>{}}", kHeadings[i], widths_[i]);
    }
    return out + "\n";
  }

  std::string line(const Row& row) const {
    const Look look = look_of(row.outcome);
    const std::string verdict = fmt::format("{} {:<5}", look.mark, look.word);
    std::string out = "  ";
    out += colour_ ? fmt::format(fmt::fg(look.colour), "{}", verdict) : verdict;
    out += fmt::format("  {:<{}}", row.name, name_);
    if (display_width(row.name) > name_) out += fmt::format("\n{:{}}", "", kLead + name_);
    for (std::size_t i = 0; i < widths_.size(); ++i) {
      out += fmt::format("  {:>{}}", row.cells[i], widths_[i]);
    }
    return out + "\n";
  }

 private:
  // Indent, mark, word and the gap before the name.
  static constexpr std::size_t kLead = 2 + 1 + 1 + 5 + 2;
  // On a narrower terminal lines wrap, which is better than a name column of a few letters.
  static constexpr std::size_t kMinNameWidth = 20;

  bool colour_;
  std::size_t name_ = 0;
  std::array<std::size_t, kHeadings.size()> widths_{};
};

}  // namespace

std::string render_details(const Case& c) {
  const Outcome outcome = outcome_of(c);
  const bool failed = outcome == Outcome::kFailed || outcome == Outcome::kError;
  if (!failed && !(outcome == Outcome::kPassed && warns(c))) return "";
  std::string out;
  static constexpr std::string_view kNewline = "\n              ";
  for (const Check& check : c.checks) {
    if (!is_shown(check) || is_brief(check)) continue;
    out += fmt::format("  {} {}", to_string(check.verdict), printable(check.name));
    if (check.where)
      out += fmt::format(" at {}:{}", printable(check.where->file), check.where->line);
    out += fmt::format("\n    expected: {}\n    observed: {}\n",
                       printable(check.expected, kNewline), printable(check.observed, kNewline));
    append_evidence(out, check.evidence);
  }
  const bool all_brief = out.empty() && outcome != Outcome::kError;
  if (!all_brief && !c.reproduce.empty())
    out += fmt::format("  reproduce: {}\n", printable(c.reproduce));
  return out;
}

std::string plain_case(const Case& c, bool seeded) {
  return case_line(c, seeded) + render_details(c);
}

std::string case_below_table(const Case& c, bool seeded) {
  return outcome_of(c) == Outcome::kPassed && !warns(c) ? "" : plain_case(c, seeded);
}

Row table_row(const Case& c) {
  return {outcome_of(c),
          printable(name_below_folder(c)),
          {fmt::format("{}", c.seed), fmt::format("{}", c.checks.size()),
           fmt::format("{}", c.events), core::format_duration(c.virtual_time)}};
}

std::string render_rows(std::vector<RowGroup> groups, const TableStyle& style) {
  if (groups.empty()) return "";
  std::ranges::stable_partition(groups, [](const RowGroup& group) { return group.folder.empty(); });
  const Layout layout(groups, style);
  std::string out = layout.heading();
  for (const RowGroup& group : groups) {
    if (!group.folder.empty()) out += printable(group.folder) + "/\n";
    for (const Row& row : group.rows) out += layout.line(row);
  }
  return out + "\n";
}

std::string indented(std::string_view text, std::size_t indent) {
  std::string out;
  for (const char c : text) {
    out += c;
    if (c == '\n') out.append(indent, ' ');
  }
  return out;
}

std::string render_plain(const Report& report) {
  std::string out;
  for (const Case& c : report.cases) out += plain_case(c, !report.seeds.empty());
  return out + summary(report, totals_of(report));
}

std::string render_table(const Report& report, const TableStyle& style) {
  std::vector<RowGroup> groups;
  for (const CaseGroup& group : group_by_folder(report)) {
    groups.push_back({group.name, {}});
    for (const Case* c : group.cases) groups.back().rows.push_back(table_row(*c));
  }
  std::string out = render_rows(std::move(groups), style);
  std::string details;
  for (const Case& c : report.cases) details += case_below_table(c, !report.seeds.empty());
  if (!details.empty()) out += details + "\n";
  return out + summary(report, totals_of(report));
}

}  // namespace quintain::reports
