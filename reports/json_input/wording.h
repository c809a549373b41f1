// How diagnostics speak of values and names.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>

namespace quintain::json_input {

/// A value as compact JSON, cut if it is long. Never fails: bytes that are not UTF-8 are replaced.
std::string shown(const nlohmann::ordered_json& value);

/// A text as shown() shows it: in double quotes, escaped, cut if it is long.
std::string shown_text(std::string_view text);

/// A value with its type: `the number 150`, `the string "fast"`, `an object`.
std::string described(const nlohmann::ordered_json& value);

/// `'a', 'b', 'c'`.
std::string listed(std::span<const std::string_view> names);

/// `; did you mean 'slots'?` if one of the known names is likely meant by `name`, else nothing.
/// Likely: at most a third of its letters inserted, deleted, replaced or swapped with a neighbour
/// (the optimal string alignment distance). The first of the nearest wins.
std::string suggestion(std::string_view name, std::span<const std::string_view> known);

/// suggestion() among `candidates`, and after it all `names` under a heading:
/// `; did you mean 'slots'? allowed: 'slots', 'queue'`.
std::string alternatives(std::string_view name, std::span<const std::string_view> candidates,
                         std::string_view heading, std::span<const std::string_view> names);

}  // namespace quintain::json_input
