// Tables of comma-separated values.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "reports/json_input/diagnostics.h"

namespace quintain::study {

struct CsvRow {
  /// On which it begins, counted from 1.
  int line = 0;
  std::vector<std::string> fields;
};

/// RFC 4180: fields may be quoted and then hold commas, quotes (doubled) and line breaks. Empty
/// lines are passed over. Nothing after reporting a quote that stands where none may.
std::optional<std::vector<CsvRow>> parse_csv(const std::string& file_name, std::string_view text,
                                             json_input::Diagnostics& diagnostics);

}  // namespace quintain::study
