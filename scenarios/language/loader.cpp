// Finds scenario files, expands their matrices and names the cases.
#include "scenarios/language/loader.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string_view>
#include <system_error>
#include <utility>

#include "reports/json_input/document.h"
#include "reports/json_input/reader.h"
#include "scenarios/language/matrix.h"

namespace quintain::scenarios {

using json_input::Diagnostics;
namespace {

namespace fs = std::filesystem;

/// Study files may be in the same folders; `quintain study` reads them.
constexpr std::string_view kStudySuffix = ".study.json";

bool is_scenario_file(const fs::path& path) {
  const std::string name = path.filename().string();
  return name.ends_with(".json") && !name.ends_with(".schema.json") &&
         !name.ends_with(kStudySuffix) && !name.starts_with('.');
}

bool is_searched(const fs::path& folder) {
  const std::string name = folder.filename().string();
  return name != "data" && !name.starts_with('.');
}

json_input::Diagnostic about(const fs::path& path, std::string message) {
  return {.file = path.string(), .line = 0, .pointer = "", .message = std::move(message)};
}

/// The scenario files in a folder and its subfolders, sorted; nullopt after reporting an error.
std::optional<std::vector<fs::path>> search(const fs::path& folder, Diagnostics& diagnostics) {
  std::vector<fs::path> found;
  std::error_code error;
  fs::recursive_directory_iterator entry(folder, error);
  while (!error && entry != fs::recursive_directory_iterator()) {
    std::error_code unknown;  // an entry without a known type is skipped
    if (entry->is_directory(unknown)) {
      if (!is_searched(entry->path())) entry.disable_recursion_pending();
    } else if (entry->is_regular_file(unknown) && is_scenario_file(entry->path())) {
      found.push_back(entry->path());
    }
    entry.increment(error);
  }
  if (error) {
    diagnostics.add(about(folder, "can't search the folder: " + error.message()));
    return std::nullopt;
  }
  std::sort(found.begin(), found.end());
  return found;
}

/// "cancel/while-queued" for <root>/cancel/while-queued.json.
std::string case_name(const fs::path& path, const fs::path& root) {
  // Symbolic links are not resolved: a case is named by the path that was given.
  std::error_code error;
  const auto from_start = [&error](const fs::path& p) {
    return fs::absolute(p.empty() ? "." : p, error).lexically_normal();
  };
  const fs::path from_root = from_start(path).lexically_relative(from_start(root));
  const bool below = !error && !from_root.empty() && *from_root.begin() != "..";
  fs::path name = below ? from_root : path.lexically_normal();
  return name.replace_extension().generic_string();
}

}  // namespace

std::vector<std::string> find_scenario_files(const std::vector<std::string>& paths,
                                             Diagnostics& diagnostics) {
  std::vector<std::string> files;
  std::set<fs::path> seen;
  const auto add = [&](const fs::path& file) {
    std::error_code error;
    const fs::path identity = fs::weakly_canonical(file, error);
    if (seen.insert(error ? file : identity).second) files.push_back(file.string());
  };
  for (const std::string& path : paths) {
    std::error_code error;
    const fs::file_status status = fs::status(path, error);
    if (!fs::exists(status)) {
      diagnostics.add(about(path, "no such file or folder"));
    } else if (!fs::is_directory(status)) {
      add(path);
    } else if (const auto found = search(path, diagnostics)) {
      if (found->empty()) {
        diagnostics.add(about(path, "no scenario in this folder; expected files *.json"));
      }
      for (const fs::path& file : *found) add(file);
    }
  }
  return files;
}

std::string naming_root(const std::string& path) {
  std::error_code error;
  const fs::path start = fs::absolute(path, error).lexically_normal();
  for (fs::path above = start; above.has_relative_path(); above = above.parent_path()) {
    if (above.filename() != "scenarios") continue;
    const fs::path cases = above / "cases";
    return fs::is_directory(cases, error) ? cases.string() : above.string();
  }
  return fs::is_directory(path, error) ? path : start.parent_path().string();
}

std::optional<ScenarioFile> ScenarioFile::load(
    const std::string& path, const std::string& root, Diagnostics& diagnostics,
    const std::function<void(std::size_t index, Scenario scenario)>& visit) {
  Diagnostics problems;
  const auto load = [&]() -> std::optional<ScenarioFile> {
    const auto text = json_input::read_file(path, problems);
    if (!text) return std::nullopt;
    const auto document = json_input::Document::parse(path, *text, problems);
    if (!document) return std::nullopt;
    auto matrix = Matrix::of(*document, problems);
    if (!matrix) return std::nullopt;
    ScenarioFile file(path, case_name(path, root), *std::move(matrix));
    for (std::size_t i = 0; i < file.matrix_.size(); ++i) {
      auto scenario = file.read(i, problems);
      if (!scenario || !problems.empty()) continue;
      if (file.matrix_.size() == 1) file.only_case_ = scenario;
      visit(i, *std::move(scenario));
    }
    return file;
  };
  auto file = load();
  if (problems.empty()) return file;
  diagnostics.add_all(problems);
  return std::nullopt;
}

std::optional<Scenario> ScenarioFile::read(std::size_t index, Diagnostics& problems) const {
  const auto expanded = matrix_.document(index, problems);
  if (!expanded) return std::nullopt;
  Scenario scenario = read_scenario(json_input::Reader(expanded->root(), problems));
  const std::string label = matrix_.label(index);
  scenario.name = label.empty() ? name_ : fmt::format("{}[{}]", name_, label);
  scenario.file = path_;
  scenario.document = json_input::one_line(expanded->root().json());
  return scenario;
}

std::optional<Scenario> read_single_scenario(const json_input::Document& document, std::string name,
                                             Diagnostics& diagnostics) {
  Diagnostics problems;
  Scenario scenario = read_scenario(json_input::Reader(document.root(), problems));
  diagnostics.add_all(problems);
  if (!problems.empty()) return std::nullopt;
  scenario.name = std::move(name);
  scenario.file = document.file_name();
  scenario.document = json_input::one_line(document.root().json());
  return scenario;
}

Scenario ScenarioFile::at(std::size_t index) const {
  if (only_case_) return *only_case_;
  Diagnostics none;
  auto scenario = read(index, none);
  assert(scenario && none.empty());  // load() has read it
  return *std::move(scenario);
}

std::vector<Scenario> load_scenario_file(const std::string& path, const std::string& root,
                                         Diagnostics& diagnostics) {
  std::vector<Scenario> scenarios;
  const auto file = ScenarioFile::load(
      path, root, diagnostics,
      [&](std::size_t /*index*/, Scenario scenario) { scenarios.push_back(std::move(scenario)); });
  return file ? scenarios : std::vector<Scenario>();
}

}  // namespace quintain::scenarios
