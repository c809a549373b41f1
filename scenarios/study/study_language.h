// Study files: `*.study.json`.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "scenarios/json/diagnostics.h"
#include "scenarios/json/document.h"
#include "scenarios/study/study.h"

namespace quintain::scenarios {

/// What a study's file name ends with; a search for scenarios leaves such files out.
inline constexpr std::string_view kStudySuffix = ".study.json";

/// Nothing after reporting all that is wrong with the file.
std::optional<Study> load_study_file(const std::string& path, Diagnostics& diagnostics);

/// The same of a document, whose file name says where it stands.
std::optional<Study> read_study(const Document& document, Diagnostics& diagnostics);

}  // namespace quintain::scenarios
