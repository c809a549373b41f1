#include "conformance/judgement/history/check.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/base/duration_text.h"

namespace quintain::conformance {
namespace {

std::string at(core::Instant t) { return core::format_duration(t.since_start()); }

}  // namespace

std::string tell(const RecordedCall& recorded) {
  return fmt::format("call {} ({}), sent at {}", recorded.number, name_of(recorded.method),
                     at(recorded.sent));
}

std::string tell(const StatusObservation& observation) {
  return fmt::format("{}, was told {} at {}", tell(*observation.recorded),
                     status_name(observation.status), at(observation.at));
}

std::string tell_both(std::string_view id, const StatusObservation& first,
                      const StatusObservation& second) {
  const bool ordered = precedes(interval_of(first), interval_of(second));
  return fmt::format("'{}': {}; {}{}", id, tell(first), tell(second),
                     ordered ? "; the first was over before the second began" : "");
}

std::vector<std::uint64_t> numbers(std::initializer_list<const RecordedCall*> recorded_calls) {
  std::vector<std::uint64_t> result;
  for (const RecordedCall* recorded : recorded_calls) result.push_back(recorded->number);
  std::ranges::sort(result);
  result.erase(std::ranges::unique(result).begin(), result.end());
  return result;
}

}  // namespace quintain::conformance
