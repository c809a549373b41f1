#include "conformance/history/check.h"

#include <fmt/format.h>

#include <algorithm>

#include "reports/duration.h"

namespace quintain::conformance {
namespace {

std::string at(core::Instant t) { return reports::human_duration(t.since_start()); }

}  // namespace

std::string tell(const Exchange& exchange) {
  return fmt::format("call {} ({}), sent at {}", exchange.number, name_of(exchange.method),
                     at(exchange.sent));
}

std::string tell(const Account& account) {
  return fmt::format("{}, was told {} at {}", tell(*account.exchange), status_name(account.status),
                     at(account.at));
}

std::string tell_both(std::string_view id, const Account& first, const Account& second) {
  const bool ordered = precedes(interval_of(first), interval_of(second));
  return fmt::format("'{}': {}; {}{}", id, tell(first), tell(second),
                     ordered ? "; the first was over before the second began" : "");
}

std::vector<std::uint64_t> numbers(std::initializer_list<const Exchange*> exchanges) {
  std::vector<std::uint64_t> result;
  for (const Exchange* exchange : exchanges) result.push_back(exchange->number);
  std::ranges::sort(result);
  result.erase(std::ranges::unique(result).begin(), result.end());
  return result;
}

}  // namespace quintain::conformance
