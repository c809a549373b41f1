// Typed reading of a document.
//
// A reader never fails in the caller's face: what is wrong goes to the diagnostics and the read
// gives a value to go on with, so that one pass finds every problem of a file.
//
//   ObjectReader node = Reader(document.root(), diagnostics).object();
//   config.slots = node.required("slots").integer<int>({1, 1024});
//   config.grace = node.optional("grace").duration({}, config.grace);
//   for (const Reader& function : node.required("functions").elements()) ...
//   // At the end of its scope `node` reports the keys that nobody asked for.
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

/// What a value may be, both ends included.
template <class T>
struct Range {
  T min = std::numeric_limits<T>::lowest();
  T max = std::numeric_limits<T>::max();
};

template <>
struct Range<core::Duration> {
  core::Duration min{0};
  core::Duration max = core::kLongestDuration;
};

/// A name that may stand in a file, and what it stands for.
template <class E>
using Choice = std::pair<std::string_view, E>;

class ObjectReader;

/// Reads one value, or the lack of one: an optional member that is not there. Of a value that is
/// not there every read gives its fallback and reports nothing. Of a value that is wrong it reports
/// and gives the fallback too; where no fallback is given, zero or the allowed value nearest to it.
/// Cheap to copy; valid as long as its document and its diagnostics.
class Reader {
 public:
  Reader(const DocumentNode& value, Diagnostics& diagnostics)
      : diagnostics_(&diagnostics), place_(value), present_(true) {}

  /// False if there is no value here, or only one of the wrong type that was reported already.
  bool present() const { return present_; }

  /// Where this stands; for a value that is not there, the object that lacks it.
  const DocumentNode& place() const { return place_; }

  /// Reports something about this value.
  void error(std::string message) const;

  std::string string(std::string fallback = {}) const;

  bool boolean(bool fallback = false) const;

  /// A number without a fraction; 1e3 is one.
  template <std::integral T = std::int64_t>
  T integer(std::type_identity_t<Range<T>> range = {},
            std::type_identity_t<std::optional<T>> fallback = {}) const {
    const auto value = integer_within(range.min, range.max);
    if (value) return static_cast<T>(*value);
    return fallback.value_or(std::clamp(T{0}, range.min, range.max));
  }

  double number(Range<double> range = {}, std::optional<double> fallback = {}) const;

  /// A text such as "150ms"; see parse_duration().
  core::Duration duration(Range<core::Duration> range = {},
                          std::optional<core::Duration> fallback = {}) const;

  /// One of several names: `one_of<Mode>({{"sync", Mode::kSync}, {"async", Mode::kAsync}})`.
  /// An array of choices will do as well.
  template <class E, std::size_t N>
  E one_of(const Choice<E> (&choices)[N], std::type_identity_t<E> fallback = {}) const {
    std::vector<std::string_view> names;
    for (const auto& [name, value] : choices) names.push_back(name);
    const std::optional<std::size_t> index = index_among(names);
    return index ? choices[*index].second : fallback;
  }

  /// The elements of an array, in order; without a value none.
  std::vector<Reader> elements() const;

  /// The members of an object whose keys are free, in the order of the file; without a value none.
  std::vector<std::pair<std::string, Reader>> members() const;

  /// read(element) for each element of an array.
  template <std::invocable<const Reader&> Read>
  auto array_of(Read read) const {
    std::vector<std::invoke_result_t<Read, const Reader&>> values;
    for (const Reader& element : elements()) values.push_back(read(element));
    return values;
  }

  /// The keys of an object, in the order of the file, each with read(member).
  template <std::invocable<const Reader&> Read>
  auto map_of(Read read) const {
    std::vector<std::pair<std::string, std::invoke_result_t<Read, const Reader&>>> values;
    for (const auto& [key, member] : members()) values.emplace_back(key, read(member));
    return values;
  }

  /// An object whose keys are fixed.
  ObjectReader object() const;

  /// The value as it stands in the file; null if there is none.
  const nlohmann::ordered_json& raw() const;

 private:
  friend class ObjectReader;

  /// The lack of a value in the object `place`.
  static Reader absent(const DocumentNode& place, Diagnostics& diagnostics);

  void expected(std::string_view what) const;  // reports; says what is there instead
  std::optional<absl::int128> integer_within(absl::int128 min, absl::int128 max) const;
  std::optional<std::size_t> index_among(std::span<const std::string_view> names) const;

  Diagnostics* diagnostics_;
  DocumentNode place_;
  bool present_;
};

/// Reads an object whose keys are fixed. Reports the keys that were not asked for when it goes out
/// of scope, so every key that may stand here must be asked for, even if its value is not of
/// interest.
class [[nodiscard]] ObjectReader {
 public:
  explicit ObjectReader(const Reader& object);
  ~ObjectReader();

  ObjectReader(const ObjectReader&) = delete;
  ObjectReader& operator=(const ObjectReader&) = delete;

  /// The member of that name; its lack is reported.
  Reader required(std::string_view key);

  /// The member of that name, which need not be there.
  Reader optional(std::string_view key);

  /// Reports no unknown key: for when it is not clear what may stand here, as after a wrong "kind".
  void accept_any_key() { any_key_ = true; }

  /// Reports something about the whole object.
  void error(std::string message) const { object_.error(std::move(message)); }

 private:
  Reader object_;
  std::vector<std::pair<std::string_view, DocumentNode>> members_;
  std::vector<std::string> asked_;
  bool any_key_ = false;
};

}  // namespace quintain::json_input
