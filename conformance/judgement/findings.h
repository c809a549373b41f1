// What one run of a case found out about the clauses.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace quintain::conformance {

/// One way in which a clause was seen to be broken.
struct Violation {
  /// What had to hold.
  std::string expected{};
  /// What was seen.
  std::string observed{};
  /// The calls that show it, by number; empty: all of the case's.
  std::vector<std::uint64_t> recorded_calls{};

  bool operator==(const Violation&) const = default;
};

/// Everything said about one clause.
struct Finding {
  /// How often the clause was put to the test.
  std::int64_t judged = 0;
  std::vector<Violation> violations{};
};

/// Collects judgements. Clause ids must be those of the catalogue.
class Findings {
 public:
  /// The clause was put to the test and held.
  void record_pass(std::string_view clause);

  /// It was put to the test and broken.
  void record_failure(std::string_view clause, Violation violation);

  /// By clause id.
  const std::map<std::string, Finding, std::less<>>& by_clause() const { return by_clause_; }

  bool judged(std::string_view clause) const { return by_clause_.contains(clause); }
  bool broke(std::string_view clause) const;

 private:
  Finding& of(std::string_view clause);

  std::map<std::string, Finding, std::less<>> by_clause_;
};

}  // namespace quintain::conformance
