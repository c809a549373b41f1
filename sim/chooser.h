// Decisions that a world leaves open.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "core/base/time.h"

namespace quintain::sim {

/// What is chosen.
enum class ChoiceKind : std::uint8_t {
  /// Which of the events that are due at one instant, with one precedence, runs next. Choice i is
  /// the event that was scheduled as number i of them, from 0.
  kTie,
};

/// One thing from several.
struct Choice {
  ChoiceKind kind;
  core::Instant at;
  /// Between how many things is chosen; more than 1.
  std::size_t n;
};

/// Decides what the rules of a world leave open. Serial context only.
class Chooser {
 public:
  virtual ~Chooser() = default;

  /// Returns a number below `choice.n`.
  virtual std::size_t choose(const Choice& choice) = 0;
};

/// Makes given choices, and chooses 0 after the last of them: the order in which events were
/// scheduled. Serial context only.
class GivenChoices final : public Chooser {
 public:
  explicit GivenChoices(std::vector<std::uint32_t> choices) : choices_(std::move(choices)) {}

  std::size_t choose(const Choice& choice) override;

  /// What was chosen from, in order.
  const std::vector<Choice>& made() const { return made_; }

  /// The choices that could not be made, because there were too few events or too few choices;
  /// empty if there is none.
  std::string problem() const;

 private:
  std::vector<std::uint32_t> choices_;
  std::vector<Choice> made_;
  std::string problem_;
};

}  // namespace quintain::sim
