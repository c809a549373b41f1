// Helpers shared by the readers and writers of JSON documents. Includes nlohmann/json.hpp, so only
// .cpp files include this.
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
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "reports/report.h"
#include "reports/text.h"

namespace quintain::reports {

/// Keeps the order in which keys are added.
using Json = nlohmann::ordered_json;

/// JSON has no infinity and no NaN: they become null.
inline Json number(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

/// Adds a key unless the text is empty.
inline void add_text(Json& object, const char* key, const std::string& text) {
  if (!text.empty()) object[key] = text;
}

/// `indent` -1: all on one line. Bytes that are not UTF-8 become U+FFFD; characters that act on a
/// terminal are escaped.
inline std::string dump(const Json& json, int indent) {
  return printable_json(
      json.dump(indent, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace));
}

/// Sixteen hexadecimal digits: a 64-bit number would lose digits in a reader that uses doubles.
inline std::string write_digest(std::uint64_t digest) { return fmt::format("{:016x}", digest); }

Json write_wall_clock(const WallClock& wall);
Json write_events(const std::vector<Event>& events);
Json write_timeline(const Timeline& timeline);

/// Parses the config of a case, which is JSON text. InvalidArgument, with the case's name, if it is
/// not JSON.
absl::StatusOr<Json> parse_config(const std::string& config, std::string_view case_name);

// The readers below throw on a missing key or a wrong type. Other wrong values (1.5 or true instead
// of an integer, an unknown verdict) are read as some valid value, and check_same() finds them.

template <class Integer>
Integer read_integer(const Json& json) {
  // A wrapped value could compare equal to the original: -1 and 2^64 - 1.
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
std::vector<Event> read_events(const Json& json);
Timeline read_timeline(const Json& json);

/// Compares `json` with `again`, which was written from what was read of it, without regard to key
/// order. The error says that `json` is not `what` ("a report of quintain") and where they differ.
absl::Status check_same(const Json& json, const Json& again, std::string_view what);

}  // namespace quintain::reports
