// Puts a document together value by value.
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

/// The values and, in the same order, their places. A place is 12 bytes where a map from pointers
/// to lines would cost a string for every number in a file.
struct Document::Tree {
  /// The places of a document stand in the order in which its values begin, so a value's first
  /// child is next to it and its next sibling is where the value ends.
  struct Place {
    int line;
    std::uint32_t parent;
    std::uint32_t end;
  };

  std::string file_name;
  nlohmann::ordered_json root;
  std::vector<Place> places;
};

/// Calls come in the order of the text: open, key, value, ..., close. Within an object each value
/// is preceded by its key and has the key's line.
class DocumentBuilder {
 public:
  explicit DocumentBuilder(std::string file_name);

  /// Names the value that comes next. If the object has a member of that name already: its line.
  /// Such a document may be built on to find further errors, but is of no use.
  std::optional<int> key(std::string name, int line);

  void scalar(nlohmann::ordered_json value, int line) { add(std::move(value), line); }
  void open_object(int line) { open(nlohmann::ordered_json::object(), line); }
  void open_array(int line) { open(nlohmann::ordered_json::array(), line); }
  void close();

  /// How many objects and arrays are open.
  std::size_t depth() const { return open_.size(); }

  /// The innermost that is open, its line, and its pointer. Something must be open.
  bool in_object() const { return open_.back().json->is_object(); }
  int line() const { return tree_->places[open_.back().place].line; }
  std::string pointer() const;

  /// Everything must be closed.
  Document finish() &&;

 private:
  struct Open {
    nlohmann::ordered_json* json;  // stays put: its container does not grow while this is open
    std::uint32_t place;
    std::string key;  // of the child that comes next or is open
    int key_line;
    absl::flat_hash_map<std::string, int> lines_by_key;
  };

  nlohmann::ordered_json& add(nlohmann::ordered_json value, int line);
  void open(nlohmann::ordered_json container, int line);

  std::shared_ptr<Document::Tree> tree_;
  std::vector<Open> open_;
};

/// `text` as one reference token of a JSON pointer, with the slash before it.
std::string pointer_token(std::string_view text);

}  // namespace quintain::json_input
