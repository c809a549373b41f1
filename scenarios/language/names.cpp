#include "scenarios/language/names.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "reports/json_input/wording.h"

namespace quintain::scenarios {
namespace {

// A list of more helps nobody, and to compare a thousand names a thousand times takes too long.
constexpr std::size_t kMaxListed = 20;
constexpr std::size_t kMaxCompared = 10'000;
constexpr int kMaxSuggestions = 20;

}  // namespace

bool Names::add(const std::string& name, const json_input::Reader& place) {
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

std::optional<std::size_t> Names::find(const json_input::Reader& reference) const {
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

std::optional<std::size_t> index_among(const json_input::Reader& text,
                                       std::span<const std::string_view> names) {
  if (!text.present()) return std::nullopt;
  std::string_view name;
  if (text.raw().is_string()) {
    name = text.raw().get_ref<const std::string&>();
    const auto found = std::find(names.begin(), names.end(), name);
    if (found != names.end()) return static_cast<std::size_t>(found - names.begin());
  }
  text.error(fmt::format("expected one of {}, got {}{}", json_input::listed(names),
                         json_input::described(text.raw()), json_input::suggestion(name, names)));
  return std::nullopt;
}

std::optional<OnlyKey> only_key(const json_input::Reader& place, json_input::ObjectReader& object,
                                std::span<const std::string_view> keys) {
  std::optional<OnlyKey> found;
  bool several = false;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const json_input::Reader value = object.optional(keys[i]);
    if (!value.present()) continue;
    if (found) {
      value.error(fmt::format("'{}' stands here already; only one of {} may", keys[found->index],
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

bool report(const std::vector<std::string>& problems, const json_input::Reader& value) {
  for (const std::string& problem : problems) {
    const std::size_t colon = problem.find(": ");
    value.error(colon == problem.npos ? problem : problem.substr(colon + 2));
  }
  return problems.empty();
}

}  // namespace quintain::scenarios
