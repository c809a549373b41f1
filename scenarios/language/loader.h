// Scenario files, found and loaded.
#pragma once

#include <string>
#include <vector>

#include "reports/json_input/diagnostics.h"
#include "scenarios/language/scenario.h"

namespace quintain::scenarios {

/// The files that `paths` stand for: a file for itself, a folder for the *.json files in it and
/// below, in the order of their names. Left out of a search: *.schema.json, *.study.json (see
/// study/study_language.h), and folders that are hidden or called "data". Each file once. A path
/// that does not exist, or that stands for no file, is reported.
std::vector<std::string> find_scenario_files(const std::vector<std::string>& paths,
                                             json_input::Diagnostics& diagnostics);

/// The folder from which the cases below `path`, a file or a folder, are named: the nearest one
/// above that is called "scenarios", so that a case has the same name however it was asked for;
/// otherwise the folder itself.
std::string naming_root(const std::string& path);

/// The cases of a file, in the order of its matrix. A case's name is the file's path from `root`,
/// without its extension, and the case's label in brackets if the file has a matrix. None after
/// reporting what is wrong with the file: a file is loaded as a whole or not at all.
std::vector<Scenario> load_scenario_file(const std::string& path, const std::string& root,
                                         json_input::Diagnostics& diagnostics);

}  // namespace quintain::scenarios
