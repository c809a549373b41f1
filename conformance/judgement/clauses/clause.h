// The catalogue of the contract's clauses.
#pragma once

#include <span>
#include <string_view>

namespace quintain::conformance {

/// Requirement level (RFC 2119).
enum class Level { kMust, kShould };

/// One requirement on a target. The catalogue is the only place that states its text.
struct Clause {
  /// Family and number: "SYNC-1".
  std::string_view id;
  Level level;
  /// The requirement in one sentence.
  std::string_view text;
  /// Where the requirement comes from: one of the names in clause_sources(), or a standard.
  std::string_view source;
};

/// All clauses, family by family, each family numbered from 1.
std::span<const Clause> all_clauses();

/// The clause with this id, or nullptr.
const Clause* find_clause(std::string_view id);

/// A point of the interface that no clause judges.
struct FreePoint {
  /// Fields or behaviour.
  std::string_view what;
  /// Completes "left free, because ...".
  std::string_view reason;
};

/// What the contract leaves open. A target may do what it likes there.
std::span<const FreePoint> free_points();

struct ClauseSource {
  std::string_view name;
  std::string_view meaning;
};

/// The names that Clause::source uses, with their meanings; standards are not listed.
std::span<const ClauseSource> clause_sources();

}  // namespace quintain::conformance
