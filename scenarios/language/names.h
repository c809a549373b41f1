// Names that a file gives to things, and references to them.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "reports/json_input/reader.h"

namespace quintain::scenarios {

/// The names of one kind of thing, numbered from 0 in the order in which they became known.
class Names {
 public:
  /// `kind`: what a thing is called, e.g. "step".
  explicit Names(std::string kind) : kind_(std::move(kind)) {}

  /// Makes a name known. False after reporting, at `place`, that it is empty or taken.
  bool add(const std::string& name, const json_input::Reader& place);

  /// What a text refers to; nothing after reporting that there is nothing of that name.
  std::optional<std::size_t> find(const json_input::Reader& reference) const;

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
  mutable int failures_ = 0;
};

/// Which of the names a text is; nothing if there is no value, or after reporting that it is none
/// of them.
std::optional<std::size_t> index_among(const json_input::Reader& text,
                                       std::span<const std::string_view> names);

/// The one of `keys` that an object has, and its value.
struct OnlyKey {
  std::size_t index;
  json_input::Reader value;
};

/// Finds it in `object`, which reads `place`. Nothing after reporting that there is none or more
/// than one; what else may stand in the object is not known then, and no key is reported as
/// unknown.
std::optional<OnlyKey> only_key(const json_input::Reader& place, json_input::ObjectReader& object,
                                std::span<const std::string_view> keys);

/// Reports what sim says is wrong, "poisson: rate is 0; ...", at the value that has that name.
/// True if nothing is.
bool report(const std::vector<std::string>& problems, const json_input::Reader& value);

}  // namespace quintain::scenarios
