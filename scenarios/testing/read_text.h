// Test support: reads scenarios from texts.
#pragma once

#include <gmock/gmock.h>

#include <cstddef>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>

#include "reports/json_input/diagnostics.h"
#include "reports/json_input/document.h"
#include "scenarios/language/loader.h"

namespace quintain::scenarios {

/// The errors, one per line, without the last newline.
inline std::string lines_of(const json_input::Diagnostics& diagnostics) {
  std::string text = diagnostics.text();
  if (!text.empty()) text.pop_back();
  return text;
}

/// Reads a scenario without a matrix from a text; its file name is "f". Errors go to `errors`.
inline Scenario read_text(std::string_view text, std::string& errors) {
  json_input::Diagnostics diagnostics;
  Scenario scenario;
  if (const auto document = json_input::Document::parse("f", text, diagnostics)) {
    scenario = read_scenario(json_input::Reader(document->root(), diagnostics));
  }
  errors = lines_of(diagnostics);
  return scenario;
}

/// Reads a scenario from a text without errors.
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

/// The text of a file of this project.
inline std::string source_file(std::string_view path) {
  std::ifstream file(std::string(QUINTAIN_SOURCE_DIR) + "/" + std::string(path));
  EXPECT_TRUE(file.is_open()) << path;
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace quintain::scenarios
