// Builds a document value by value.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "reports/json_input/document.h"

namespace quintain::json_input {

/// The values and, in the same order, their places. A place takes 12 bytes; a map from pointers to
/// lines would take a string for every number in a file.
struct Document::Tree {
  /// Places are in the order in which the values start in the text: a value's first child follows
  /// it directly, and its next sibling is at `end`.
  struct Place {
    int line;
    std::uint32_t parent;
    std::uint32_t end;
  };

  std::string file_name;
  nlohmann::ordered_json root;
  std::vector<Place> places;
};

/// Builds one document. Calls come in the order of the text: open, key, value, ..., close. Within
/// an object key() comes before each value, which gets the key's line. Serial context only.
class DocumentBuilder {
 public:
  explicit DocumentBuilder(std::string file_name);

  /// Names the next value. Returns the line of the object's earlier member with that name, if there
  /// is one: building may go on then to find further errors, but the document must not be used.
  /// Requires: an object is the innermost open value.
  std::optional<int> key(std::string name, int line);

  void scalar(nlohmann::ordered_json value, int line) { add(std::move(value), line); }
  void open_object(int line) { open(nlohmann::ordered_json::object(), line); }
  void open_array(int line) { open(nlohmann::ordered_json::array(), line); }
  void close();

  /// The number of open objects and arrays.
  std::size_t depth() const { return open_.size(); }

  /// Whether the innermost open value is an object, its line, and its pointer.
  /// Requires: depth() > 0.
  bool in_object() const { return open_.back().json->is_object(); }
  int line() const { return tree_->places[open_.back().place].line; }
  std::string pointer() const;

  /// Requires: one value was added and everything is closed.
  Document finish() &&;

 private:
  struct Open {
    nlohmann::ordered_json* json;  // stays valid: its container does not grow while this is open
    std::uint32_t place;
    std::string key;  // of the next or the open child
    int key_line;
    absl::flat_hash_map<std::string, int> lines_by_key;
  };

  nlohmann::ordered_json& add(nlohmann::ordered_json value, int line);
  void open(nlohmann::ordered_json container, int line);

  std::shared_ptr<Document::Tree> tree_;
  std::vector<Open> open_;
};

}  // namespace quintain::json_input
