// Reads comma-separated values (RFC 4180).
#pragma once

#include <functional>
#include <istream>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace quintain::sim {

struct CsvRow {
  /// The line on which the row starts, from 1.
  int line = 0;
  std::vector<std::string> fields;
};

/// The reason why a file is not valid CSV: what is wrong and what would be right.
struct CsvError {
  int line = 0;
  std::string what;
};

/// Calls `on_row` for every row of `in`, in order. Holds only one row at a time, so large files are
/// streamed.
///
/// Fields may be quoted; a quoted field may contain commas, doubled quotes and line breaks. Spaces
/// and tabs around a field are dropped unless they are quoted. Lines end with LF or CRLF; the last
/// line may have no end. Empty lines and a UTF-8 byte order mark are skipped.
///
/// Returns the first error; the rows before it have been delivered by then. `on_row` must not
/// throw.
std::optional<CsvError> read_csv(std::istream& in, const std::function<void(const CsvRow&)>& on_row,
                                 char delimiter = ',');

/// The delimiter of a file with this first line: of comma, semicolon, tab and vertical bar the one
/// that occurs most often outside quotes; a comma if none does.
char find_delimiter(std::string_view first_line);

}  // namespace quintain::sim
