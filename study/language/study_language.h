// Study files: `*.study.json`.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "reports/json_input/diagnostics.h"
#include "reports/json_input/document.h"
#include "study/language/study.h"

namespace quintain::study {

/// What a study's file name ends with; a search for scenarios leaves such files out.
inline constexpr std::string_view kStudySuffix = ".study.json";

/// Nothing after reporting all that is wrong with the file.
std::optional<Study> load_study_file(const std::string& path, json_input::Diagnostics& diagnostics);

/// The same of a document, whose file name says where it stands.
std::optional<Study> read_study(const json_input::Document& document,
                                json_input::Diagnostics& diagnostics);

}  // namespace quintain::study
