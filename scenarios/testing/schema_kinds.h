// For tests: the kinds that scenario.schema.json defines.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace quintain::scenarios {

/// The keys that name the alternatives of a definition, such as "invoke", "stream", ... of "step":
/// the first required key of each.
template <class Json>
std::vector<std::string> schema_kinds(const Json& schema, const std::string& definition) {
  using Pointer = typename Json::json_pointer;
  std::vector<std::string> kinds;
  for (const Json& alternative : schema.at(Pointer("/definitions/" + definition + "/anyOf"))) {
    const std::string reference = alternative.value("$ref", "#");
    const Json& kind = reference == "#" ? alternative : schema.at(Pointer(reference.substr(1)));
    if (kind.contains("required")) kinds.push_back(kind["required"][0].template get<std::string>());
  }
  return kinds;
}

}  // namespace quintain::scenarios
