#include "sim/chooser.h"

#include <fmt/format.h>

namespace quintain::sim {

std::size_t GivenChoices::choose(const Choice& choice) {
  const std::size_t place = made_.size();
  made_.push_back(choice);
  if (place >= choices_.size()) return 0;
  if (choices_[place] < choice.n) return choices_[place];
  if (problem_.empty()) {
    problem_ = fmt::format("choice {} is {}, but {} events were due; expected 0 to {}", place,
                           choices_[place], choice.n, choice.n - 1);
  }
  return 0;
}

std::string GivenChoices::problem() const {
  if (!problem_.empty() || made_.size() >= choices_.size()) return problem_;
  return fmt::format("there are {} choices, but events were tied {} times only", choices_.size(),
                     made_.size());
}

}  // namespace quintain::sim
