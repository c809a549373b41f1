// Validation against a JSON Schema, for tests.
#pragma once

#include <gmock/gmock.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <utility>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validator.hpp>

namespace quintain::reports {

/// A JSON Schema. Immutable.
class Schema {
 public:
  /// Reads the schema, draft 7, from a file.
  explicit Schema(const std::string& path) {
    const auto document = nlohmann::json::parse(std::ifstream(path));
    valijson::SchemaParser(valijson::SchemaParser::kDraft7)
        .populateSchema(valijson::adapters::NlohmannJsonAdapter(document), schema_);
  }

  bool valid(const nlohmann::json& document) const {
    return valijson::Validator().validate(
        schema_, valijson::adapters::NlohmannJsonAdapter(document), nullptr);
  }

  /// Damages every part of a valid document in turn: adds an unknown key, removes each key but the
  /// `optional` ones, and changes the type of each value. Expects each damaged document to be
  /// invalid. The members "config" and "environment" may hold anything. Returns the number of keys
  /// removed.
  int expect_rejects_damaged(nlohmann::json document, const std::set<std::string>& optional) const {
    int removed = 0;
    damage(document, document, "", optional, removed);
    EXPECT_TRUE(valid(document));
    return removed;
  }

 private:
  using Json = nlohmann::json;

  /// `node` is a part of `root`.
  void damage(Json& root, Json& node, const std::string& where,
              const std::set<std::string>& optional, int& removed) const {
    const bool free = where.ends_with("/config") || where.ends_with("/environment");
    if (!free && node.is_object()) {
      node["unknown"] = 1;
      EXPECT_FALSE(valid(root)) << "added to " << where;
      node.erase("unknown");
      const Json whole = node;
      for (const auto& [key, value] : whole.items()) {
        if (optional.contains(key)) continue;
        node.erase(key);
        EXPECT_FALSE(valid(root)) << "without " << where << "/" << key;
        node = whole;
        ++removed;
      }
    }
    if (!where.ends_with("/config")) {
      Json other = node.is_boolean() ? Json(1) : Json(true);
      std::swap(node, other);
      EXPECT_FALSE(valid(root)) << node << " for " << where;
      std::swap(node, other);
    }
    if (free || !node.is_structured()) return;
    for (const auto& [key, value] : node.items()) {
      damage(root, value, where + "/" + key, optional, removed);
    }
  }

  valijson::Schema schema_;
};

}  // namespace quintain::reports
