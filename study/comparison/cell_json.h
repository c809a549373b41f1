// A cell's result as JSON, to be kept.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "study/comparison/cell.h"

namespace quintain::study {

/// Reads back as the same result, to the last bit.
std::string to_json(const CellResult& cell);

/// Nothing if the text is not what to_json() writes.
std::optional<CellResult> cell_from_json(std::string_view text);

}  // namespace quintain::study
