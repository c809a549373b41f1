// Typed reading of a document.
//
// A read never fails: a wrong value is added to the diagnostics and the read returns a fallback, so
// that one pass finds every problem of a file.
//
//   ObjectReader node = Reader(document.root(), diagnostics).object();
//   config.slots = node.required("slots").integer<int>({1, 1024});
//   config.grace = node.optional("grace").duration({}, config.grace);
//   for (const Reader& function : node.required("functions").elements()) ...
//   // At the end of its scope `node` reports the keys that were not read.
#pragma once

#include <absl/numeric/int128.h>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/base/duration_text.h"
#include "core/base/time.h"
#include "reports/json_input/diagnostics.h"
#include "reports/json_input/document.h"

namespace quintain::json_input {

/// The values that are allowed, both ends included.
template <class T>
struct Range {
  T min = std::numeric_limits<T>::lowest();
  T max = std::numeric_limits<T>::max();
};

template <>
struct Range<core::Duration> {
  core::Duration min{0};
  core::Duration max = core::kMaxDuration;
};

/// A name that a file may contain, and its meaning.
template <class E>
using Choice = std::pair<std::string_view, E>;

class ObjectReader;

/// Reads one value, which may be absent (an optional member). Every read of an absent value returns
/// the fallback and reports nothing. A read of a wrong value reports it and returns the fallback;
/// if no fallback was passed, zero or the allowed value nearest to zero. Serial context only. Cheap
/// to copy; valid as long as its document and its diagnostics.
class Reader {
 public:
  Reader(const DocumentNode& value, Diagnostics& diagnostics)
      : diagnostics_(&diagnostics), place_(value), present_(true) {}

  /// False if the value is absent, or has the wrong type and was reported.
  bool present() const { return present_; }

  /// The value's place; for an absent value, the place of the object that lacks it.
  const DocumentNode& place() const { return place_; }

  /// Reports a problem with this value.
  void error(std::string message) const;

  std::string string(std::string fallback = {}) const;

  bool boolean(bool fallback = false) const;

  /// A number without a fraction; 1e3 is accepted.
  template <std::integral T = std::int64_t>
  T integer(std::type_identity_t<Range<T>> range = {},
            std::type_identity_t<std::optional<T>> fallback = {}) const {
    const auto value = integer_within(range.min, range.max);
    if (value) return static_cast<T>(*value);
    return fallback.value_or(std::clamp(T{0}, range.min, range.max));
  }

  double number(Range<double> range = {}, std::optional<double> fallback = {}) const;

  /// A string such as "150ms"; see core::parse_duration().
  core::Duration duration(Range<core::Duration> range = {},
                          std::optional<core::Duration> fallback = {}) const;

  /// One of several names: `one_of<Mode>({{"sync", Mode::kSync}, {"async", Mode::kAsync}})`.
  /// Accepts an array of choices, too.
  template <class E, std::size_t N>
  E one_of(const Choice<E> (&choices)[N], std::type_identity_t<E> fallback = {}) const {
    std::vector<std::string_view> names;
    for (const auto& [name, value] : choices) names.push_back(name);
    const std::optional<std::size_t> index = index_among(names);
    return index ? choices[*index].second : fallback;
  }

  /// The index of a string among `names`; nullopt if the value is absent or, after a report, wrong.
  std::optional<std::size_t> index_among(std::span<const std::string_view> names) const;

  /// The elements of an array, in order; empty for an absent value.
  std::vector<Reader> elements() const;

  /// The members of an object with arbitrary keys, in file order; empty for an absent value.
  std::vector<std::pair<std::string, Reader>> members() const;

  /// read(element) for each element of an array.
  template <std::invocable<const Reader&> Read>
  auto array_of(Read read) const {
    std::vector<std::invoke_result_t<Read, const Reader&>> values;
    for (const Reader& element : elements()) values.push_back(read(element));
    return values;
  }

  /// The keys of an object, in file order, each with read(member).
  template <std::invocable<const Reader&> Read>
  auto map_of(Read read) const {
    std::vector<std::pair<std::string, std::invoke_result_t<Read, const Reader&>>> values;
    for (const auto& [key, member] : members()) values.emplace_back(key, read(member));
    return values;
  }

  /// An object with fixed keys.
  ObjectReader object() const;

  /// The value itself; null if it is absent.
  const nlohmann::ordered_json& raw() const;

 private:
  friend class ObjectReader;

  /// A value that the object at `place` does not have.
  static Reader absent(const DocumentNode& place, Diagnostics& diagnostics);

  void report_unexpected(std::string_view expected) const;
  std::optional<absl::int128> integer_within(absl::int128 min, absl::int128 max) const;

  Diagnostics* diagnostics_;
  DocumentNode place_;
  bool present_;
};

/// Reads an object with fixed keys. Its destructor reports every key that was passed to neither
/// required() nor optional(), so each allowed key must be passed, even if its value is not needed.
/// Serial context only.
class [[nodiscard]] ObjectReader {
 public:
  explicit ObjectReader(const Reader& object);
  ~ObjectReader();

  ObjectReader(const ObjectReader&) = delete;
  ObjectReader& operator=(const ObjectReader&) = delete;

  /// The member with that name; reports it if it is absent.
  Reader required(std::string_view key);

  /// The member with that name, which may be absent.
  Reader optional(std::string_view key);

  /// Turns off the report of unknown keys: for an object whose allowed keys are not known, such as
  /// one with a wrong "kind".
  void accept_any_key() { any_key_ = true; }

  /// Reports a problem with the whole object.
  void error(std::string message) const { object_.error(std::move(message)); }

 private:
  Reader object_;
  std::vector<std::pair<std::string_view, DocumentNode>> members_;
  std::vector<std::string> allowed_;  // the keys that were read
  bool any_key_ = false;
};

}  // namespace quintain::json_input
