// Checks scenario.schema.json against the loader and the registries.
#include <absl/strings/str_join.h>
#include <gmock/gmock.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validator.hpp>

#include "core/eta/estimator.h"
#include "core/scheduling.h"
#include "scenarios/language/loader.h"
#include "scenarios/language/matrix.h"
#include "scenarios/language/scenario.h"
#include "scenarios/language/script.h"
#include "scenarios/testing/read_text.h"
#include "scenarios/testing/schema_kinds.h"

namespace quintain::scenarios {
namespace {

using nlohmann::json;
using testing::ElementsAreArray;

json parse(std::string_view text) { return json::parse(text, nullptr, true, true); }

json parse_source_file(std::string_view path) { return parse(source_file(path)); }

const json& schema_document() {
  static const json document = parse_source_file("scenarios/scenario.schema.json");
  return document;
}

class Schema {
 public:
  Schema() {
    valijson::SchemaParser parser;
    parser.populateSchema(valijson::adapters::NlohmannJsonAdapter(schema_document()), schema_);
  }

  /// Why the schema rejects a document, one line for each reason; empty if it accepts it.
  std::string errors(const json& document) const {
    // For JSON Schema and the loader 3.0 is an integer, but for valijson it is not.
    const json normal = with_plain_integers(document);
    valijson::Validator validator;
    valijson::ValidationResults results;
    if (validator.validate(schema_, valijson::adapters::NlohmannJsonAdapter(normal), &results)) {
      return "";
    }
    std::string text;
    valijson::ValidationResults::Error error;
    while (results.popError(error)) {
      text += absl::StrJoin(error.context, "") + ": " + error.description + "\n";
    }
    return text.empty() ? "rejected" : text;
  }

 private:
  static json with_plain_integers(json value) {
    if (value.is_number_float()) {
      const double number = value;
      if (number == std::floor(number) && std::abs(number) < 0x1p53) {
        return static_cast<std::int64_t>(number);
      }
    }
    if (value.is_structured()) {
      for (json& child : value) child = with_plain_integers(std::move(child));
    }
    return value;
  }

