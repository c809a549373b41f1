// A parsed JSON file that knows the line and the JSON pointer of every value.
//
// jsoncpp 1.9.5 was tried instead: its offsets are those of values, not keys, and it sorts members;
// it accepts 01, -, raw control characters and invalid UTF-8, reports only the first duplicate key
// (without the earlier line), throws at its depth limit, and needs 2.8 s for 16 MB of numbers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "reports/json_input/diagnostics.h"

namespace quintain::json_input {

/// Larger files are rejected.
inline constexpr std::size_t kMaxFileBytes = std::size_t{16} << 20;

/// The text of a file, or nullopt after reporting why it could not be read. Works for pipes.
std::optional<std::string> read_file(const std::string& path, Diagnostics& diagnostics);

/// `text` as one reference token of a JSON pointer (RFC 6901), with the slash before it.
std::string pointer_token(std::string_view text);

class DocumentNode;

/// A parsed file. Immutable, and cheap to copy.
class Document {
 public:
  /// Values nested deeper than this are rejected.
  static constexpr std::size_t kMaxDepth = 64;

  /// Parses JSON (RFC 8259) that may have // and /* */ comments. Two members of one object with the
  /// same name are an error. Returns nullopt after reporting what is wrong; `file_name` is used in
  /// the reports only. Takes time linear in the size of the text.
  static std::optional<Document> parse(std::string file_name, std::string_view text,
                                       Diagnostics& diagnostics);

  const std::string& file_name() const;

  DocumentNode root() const;

 private:
  friend class DocumentBuilder;
  friend class DocumentNode;
  struct Tree;
  explicit Document(std::shared_ptr<const Tree> tree) : tree_(std::move(tree)) {}

  std::shared_ptr<const Tree> tree_;
};

/// One value of a document and its place. Immutable, and cheap to copy; valid as long as a copy of
/// its document exists.
class DocumentNode {
 public:
  const nlohmann::ordered_json& json() const { return *json_; }

  /// The line of a member's key; for other values, the line on which the value starts.
  int line() const;

  /// RFC 6901, e.g. "/node/slots"; empty for the root. Computed by a walk from the root.
  std::string pointer() const;

  /// The member with this name, if this is an object that has one.
  std::optional<DocumentNode> member(std::string_view key) const;

  /// An array's elements or an object's members, in file order; empty for other values.
  std::vector<DocumentNode> children() const;

  /// An object's members with their names, in file order; empty for other values.
  std::vector<std::pair<std::string_view, DocumentNode>> members() const;

  /// A diagnostic about this value.
  Diagnostic diagnostic(std::string message) const;

 private:
  friend class Document;
  DocumentNode(const Document::Tree& tree, const nlohmann::ordered_json& json, std::uint32_t place)
      : tree_(&tree), json_(&json), place_(place) {}

  const Document::Tree* tree_;
  const nlohmann::ordered_json* json_;
  std::uint32_t place_;  // index into the tree's places
};

}  // namespace quintain::json_input
