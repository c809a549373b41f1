// What the readers and writers of the documents share. Includes the whole of nlohmann's header: for
// .cpp files only.
#pragma once

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "reports/report.h"

namespace quintain::reports {

/// Keeps the order in which keys are added.
using Json = nlohmann::ordered_json;

/// JSON has no infinity and no NaN: they become null.
inline Json number(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

/// Adds text that is only there if it says something.
inline void add_text(Json& object, const char* key, const std::string& text) {
  if (!text.empty()) object[key] = text;
}

/// `indent` -1: all on one line. Bytes that are not UTF-8 become U+FFFD.
inline std::string dump(const Json& json, int indent) {
  return json.dump(indent, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace);
}

/// Sixteen digits: a number of 64 bits would lose some in a reader that keeps doubles.
inline std::string write_digest(std::uint64_t digest) { return fmt::format("{:016x}", digest); }

Json write_wall_clock(const WallClock& wall);

/// A config, which is JSON in a report's model too. InvalidArgument, with the name of whose it is,
/// if it is not JSON.
absl::StatusOr<Json> parse_config(const std::string& config, std::string_view whose);

// The readers below throw on a missing key or a wrong type. What they let through (1.5 or true
// where an integer belongs, an unknown verdict) reads as something else, and check_same() finds it.

template <class Integer>
Integer read_integer(const Json& json) {
  // Kept from wrapping around: -1 and 2^64 - 1 would compare equal.
  const auto held = [](auto value) {
    return std::in_range<Integer>(value) ? static_cast<Integer>(value) : Integer{0};
  };
  if (json.is_number_unsigned()) return held(json.get<std::uint64_t>());
  return json.is_number_integer() ? held(json.get<std::int64_t>()) : Integer{0};
}

inline double read_number(const Json& json) {
  return json.is_null() ? std::numeric_limits<double>::quiet_NaN() : json.get<double>();
}

inline std::uint64_t read_digest(const Json& json) {
  std::uint64_t digest = 0;
  (void)absl::SimpleHexAtoi(json.get<std::string>(), &digest);
  return digest;
}

template <class Enum, std::size_t N>
Enum read_name(const Json& json, const std::array<Enum, N>& all) {
  const auto name = json.get<std::string>();
  for (Enum value : all) {
    if (to_string(value) == name) return value;
  }
  return all[0];
}

WallClock read_wall_clock(const Json& json);

/// Whether `again`, written for what was read from `json`, says the same; key order means nothing.
/// The error says that it is not `what` ("a report of quintain's"), and where.
absl::Status check_same(const Json& json, const Json& again, std::string_view what);

}  // namespace quintain::reports
