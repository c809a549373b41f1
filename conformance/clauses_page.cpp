// The page docs/clauses.md: the clauses family by family, then the cases, then the faulty cores.
#include <absl/strings/ascii.h>
#include <absl/strings/str_split.h>
#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "conformance/case.h"
#include "conformance/judgement/clauses/clause.h"
#include "conformance/verdicts.h"

namespace quintain::conformance {
namespace {

constexpr std::size_t kColumns = 100;

struct Family {
  std::string_view name;
  std::string_view about;
};

constexpr Family kFamilies[] = {
    {"SYNC", "Answers to calls that wait for the result."},
    {"ASYNC", "Answers to calls that do not wait, and the executions that they start."},
    {"MODE", "The choice between SYNC, ASYNC and STREAM."},
    {"STATE", "What status queries show of an execution."},
    {"CANCEL", "The answers to cancels, and their effect on executions."},
    {"TIME", "Timeouts, deadlines and retries."},
    {"IDEM", "Execution ids that are used again."},
    {"STREAM", "Executions whose output is streamed."},
    {"LIST", "Lists, counts, and the deletion of busy tasks."},
    {"TASK", "Tasks: how invocations name and make them, how they are listed and deleted."},
    {"STATS", "The numbers of GetStats and GetHealth."},
    {"DRAIN", "A node that is told to take no new work."},
    {"ETA", "Estimated completion times."},
    {"WIRE", "The encoding: the descriptor, unknown fields, malformed messages."},
};

/// "SYNC" of "SYNC-1", "sync" of "sync/completes".
std::string_view family_of(std::string_view id) { return id.substr(0, id.find_first_of("-/")); }

template <class Name>
bool contains(const std::vector<Name>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::string list(const std::vector<std::string_view>& names, std::string_view quote = "") {
  std::string text;
  for (const std::string_view name : names) {
    text += fmt::format("{}{}{}{}", text.empty() ? "" : ", ", quote, name, quote);
  }
  return text.empty() ? "-" : text;
}

/// Adds the text in lines of at most kColumns characters; all but the first line are indented.
void add_wrapped(std::string_view text, std::size_t indent, std::string& page) {
  std::string line;
  for (const auto word : absl::StrSplit(absl::string_view(text.data(), text.size()), ' ')) {
    if (!line.empty() && line.size() + 1 + word.size() > kColumns) {
      page += line + "\n";
      line.assign(indent, ' ');
    } else if (!line.empty()) {
      line += ' ';
    }
    line.append(word.data(), word.size());
  }
  page += line + "\n";
}

void add_clause(const Clause& clause, const std::vector<CoreVerdict>& verdicts,
                const std::vector<MutationVerdict>& mutations, std::string& page) {
  std::vector<std::string_view> cases;
  for (const Case& one : all_cases()) {
    if (contains(one.clauses, clause.id)) cases.push_back(one.name);
  }
  std::vector<std::string_view> must_catch;
  std::vector<std::string_view> also_catches;
  for (const CoreVerdict& verdict : verdicts) {
    if (verdict.core == nullptr || !verdict.violated.contains(clause.id)) continue;
    (contains(verdict.core->caught_by, clause.id) ? must_catch : also_catches)
        .push_back(verdict.core->name);
  }
  page += fmt::format("### {}\n\n", clause.id);
  add_wrapped(fmt::format("**{}.** {} ({})", clause.level == Level::kMust ? "MUST" : "SHOULD",
                          clause.text, clause.source),
              0, page);
  page += "\n";
  add_wrapped("- Cases: " + list(cases, "`"), 2, page);
  add_wrapped("- Must catch: " + list(must_catch, "`"), 2, page);
  if (!also_catches.empty()) add_wrapped("- Also catches: " + list(also_catches, "`"), 2, page);
  const auto generated = std::ranges::count_if(mutations, [&](const MutationVerdict& verdict) {
    return contains(verdict.clauses, clause.id);
  });
  if (generated > 0) page += fmt::format("- Generated faults: {}\n", generated);
  page += "\n";
}

void add_contents(std::string& page) {
  std::string text = "Contents:";
  for (const Family& family : kFamilies) {
    text +=
        fmt::format(" [{}](#{}),", family.name, absl::AsciiStrToLower(std::string(family.name)));
  }
  add_wrapped(text +
                  " [Left free](#left-free), [Cases](#cases), [Faulty cores](#faulty-cores), "
                  "[Generated faults](#generated-faults).",
              0, page);
  page += "\n";
}

void add_clauses(const std::vector<CoreVerdict>& verdicts,
                 const std::vector<MutationVerdict>& mutations, std::string& page) {
  std::string_view family;
  for (const Clause& clause : all_clauses()) {
    if (family_of(clause.id) != family) {
      family = family_of(clause.id);
      const auto* const known = std::ranges::find(kFamilies, family, &Family::name);
      page +=
          fmt::format("## {}\n\n{}\n\n", family, known == std::end(kFamilies) ? "" : known->about);
    }
    add_clause(clause, verdicts, mutations, page);
  }
}

void add_free_points(std::string& page) {
  page += "## Left free\n\n";
  add_wrapped("The contract leaves these points open, and no clause judges them.", 0, page);
  page += "\n| what | left free, because |\n|---|---|\n";
  for (const FreePoint& point : free_points()) {
    page += fmt::format("| {} | {} |\n", point.what, point.reason);
  }
  page += "\n";
}

void add_cases(std::string& page) {
  page +=
      "## Cases\n\nA case with \"alone\" runs while no other case does, because it fills the slots "
      "or counts records.\n\n"
      "| case | what it does | fixtures | alone | where |\n|---|---|---|---|---|\n";
  for (const Case& one : all_cases()) {
    std::string_view where = "everywhere";
    if (!one.virtual_time_only.empty()) where = "virtual time only";
    if (!one.live_only.empty()) where = "live only";
    page += fmt::format("| {} | {} | {} | {} | {} |\n", one.name, one.about, list(one.fixtures),
                        one.exclusive ? "yes" : "", where);
  }
}

void add_core(const CoreVerdict& verdict, std::string& page) {
  const FaultyCore& core = *verdict.core;
  std::vector<std::string_view> others;
  for (const auto& [clause, cases] : verdict.violated) {
    if (!contains(core.caught_by, clause)) others.push_back(clause);
  }
  std::string text = fmt::format("- **{}** ({}): {} Caught by {}.", core.name, core.origin,
                                 core.about, list(core.caught_by));
  if (!others.empty()) text += fmt::format(" Also violates {}.", list(others));
  const std::string_view reason =
      core.virtual_time_only.empty() ? core.not_served : core.virtual_time_only;
  if (!reason.empty()) text += fmt::format(" Not live: {}.", reason);
  add_wrapped(text, 2, page);
}

}  // namespace

std::string clauses_page(const std::vector<CoreVerdict>& verdicts,
                         const std::vector<MutationVerdict>& mutations) {
  const auto cores =
      std::ranges::count_if(verdicts, [](const CoreVerdict& one) { return one.core != nullptr; });
  const auto musts = std::ranges::count(all_clauses(), Level::kMust, &Clause::level);
  const std::size_t clauses = all_clauses().size();
  std::string page = fmt::format(
      "# Clauses, cases, faulty cores\n\n"
      "{} clauses ({} MUST, {} SHOULD), {} cases, {} faulty cores.\n\n"
      "Generated by `quintain conform --self-test --markdown docs/clauses.md`; a test compares "
      "it.\n"
      "[conformance.md](conformance.md) explains the suite.\n\n",
      clauses, musts, clauses - static_cast<std::size_t>(musts), all_cases().size(), cores);
  add_contents(page);
  add_wrapped(
      "Each clause has its level, its text, its source, and the *cases* that are about it. Rules "
      "that check every answer and the whole history judge many clauses in other cases too. A "
      "*faulty core* is our core with one fault. \"Must catch\" lists the faulty cores whose fault "
      "the clause forbids; each clause must catch at least one. \"Also catches\" lists those that "
      "violate the clause as a consequence. \"Generated faults\" counts those that it was the "
      "first "
      "to see, alone or with others. Sources, where not a standard:",
      0, page);
  page += "\n";
  for (const ClauseSource& source : clause_sources()) {
    add_wrapped(fmt::format("- {}: {}", source.name, source.meaning), 2, page);
  }
  page += "\n";
  add_clauses(verdicts, mutations, page);
  add_free_points(page);
  add_cases(page);
  page += "\n## Faulty cores\n\n";
  add_wrapped(
      "`quintain conform --transport sim --faulty NAME` and `quintain serve --faulty NAME` use "
      "one. "
      "Each has its origin, its fault, the clauses that must catch it, and the other clauses that "
      "it violates. \"Not live\" is the reason why it is judged in virtual time only. M1 to M7 are "
      "described in [spear-findings.md](spear-findings.md).",
      0, page);
  page += "\n";
  for (const CoreVerdict& verdict : verdicts) {
    if (verdict.core != nullptr) add_core(verdict, page);
  }
  page += "\n" + generated_faults_section(mutations);
  return page;
}

}  // namespace quintain::conformance
