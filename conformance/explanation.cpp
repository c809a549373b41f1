// What `quintain conform --explain` prints of a clause or a case.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "conformance/case.h"
#include "conformance/faulty/faulty_core.h"
#include "conformance/judgement/clauses/clause.h"
#include "conformance/verdicts.h"

namespace quintain::conformance {
namespace {

std::string_view declared_as(Need need) {
  switch (need) {
    case Need::kSlots:
      return "node.slots";
    case Need::kQueueLimit:
      return "node.queue_limit";
    case Need::kMaximumTimeout:
      return "node.maximum_timeout_ms";
    case Need::kDefaultTimeout:
      return "node.default_sync_timeout_ms";
    case Need::kCancelGrace:
      return "node.cancel_grace_ms";
    case Need::kRetention:
      return "policies.retention_ms";
    case Need::kLargestMessage:
      return "node.largest_message_bytes";
  }
  return {};
}

bool names(const std::vector<std::string_view>& ids, std::string_view id) {
  return std::ranges::find(ids, id) != ids.end();
}

std::string explain(const Clause& clause) {
  std::string text =
      fmt::format("{} ({}, source: {})\n  {}\n", clause.id,
                  clause.level == Level::kMust ? "MUST" : "SHOULD", clause.source, clause.text);
  text += "Cases that judge it:\n";
  for (const Case& one : all_cases()) {
    if (names(one.clauses, clause.id)) text += fmt::format("  {}: {}\n", one.name, one.about);
  }
  text += "Faults that it must catch:\n";
  for (const FaultyCore& core : faulty_cores()) {
    if (names(core.caught_by, clause.id)) {
      text += fmt::format("  {}: {}\n", core.name, core.about);
    }
  }
  return text + fmt::format("Judge it alone: quintain conform ... --only '{}'\n", clause.id);
}

std::string explain(const Case& one) {
  std::string text = fmt::format("{}\n  {}\nClauses:\n", one.name, one.about);
  for (const std::string_view id : one.clauses) {
    const Clause* clause = find_clause(id);
    text += fmt::format("  {}: {}\n", id, clause == nullptr ? "" : clause->text);
  }
  if (!one.fixtures.empty()) {
    text += fmt::format("Fixtures of the manifest: {}\n", fmt::join(one.fixtures, ", "));
  }
  for (const Need need : one.needs) {
    text += fmt::format("The manifest must declare {}.\n", declared_as(need));
  }
  if (one.exclusive) text += "It runs alone, as it fills the slots or counts records.\n";
  if (!one.virtual_time_only.empty()) {
    text += fmt::format("Only in virtual time: {}.\n", one.virtual_time_only);
  }
  if (!one.live_only.empty()) text += fmt::format("Only on a live target: {}.\n", one.live_only);
  return text + fmt::format("Run it alone: quintain conform ... --only '{}'\n", one.name);
}

}  // namespace

std::string explanation(std::string_view name) {
  if (const Clause* clause = find_clause(name)) return explain(*clause);
  const auto found = std::ranges::find(all_cases(), name, &Case::name);
  return found == all_cases().end() ? std::string() : explain(*found);
}

}  // namespace quintain::conformance
