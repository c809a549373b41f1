// Names that a file gives to nodes, functions, steps and loads, references to them, and objects
// whose key selects a kind.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "reports/json_input/reader.h"

namespace quintain::scenarios {

/// The names of the things of one kind, numbered from 0 in the order in which they were added. No
/// two are equal and none is empty. Serial context only.
class Names {
 public:
  /// `kind`: what a thing is called in messages, e.g. "step".
  explicit Names(std::string kind) : kind_(std::move(kind)) {}

  /// Adds a name. Returns false after reporting, at `place`, that it is empty or already taken.
  bool add(const std::string& name, const json_input::Reader& place);

  /// The number of the name that `reference` contains; nullopt if the value is absent, or after
  /// reporting that there is no such name.
  std::optional<std::size_t> find(const json_input::Reader& reference) const;

  /// The number of a name; nullopt if there is no such name.
  std::optional<std::size_t> index_of(const std::string& name) const {
    const auto position = by_name_.find(name);
    return position == by_name_.end() ? std::nullopt : std::optional(position->second.index);
  }

  std::size_t size() const { return names_.size(); }
  const std::string& operator[](std::size_t index) const { return names_[index]; }

 private:
  struct Entry {
    std::size_t index;
    int line;
  };

  std::string kind_;
  std::vector<std::string> names_;
  absl::flat_hash_map<std::string, Entry> by_name_;
  mutable int failures_ = 0;  // of find()
};

/// The keys of a table of kinds, each of which has a member `key`.
template <class Kind, std::size_t N>
constexpr std::array<std::string_view, N> keys_of(const std::array<Kind, N>& kinds) {
  std::array<std::string_view, N> keys;
  for (std::size_t i = 0; i < N; ++i) keys[i] = kinds[i].key;
  return keys;
}

/// The only one of several keys that an object has, and its value.
struct OnlyKey {
  std::size_t index;
  json_input::Reader value;
};

/// Finds the only one of `keys` in `object`, which is the reader of `place`. Returns nullopt after
/// reporting that there is none or more than one; the other keys that the object may have are
/// unknown then, so no key is reported as unknown.
std::optional<OnlyKey> only_key(const json_input::Reader& place, json_input::ObjectReader& object,
                                std::span<const std::string_view> keys);

/// Reports the problems that sim found with a value ("poisson: rate is 0; ...") at that value.
/// Returns true if there are none.
bool report_problems(const std::vector<std::string>& problems, const json_input::Reader& value);

}  // namespace quintain::scenarios