  valijson::Schema schema_;
};

const Schema& schema() {
  static const Schema schema;
  return schema;
}

/// The documents of the cases of a text; empty if it has errors.
std::vector<json> cases_of(const std::string& text, json_input::Diagnostics& diagnostics) {
  std::vector<json> cases;
  const auto document = json_input::Document::parse("f", text, diagnostics);
  const auto matrix = document ? Matrix::of(*document, diagnostics) : std::nullopt;
  for (std::size_t i = 0; matrix && i < matrix->size(); ++i) {
    const auto expanded = matrix->document(i, diagnostics);
    if (!expanded) continue;
    read_scenario(json_input::Reader(expanded->root(), diagnostics));
    cases.push_back(parse(expanded->root().json().dump()));
  }
  return diagnostics.empty() ? cases : std::vector<json>();
}

TEST(ScenarioSchema, AcceptsEveryKeyBeforeAndAfterExpansion) {
  const std::string text = source_file("scenarios/language/data/every-key.json");
  EXPECT_EQ(schema().errors(parse(text)), "");
  json_input::Diagnostics diagnostics;
  const auto cases = cases_of(text, diagnostics);
  EXPECT_EQ(cases.size(), 4u);
  for (const json& document : cases) EXPECT_EQ(schema().errors(document), "");
}

TEST(ScenarioSchema, AcceptsEveryShippedScenario) {
  json_input::Diagnostics diagnostics;
  const auto files =
      find_scenario_files({std::string(QUINTAIN_SOURCE_DIR) + "/scenarios"}, diagnostics);
  for (const std::string& file : files) {
    for (const Scenario& scenario : load_scenario_file(file, QUINTAIN_SOURCE_DIR, diagnostics)) {
      EXPECT_EQ(schema().errors(parse(scenario.document)), "") << scenario.name;
    }
    std::ifstream text(file);
    EXPECT_EQ(schema().errors(json::parse(text, nullptr, true, true)), "") << file;
  }
  EXPECT_GT(files.size(), 0u);
  EXPECT_EQ(diagnostics.text(), "");
}

TEST(ScenarioSchema, AcceptsVariablesWhereverTheyAreAllowed) {
  EXPECT_EQ(schema().errors(parse(R"({
      "about": "${how}",
      "for": {"how": ["a"], "n": [1], "node": [{"label": "big", "value": {"slots": 64}}]},
      "node": "${node}",
      "functions": {"f-${how}": {"service": "${n}ms", "chunks": "${n}", "echo": "${n}"}},
      "steps": [{"${how}": "f", "mode": "sync"}, {"invoke": "f", "mode": "${how}"}, "${n}"],
      "loads": [{"invoke": "f", "mode": "${how}", "arrivals": {"${how}": "${n}"}}],
      "expect": [{"metric": "wait_ms.${how}", "at_most": "${n}"}]})")),
            "");
}

TEST(ScenarioSchema, RejectsTheMistakesThatASchemaCanSee) {
  for (const json& group : parse_source_file("scenarios/language/data/mistakes.json")) {
    for (const json& mistake : group["mistakes"]) {
      json file = group["file"];
      file[json::json_pointer(group["at"].get<std::string>())] = mistake["write"];
      const bool accepts = mistake.value("schema", "rejects") == "accepts";
      EXPECT_EQ(schema().errors(file).empty(), accepts) << group["about"] << mistake["write"];
    }
  }
}

/// The names that an "enum" of the schema lists.
std::vector<std::string> listed_names(const char* pointer) {
  return schema_document()[json::json_pointer(pointer)].get<std::vector<std::string>>();
}

TEST(ScenarioSchema, ListsTheNamesOfTheRegistries) {
  std::vector<std::string> metrics;
  for (const MetricName& metric : metric_names()) metrics.emplace_back(metric.name);
  EXPECT_THAT(listed_names("/definitions/expect_metric/properties/metric/anyOf/0/enum"),
              ElementsAreArray(metrics));
  EXPECT_THAT(listed_names("/definitions/strategy/anyOf/0/enum"),
              ElementsAreArray(core::scheduling_strategy_names()));
  EXPECT_THAT(listed_names("/definitions/estimator/anyOf/0/enum"),
              ElementsAreArray(core::eta::estimator_names()));
  EXPECT_THAT(schema_kinds(schema_document(), "step"), ElementsAreArray(step_kinds()));
}

/// Appends the pointers of all values in a document but the document itself.
void list_pointers(const json& value, const json::json_pointer& at,
                   std::vector<json::json_pointer>& pointers) {
  if (value.is_object()) {
    for (const auto& [key, child] : value.items()) {
      pointers.push_back(at / key);
      list_pointers(child, at / key, pointers);
    }
  } else if (value.is_array()) {
    for (std::size_t i = 0; i < value.size(); ++i) {
      pointers.push_back(at / i);
      list_pointers(value[i], at / i, pointers);
    }
  }
}

/// Changes one place of a document: removes it, renames it, or replaces its value by another one,
/// which may come from elsewhere in the document.
void mutate(json& document) {
  std::vector<json::json_pointer> pointers;
  list_pointers(document, json::json_pointer(), pointers);
  const auto place = *rc::gen::elementOf(pointers);
  json& parent = document[place.parent_pointer()];
  switch (*rc::gen::inRange(0, 4)) {
    case 0:
      if (parent.is_object()) {
        parent.erase(place.back());
      } else {
        parent.erase(static_cast<std::size_t>(std::stoul(place.back())));
      }
      break;
    case 1:
      if (parent.is_object()) {
        json value = document[place];
        parent.erase(place.back());
        parent[*rc::gen::element<std::string>("x", "", "mode", "at", "${mode}")] = std::move(value);
      }
      break;
    case 2: {
      json value = document[*rc::gen::elementOf(pointers)];
      document[place] = std::move(value);
      break;
    }
    default:
      document[place] = *rc::gen::element<json>(
          nullptr, true, false, 0, 1, -1, 3.0, 0.5, 1e300, 9007199254740993, -9223372036854775807,
          "", "x", "1s", "0s", "never", "${mode}", "100000d", json::array(), json::object(),
          json::array({1}), json::object({{"x", 1}}));
  }
}

RC_GTEST_PROP(ScenarioSchema, AcceptsWhatTheLoaderAccepts, ()) {
  static const json original = parse_source_file("scenarios/language/data/every-key.json");
  json document = original;
  const int mutations = *rc::gen::inRange(1, 4);
  for (int i = 0; i < mutations; ++i) mutate(document);
  const std::string text = document.dump(1);
  RC_LOG() << json::diff(original, document).dump(1);

  json_input::Diagnostics diagnostics;
  const auto cases = cases_of(text, diagnostics);
  RC_CLASSIFY(diagnostics.empty(), "loaded");
  RC_ASSERT(diagnostics.empty() != cases.empty());
  for (const json& expanded : cases) RC_ASSERT(schema().errors(expanded) == "");
}

}  // namespace
}  // namespace quintain::scenarios
