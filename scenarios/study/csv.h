// Tables of comma-separated values.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "scenarios/json/diagnostics.h"

namespace quintain::scenarios {

struct CsvRow {
  /// On which it begins, counted from 1.
  int line = 0;
  std::vector<std::string> fields;
};

/// RFC 4180: fields may be quoted and then hold commas, quotes (doubled) and line breaks. Empty
/// lines are passed over. Nothing after reporting a quote that stands where none may.
std::optional<std::vector<CsvRow>> parse_csv(const std::string& file_name, std::string_view text,
                                             Diagnostics& diagnostics);

}  // namespace quintain::scenarios
