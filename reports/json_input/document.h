// A JSON file in memory that still knows on which line everything stood.
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

/// No file may be larger.
inline constexpr std::size_t kMaxFileBytes = std::size_t{16} << 20;

/// The text of a file, or nothing after reporting why it could not be read.
std::optional<std::string> read_file(const std::string& path, Diagnostics& diagnostics);

class DocumentNode;

/// A parsed file. Immutable, and cheap to copy.
class Document {
 public:
  /// No value may be nested deeper.
  static constexpr std::size_t kMaxDepth = 64;

  /// JSON (RFC 8259) that may have // and /* */ comments. Two members of one object with the same
  /// name are an error. Nothing after reporting what is wrong; `file_name` is for the reports.
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

/// One value of a document: what it is and where it stands. Cheap to copy; valid as long as a copy
/// of its document lives.
class DocumentNode {
 public:
  const nlohmann::ordered_json& json() const { return *json_; }

  /// The line of the member's key; of an array's element, the line on which it begins.
  int line() const;

  /// RFC 6901, e.g. "/node/slots"; empty for the root. Found by a walk from the root.
  std::string pointer() const;

  /// The member of that name, if this is an object that has one.
  std::optional<DocumentNode> member(std::string_view key) const;

  /// An array's elements or an object's members, in the order of the file; of other values none.
  std::vector<DocumentNode> children() const;

  /// An object's members with their names, in the order of the file; of other values none.
  std::vector<std::pair<std::string_view, DocumentNode>> members() const;

  /// A diagnostic about this value.
  Diagnostic diagnostic(std::string message) const;

 private:
  friend class Document;
  DocumentNode(const Document::Tree& tree, const nlohmann::ordered_json& json, std::uint32_t place)
      : tree_(&tree), json_(&json), place_(place) {}

  const Document::Tree* tree_;
  const nlohmann::ordered_json* json_;
  std::uint32_t place_;
};

}  // namespace quintain::json_input
