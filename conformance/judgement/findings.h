// The judgements of the clauses in one run of a case.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace quintain::conformance {

/// One way in which a clause was violated.
struct Violation {
  /// What was required. Empty: the text of the clause; Findings fills it in.
  std::string expected{};
  /// What was observed instead.
  std::string observed{};
  /// The numbers of the calls that show it. Empty: all calls of the case.
  std::vector<std::uint64_t> recorded_calls{};

  bool operator==(const Violation&) const = default;
};

/// All judgements of one clause.
struct Finding {
  /// How often the clause was judged, violations included.
  std::int64_t judged = 0;
  /// The first violations. A target may violate a clause millions of times.
  std::vector<Violation> violations{};
  /// The number of violations after them.
  std::int64_t further = 0;
};

/// Collects the judgements of one run of a case, by clause. Not thread-safe. Of each clause it
/// keeps the first kMaxViolations violations, and of each text the first kMaxTextBytes bytes.
///
/// Requires: every clause id that is passed in is in the catalogue (clauses/clause.h).
class Findings {
 public:
  static constexpr std::size_t kMaxViolations = 50;
  static constexpr std::size_t kMaxTextBytes = std::size_t{16} << 10;

  /// The clause was judged and held.
  void record_pass(std::string_view clause);

  /// The clause was judged and violated.
  void record_failure(std::string_view clause, Violation violation);

  /// The clause was judged and violated `count` times more.
  void record_further_failures(std::string_view clause, std::int64_t count);

  /// Adds all judgements of one clause from elsewhere.
  void add(std::string_view clause, const Finding& finding);

  const std::map<std::string, Finding, std::less<>>& by_clause() const { return by_clause_; }

  bool judged(std::string_view clause) const { return by_clause_.contains(clause); }
  bool violated(std::string_view clause) const;
  /// Whether no further violation of the clause is kept.
  bool is_full(std::string_view clause) const;

 private:
  Finding& finding_of(std::string_view clause);

  std::map<std::string, Finding, std::less<>> by_clause_;
};

}  // namespace quintain::conformance
