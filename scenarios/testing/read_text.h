// For tests: scenarios from texts.
#pragma once

#include <gmock/gmock.h>

#include <cstddef>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>

#include "reports/json_input/diagnostics.h"
#include "reports/json_input/document.h"
#include "scenarios/language/scenario_reader.h"

namespace quintain::scenarios {

/// What is wrong: a line each, without the last newline.
inline std::string lines_of(const json_input::Diagnostics& diagnostics) {
  std::string text = diagnostics.text();
  if (!text.empty()) text.pop_back();
  return text;
}

/// The scenario of a text without a matrix, in a file called "f". What is wrong goes to `errors`.
inline Scenario read_text(std::string_view text, std::string& errors) {
  json_input::Diagnostics diagnostics;
  Scenario scenario;
  if (const auto document = json_input::Document::parse("f", text, diagnostics)) {
    scenario = read_scenario(json_input::Reader(document->root(), diagnostics));
  }
  errors = lines_of(diagnostics);
  return scenario;
}

/// The scenario of a text that is as it should be.
inline Scenario read_good_text(std::string_view text) {
  std::string errors;
  Scenario scenario = read_text(text, errors);
  EXPECT_EQ(errors, "") << text;
  return scenario;
}

inline std::string errors_of(std::string_view text) {
  std::string errors;
  read_text(text, errors);
  return errors;
}

/// A file of this checkout.
inline std::string source_file(std::string_view path) {
  std::ifstream file(std::string(QUINTAIN_SOURCE_DIR) + "/" + std::string(path));
  EXPECT_TRUE(file.is_open()) << path;
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace quintain::scenarios
