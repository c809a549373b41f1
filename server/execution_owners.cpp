#include "server/execution_owners.h"

#include "core/transitions.h"

namespace quintain::server {

std::int64_t ExecutionOwners::live(std::string_view name) const {
  const auto count = counts_.find(name);
  return count == counts_.end() ? 0 : count->second;
}

void ExecutionOwners::on_accepted(const Accepted& event) {
  if (caller_.empty()) return;
  auto count = counts_.find(caller_);
  if (count == counts_.end()) count = counts_.emplace(caller_, 0).first;
  ++count->second;
  live_.emplace(event.ordinal, count);
}

void ExecutionOwners::on_transition(std::uint64_t ordinal, spearlet::ExecutionStatus /*from*/,
                                    spearlet::ExecutionStatus to) {
  if (!core::is_terminal(to)) return;
  const auto ended = live_.find(ordinal);
  if (ended == live_.end()) return;
  --ended->second->second;
  live_.erase(ended);
}

}  // namespace quintain::server
