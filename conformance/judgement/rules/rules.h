// The rules for single calls: small functions that each judge one clause.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "conformance/judgement/findings.h"
#include "conformance/judgement/policies.h"
#include "conformance/judgement/recorded_call.h"

namespace quintain::conformance {

/// The judgement of one call by one rule. Without a require() the clause is not judged.
class Opinion {
 public:
  /// Requires `holds`. `observed()` returns the text of what was seen instead; it is called only if
  /// `holds` is false.
  template <class Text>
  void require(bool holds, std::string_view expected, const Text& observed) {
    judged_ = true;
    if (holds) return;
    // An answer may violate a clause in each of its many entries.
    if (violations_.size() == kMaxViolations) {
      ++further_;
    } else {
      violations_.push_back({std::string(expected), observed()});
    }
  }

  /// The same with the text of the clause as what is expected.
  template <class Text>
  void require(bool holds, const Text& observed) {
    require(holds, "", observed);
  }

  bool judged() const { return judged_; }
  /// The first violations.
  const std::vector<Violation>& violations() const { return violations_; }
  /// The number of violations after them.
  std::int64_t further() const { return further_; }

 private:
  static constexpr std::size_t kMaxViolations = 10;

  bool judged_ = false;
  std::vector<Violation> violations_;
  std::int64_t further_ = 0;
};

struct Rule {
  std::string_view clause;
  void (*judge)(const RecordedCall& recorded, const Policies& policies, Opinion& opinion);
};

/// Rules for InvokeFunction answers (SYNC, ASYNC, ETA clauses).
std::span<const Rule> invoke_rules();

/// Rules for the executions that any answer describes (STATE clauses, SYNC-4).
std::span<const Rule> state_rules();

/// Rules for the answers of every method (WIRE-5, STATE-6, STREAM-4).
std::span<const Rule> answer_rules();

/// Rules for the other methods (CANCEL, STREAM, LIST clauses).
std::span<const Rule> call_rules();

/// Rules for what answers say of tasks (TASK clauses).
std::span<const Rule> task_rules();

/// Rules for GetStats and GetHealth (STATS clauses).
std::span<const Rule> stats_rules();

}  // namespace quintain::conformance
