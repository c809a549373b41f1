// study.schema.json must accept and reject what the loader does.
#include <gmock/gmock.h>

#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validator.hpp>

#include "core/eta/estimator.h"
#include "scenarios/testing/read_text.h"
#include "study/language/study.h"

namespace quintain::study {
namespace {

using nlohmann::json;
using testing::ElementsAreArray;

json parse(std::string_view text) { return json::parse(text, nullptr, true, true); }

// The study's schema with the scenario schema's definitions inserted, because valijson does not
// follow references to other files.
json complete_schema() {
  std::string text = scenarios::source_file("study/study.schema.json");
  const std::string elsewhere = "../scenario.schema.json#";
  for (std::size_t at = text.find(elsewhere); at != text.npos; at = text.find(elsewhere)) {
    text.replace(at, elsewhere.size(), "#");
  }
  json schema = parse(text);
  const json scenario = parse(scenarios::source_file("scenarios/scenario.schema.json"));
  for (const auto& [name, definition] : scenario["definitions"].items()) {
    EXPECT_FALSE(schema["definitions"].contains(name)) << name;
    schema["definitions"][name] = definition;
  }
  return schema;
}

bool accepts(const json& document) {
  static const json text = complete_schema();
  static const auto* schema = [] {
    auto* made = new valijson::Schema;
    valijson::SchemaParser().populateSchema(valijson::adapters::NlohmannJsonAdapter(text), *made);
    return made;
  }();
  return valijson::Validator().validate(*schema, valijson::adapters::NlohmannJsonAdapter(document),
                                        nullptr);
}

bool loads(const std::string& text) {
  json_input::Diagnostics diagnostics;
  const auto document = json_input::Document::parse("f.study.json", text, diagnostics);
  return document && read_study(*document, diagnostics);
}

TEST(StudySchema, AcceptsEveryKeyAndTheShippedStudies) {
  for (const std::string path :
       {"study/language/data/every-key.json", "study/studies/eta.study.json",
        "study/studies/eta-short.study.json", "study/studies/real.study.json"}) {
    const std::string text = scenarios::source_file(path);
    EXPECT_TRUE(accepts(parse(text))) << path;
    json_input::Diagnostics diagnostics;
    const auto document = json_input::Document::parse(path, text, diagnostics);
    ASSERT_TRUE(document) << diagnostics.text();
    EXPECT_TRUE(read_study(*document, diagnostics)) << diagnostics.text();
  }
}

TEST(StudySchema, RejectsWhatTheLoaderRejects) {
  const json good = parse(scenarios::source_file("study/language/data/every-key.json"));
  const auto spoilt = [&](const char* pointer, json value) {
    json document = good;
    document[json::json_pointer(pointer)] = std::move(value);
    return document;
  };
  const std::vector<std::pair<const char*, json>> spoils = {
      {"/about", 1},
      {"/workloads", json::array()},
      {"/workloads/0/name", "no/slash"},
      {"/workloads/0/colour", "red"},
      {"/replications", 1},
      {"/replications", json::object({{"least", 10}, {"most", 20}})},
      {"/estimators", json::array({"nope"})},
      {"/arrivals", 10},
      {"/workloads/0/population/functions", 0},
      {"/workloads/0/population/service", json::object()},
      {"/workloads/0/population/zipf", -1},
      {"/workloads/0/traffic/load", 0},
      {"/workloads/0/traffic/cancels/share", 2},
      {"/workloads/0/traffic/timeout", json::object({{"times_mean", "much"}})},
      {"/workloads/0/goals/0/pinball_to_oracle", "good"},
      {"/workloads/0/loads", json::array()},
      {"/workloads/1/closed_forms/0/quantity", "mood"},
      {"/workloads/1/population", good["workloads"][0]["population"]},
  };
  EXPECT_TRUE(loads(good.dump()));
  for (const auto& [pointer, value] : spoils) {
    const json document = spoilt(pointer, value);
    EXPECT_FALSE(loads(document.dump())) << pointer << " " << value;
    EXPECT_FALSE(accepts(document)) << pointer << " " << value;
  }
}

TEST(StudySchema, ListsTheEstimators) {
  const json schema = complete_schema();
  EXPECT_THAT(
      schema["/properties/estimators/items/enum"_json_pointer].get<std::vector<std::string>>(),
      ElementsAreArray(core::eta::estimator_names()));
}

}  // namespace
}  // namespace quintain::study
