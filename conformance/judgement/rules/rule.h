// How a rule is written: a small function that looks at one call and gives its opinion.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "conformance/judgement/findings.h"
#include "conformance/judgement/policies.h"
#include "conformance/judgement/recorded_call.h"

namespace quintain::conformance {

/// What one rule thinks of one call. A rule that the call has nothing to do with requires nothing.
class Opinion {
 public:
  /// `expected` has to hold. `observed()` gives the text of what was seen instead, if it does not.
  template <class Text>
  void require(bool holds, std::string_view expected, const Text& observed) {
    asked_ = true;
    if (!holds) violations_.push_back({std::string(expected), observed()});
  }

  bool asked() const { return asked_; }
  const std::vector<Violation>& violations() const { return violations_; }

 private:
  bool asked_ = false;
  std::vector<Violation> violations_;
};

struct Rule {
  std::string_view clause;
  void (*judge)(const RecordedCall& recorded, const Policies& policies, Opinion& opinion);
};

/// Of the answers to InvokeFunction: SYNC, ASYNC, ETA.
std::span<const Rule> invoke_rules();

/// Of what any answer tells about executions: STATE, SYNC-4.
std::span<const Rule> state_rules();

/// Of the other calls: CANCEL, STREAM, LIST.
std::span<const Rule> call_rules();

}  // namespace quintain::conformance
