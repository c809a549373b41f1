// Finds and loads scenario files.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "reports/json_input/diagnostics.h"
#include "reports/json_input/reader.h"
#include "scenarios/language/matrix.h"
#include "scenarios/language/scenario.h"

namespace quintain::scenarios {

/// The scenario files at `paths`, each once: a path to a file is that file; a path to a folder is
/// the
/// *.json files in it and its subfolders, sorted. A search skips *.schema.json, *.study.json (see
/// study/language), hidden files and folders, and folders named "data". Reports a path that does
/// not exist or contains no scenario file.
std::vector<std::string> find_scenario_files(const std::vector<std::string>& paths,
                                             json_input::Diagnostics& diagnostics);

/// The folder relative to which the cases below `path`, a file or a folder, are named: the nearest
/// folder above it that is named "scenarios" (or the folder "cases" in that), so that the name of a
/// case does not depend on the path; otherwise the folder itself.
std::string naming_root(const std::string& path);

/// A scenario file whose cases are read when they are needed: one case may be large, and a matrix
/// makes thousands of it. Immutable; thread-safe.
class ScenarioFile {
 public:
  /// Reads and checks every case. Returns nullopt after reporting a problem. `visit` is called with
  /// each case in its order, as long as there is no problem.
  static std::optional<ScenarioFile> load(
      const std::string& path, const std::string& root, json_input::Diagnostics& diagnostics,
      const std::function<void(std::size_t index, Scenario scenario)>& visit);

  /// Requires: `index` is one that load() visited.
  Scenario at(std::size_t index) const;

 private:
  ScenarioFile(std::string path, std::string name, Matrix matrix)
      : path_(std::move(path)), name_(std::move(name)), matrix_(std::move(matrix)) {}
  std::optional<Scenario> read(std::size_t index, json_input::Diagnostics& problems) const;

  std::string path_;
  std::string name_;
  Matrix matrix_;
  // The case of a file without a matrix, which need not be read again.
  std::optional<Scenario> only_case_{};
};

/// The cases of a file, in the order of its matrix. A case's name is the file's path relative to
/// `root`, without its extension, followed by the case's label in brackets if the file has a
/// matrix. Returns no case after reporting a problem: a file is loaded completely or not at all.
std::vector<Scenario> load_scenario_file(const std::string& path, const std::string& root,
                                         json_input::Diagnostics& diagnostics);

/// The scenario of a document without a matrix. Returns nullopt after reporting a problem.
std::optional<Scenario> read_single_scenario(const json_input::Document& document, std::string name,
                                             json_input::Diagnostics& diagnostics);

/// Reads the document of one case, after expansion of its matrix: all of a Scenario but its name,
/// file and document.
Scenario read_scenario(const json_input::Reader& document);

}  // namespace quintain::scenarios
