// References are resolved here, with suggestions for misspelled ones.
#include "scenarios/language/names.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "reports/json_input/diagnostics.h"

namespace quintain::scenarios {

using json_input::Reader;

namespace {

// A longer list is of no use in a message, and comparing a thousand names a thousand times takes
// too long.
constexpr std::size_t kMaxListed = 20;
constexpr std::size_t kMaxCompared = 10'000;
constexpr int kMaxSuggestions = 20;

}  // namespace

bool Names::add(const std::string& name, const Reader& place) {
  if (name.empty()) {
    place.error(fmt::format("the name of a {} must not be empty", kind_));
    return false;
  }
  const auto [position, added] =
      by_name_.try_emplace(name, Entry{.index = names_.size(), .line = place.place().line()});
  if (!added) {
    place.error(fmt::format("there is already a {} {}, on line {}; names must differ", kind_,
                            json_input::shown_text(name), position->second.line));
    return false;
  }
  names_.push_back(name);
  return true;
}

std::optional<std::size_t> Names::find(const Reader& reference) const {
  if (!reference.present()) return std::nullopt;
  if (!reference.raw().is_string()) {
    reference.error(fmt::format("expected the name of a {}, got {}", kind_,
                                json_input::described(reference.raw())));
    return std::nullopt;
  }
  const auto& name = reference.raw().get_ref<const std::string&>();
  const auto position = by_name_.find(name);
  if (position != by_name_.end()) return position->second.index;

  std::string help;
  if (names_.empty()) {
    help = fmt::format("; the scenario has no {}s", kind_);
  } else if (++failures_ <= kMaxSuggestions) {
    const std::vector<std::string_view> known(
        names_.begin(),
        names_.begin() + static_cast<std::ptrdiff_t>(std::min(names_.size(), kMaxCompared)));
    help = known.size() <= kMaxListed ? json_input::alternatives(name, known, "known", known)
                                      : json_input::suggestion(name, known);
  }
  reference.error(fmt::format("there is no {} {}{}", kind_, json_input::shown_text(name), help));
  return std::nullopt;
}

std::optional<OnlyKey> only_key(const Reader& place, json_input::ObjectReader& object,
                                std::span<const std::string_view> keys) {
  std::optional<OnlyKey> found;
  bool several = false;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    // A key that the object does not have is not passed to `object`: it is not allowed beside
    // another one.
    if (!place.raw().is_object() || !place.raw().contains(keys[i])) continue;
    const Reader value = object.optional(keys[i]);
    if (found) {
      value.error(fmt::format("'{}' is set already; expected only one of {}", keys[found->index],
                              json_input::listed(keys)));
      several = true;
    } else {
      found.emplace(OnlyKey{.index = i, .value = value});
    }
  }
  if (found && !several) return found;
  object.accept_any_key();
  if (found || !place.raw().is_object()) return std::nullopt;
  for (const auto& [key, value] : place.members()) {
    const std::string meant = json_input::suggestion(key, keys);
    if (meant.empty()) continue;
    value.error(fmt::format("unknown key '{}'{}", key, meant));
    return std::nullopt;
  }
  object.error(fmt::format("one of {} is missing", json_input::listed(keys)));
  return std::nullopt;
}

bool report_problems(const std::vector<std::string>& problems, const Reader& value) {
  for (const std::string& problem : problems) {
    const std::size_t colon = problem.find(": ");
    value.error(colon == problem.npos ? problem : problem.substr(colon + 2));
  }
  return problems.empty();
}

}  // namespace quintain::scenarios
