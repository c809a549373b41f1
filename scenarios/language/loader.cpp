// Finds scenario files, expands their matrices and names the cases.
#include "scenarios/language/loader.h"

#include <fmt/format.h>

#include <algorithm>
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

std::vector<Scenario> load_scenario_file(const std::string& path, const std::string& root,
                                         Diagnostics& diagnostics) {
  Diagnostics problems;
  std::vector<Scenario> scenarios;
  const auto load = [&] {
    const auto text = json_input::read_file(path, problems);
    if (!text) return;
    const auto document = json_input::Document::parse(path, *text, problems);
    if (!document) return;
    const auto matrix = Matrix::of(*document, problems);
    if (!matrix) return;
    const std::string name = case_name(path, root);
    for (std::size_t i = 0; i < matrix->size(); ++i) {
      const auto expanded = matrix->document(i, problems);
      if (!expanded) continue;
      Scenario scenario = read_scenario(json_input::Reader(expanded->root(), problems));
      const std::string label = matrix->label(i);
      scenario.name = label.empty() ? name : fmt::format("{}[{}]", name, label);
      scenario.file = path;
      scenario.document = json_input::one_line(expanded->root().json());
      if (problems.empty()) scenarios.push_back(std::move(scenario));
    }
  };
  load();
  if (problems.empty()) return scenarios;
  diagnostics.add_all(problems);
  return {};
}

}  // namespace quintain::scenarios
