// Documents judged by a JSON Schema, for tests.
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

class Schema {
 public:
  /// The schema in a file, draft 7.
  explicit Schema(const std::string& path) {
    const auto document = nlohmann::json::parse(std::ifstream(path));
    valijson::SchemaParser(valijson::SchemaParser::kDraft7)
        .populateSchema(valijson::adapters::NlohmannJsonAdapter(document), schema_);
  }

  bool valid(const nlohmann::json& document) const {
    return valijson::Validator().validate(
        schema_, valijson::adapters::NlohmannJsonAdapter(document), nullptr);
  }

  /// Spoils every part of a valid document in turn: an unknown key is added, each key but the
  /// `optional` ones is taken away, each value gets another type. Expects nothing spoilt to be
  /// valid. The members "config" and "environment" may hold anything. Returns how many keys were
  /// taken away.
  int expect_rejects_spoilt(nlohmann::json document, const std::set<std::string>& optional) const {
    int removed = 0;
    spoil(document, document, "", optional, removed);
    EXPECT_TRUE(valid(document));
    return removed;
  }

 private:
  using Json = nlohmann::json;

  /// `node` is a part of `root`.
  void spoil(Json& root, Json& node, const std::string& where,
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
      spoil(root, value, where + "/" + key, optional, removed);
    }
  }

  valijson::Schema schema_;
};

}  // namespace quintain::reports
