// The clauses of the contract, as data.
#pragma once

#include <span>
#include <string_view>

namespace quintain::conformance {

/// What it means to break a clause (RFC 2119).
enum class Level { kMust, kShould };

struct Clause {
  /// "SYNC-1".
  std::string_view id;
  Level level;
  /// What has to hold, in one sentence.
  std::string_view text;
  /// Where the clause comes from: "analysis", "interface" (the published proto), "decision" (the
  /// reference policy), or a standard.
  std::string_view source;
  /// What a target needs for the clause to apply, in words; empty: nothing.
  std::string_view needs;
};

/// All clauses, family by family.
std::span<const Clause> all_clauses();

/// The clause of that id; nullptr if there is none.
const Clause* find_clause(std::string_view id);

}  // namespace quintain::conformance
