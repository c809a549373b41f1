// Typed reads of JSON values, with range checks and messages that say what was expected.
#include "reports/json_input/reader.h"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "reports/json_input/diagnostics.h"

namespace quintain::json_input {
namespace {

/// " from 1 to 64", " of at least 1" or ""; an empty text means that there is no bound.
std::string within(const std::string& min, const std::string& max) {
  if (!min.empty() && !max.empty()) return fmt::format(" from {} to {}", min, max);
  if (!min.empty()) return " of at least " + min;
  return max.empty() ? "" : " of at most " + max;
}

/// Empty for a bound that no value can exceed.
std::string bound_text(absl::int128 bound) {
  constexpr auto kMax = std::numeric_limits<std::int64_t>::max();
  if (bound > kMax || bound == kMax || bound < -kMax) return "";
  return std::to_string(static_cast<std::int64_t>(bound));
}

std::string bound_text(double bound) {
  return std::abs(bound) == std::numeric_limits<double>::max() ? "" : fmt::format("{}", bound);
}

/// The value of a JSON number that has no fraction.
std::optional<absl::int128> whole_number(const nlohmann::ordered_json& json) {
  if (json.is_number_unsigned()) return absl::int128(json.get<std::uint64_t>());
  if (json.is_number_integer()) return absl::int128(json.get<std::int64_t>());
  if (!json.is_number_float()) return std::nullopt;
  const double value = json.get<double>();
  // Beyond 2^53 a double may differ from the integer that its author wrote.
  if (std::trunc(value) != value || std::abs(value) > 0x1p53) return std::nullopt;
  return absl::int128(static_cast<std::int64_t>(value));
}

}  // namespace

Reader Reader::absent(const DocumentNode& place, Diagnostics& diagnostics) {
  Reader reader(place, diagnostics);
  reader.present_ = false;
  return reader;
}

void Reader::error(std::string message) const {
  if (diagnostics_->full()) {
    diagnostics_->add_uncollected();
  } else {
    diagnostics_->add(place_.diagnostic(std::move(message)));
  }
}

void Reader::report_unexpected(std::string_view expected) const {
  error(fmt::format("expected {}, got {}", expected, described(raw())));
}

const nlohmann::ordered_json& Reader::raw() const {
  static const nlohmann::ordered_json null;
  return present_ ? place_.json() : null;
}

std::string Reader::string(std::string fallback) const {
  if (!present_) return fallback;
  if (raw().is_string()) return raw().get<std::string>();
  report_unexpected("a string");
  return fallback;
}

bool Reader::boolean(bool fallback) const {
  if (!present_) return fallback;
  if (raw().is_boolean()) return raw().get<bool>();
  report_unexpected("true or false");
  return fallback;
}

std::optional<absl::int128> Reader::integer_within(absl::int128 min, absl::int128 max) const {
  if (!present_) return std::nullopt;
  const auto value = whole_number(raw());
  if (value && *value >= min && *value <= max) return value;
  report_unexpected("an integer" + within(bound_text(min), bound_text(max)));
  return std::nullopt;
}

double Reader::number(Range<double> range, std::optional<double> fallback) const {
  if (present_) {
    if (raw().is_number()) {
      const double value = raw().get<double>();
      if (value >= range.min && value <= range.max) return value;
    }
    report_unexpected("a number" + within(bound_text(range.min), bound_text(range.max)));
  }
  return fallback.value_or(std::clamp(0.0, range.min, range.max));
}

core::Duration Reader::duration(Range<core::Duration> range,
                                std::optional<core::Duration> fallback) const {
  const core::Duration otherwise = fallback.value_or(range.min);
  if (!present_) return otherwise;
  if (!raw().is_string()) {
    report_unexpected("a duration such as \"150ms\"");
    return otherwise;
  }
  std::string why;
  const auto value = core::parse_duration(raw().get_ref<const std::string&>(), why);
  if (!value) {
    error(
        fmt::format("{} is not a duration such as \"150ms\" or \"1h30m\": {}", shown(raw()), why));
    return otherwise;
  }
  if (*value >= range.min && *value <= range.max) return *value;
  report_unexpected(
      "a duration" +
      within(range.min == core::Duration::zero() ? "" : core::format_duration(range.min),
             range.max == core::kMaxDuration ? "" : core::format_duration(range.max)));
  return otherwise;
}

std::optional<std::size_t> Reader::index_among(std::span<const std::string_view> names) const {
  if (!present_) return std::nullopt;
  std::string_view name;
  if (raw().is_string()) {
    name = raw().get_ref<const std::string&>();
    const auto found = std::find(names.begin(), names.end(), name);
    if (found != names.end()) return static_cast<std::size_t>(found - names.begin());
  }
  error(fmt::format("expected one of {}, got {}{}", listed(names), described(raw()),
                    suggestion(name, names)));
  return std::nullopt;
}

std::vector<Reader> Reader::elements() const {
  std::vector<Reader> elements;
  if (!present_) return elements;
  if (!raw().is_array()) {
    report_unexpected("an array");
    return elements;
  }
  for (const DocumentNode& element : place_.children())
    elements.emplace_back(element, *diagnostics_);
  return elements;
}

std::vector<std::pair<std::string, Reader>> Reader::members() const {
  std::vector<std::pair<std::string, Reader>> members;
  if (!present_) return members;
  if (!raw().is_object()) {
    report_unexpected("an object");
    return members;
  }
  for (const auto& [key, member] : place_.members()) {
    members.emplace_back(std::string(key), Reader(member, *diagnostics_));
  }
  return members;
}

ObjectReader Reader::object() const {
  if (!present_ || raw().is_object()) return ObjectReader(*this);
  report_unexpected("an object");
  return ObjectReader(absent(place_, *diagnostics_));
}

ObjectReader::ObjectReader(const Reader& object)
    : object_(object),
      members_(object.present() ? object.place().members() : decltype(members_)()) {}

ObjectReader::~ObjectReader() {
  if (any_key_) return;
  std::vector<std::string_view> missing;  // an unknown key may be a misspelling of one of these
  for (const std::string& key : allowed_) {
    const auto has_key = [&key](const auto& member) { return member.first == key; };
    if (std::none_of(members_.begin(), members_.end(), has_key)) missing.push_back(key);
  }
  const std::vector<std::string_view> allowed(allowed_.begin(), allowed_.end());
  for (const auto& [key, node] : members_) {
    if (std::find(allowed.begin(), allowed.end(), key) != allowed.end()) continue;
    Reader(node, *object_.diagnostics_)
        .error(
            fmt::format("unknown key '{}'{}", key, alternatives(key, missing, "allowed", allowed)));
  }
}

Reader ObjectReader::required(std::string_view key) {
  const Reader member = optional(key);
  if (!member.present() && object_.present()) object_.error(fmt::format("'{}' is missing", key));
  return member;
}

Reader ObjectReader::optional(std::string_view key) {
  if (std::find(allowed_.begin(), allowed_.end(), key) == allowed_.end())
    allowed_.emplace_back(key);
  for (const auto& [name, node] : members_) {
    if (name == key) return Reader(node, *object_.diagnostics_);
  }
  return Reader::absent(object_.place(), *object_.diagnostics_);
}

}  // namespace quintain::json_input
