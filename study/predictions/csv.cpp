#include "study/predictions/csv.h"

#include <csv.h>
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <utility>

namespace quintain::study {
namespace {

// What libcsv tells of a text, put into rows.
struct Rows {
  std::vector<CsvRow> rows;
  CsvRow open;
  int line = 1;

  static void on_field(void* field, std::size_t length, void* self) {
    auto& rows = *static_cast<Rows*>(self);
    rows.open.fields.emplace_back(static_cast<const char*>(field), length);
  }
  static void on_row(int, void* self) {
    auto& rows = *static_cast<Rows*>(self);
    rows.rows.push_back(std::exchange(rows.open, {}));
  }
};

}  // namespace

std::optional<std::vector<CsvRow>> parse_csv(const std::string& file_name, std::string_view text,
                                             json_input::Diagnostics& diagnostics) {
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";  // some editors write it
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  csv_parser parser;
  if (csv_init(&parser, CSV_STRICT | CSV_STRICT_FINI) != 0) return std::nullopt;
  const std::unique_ptr<csv_parser, void (*)(csv_parser*)> owner(&parser, csv_free);

  // A line at a time, because the parser does not say on which line a row begins.
  Rows rows;
  const auto print_error = [&](int line) {
    diagnostics.add({.file = file_name,
                     .line = line,
                     .pointer = "",
                     .message = fmt::format("a quote stands where none may; a field that holds one "
                                            "is quoted, and the quote in it doubled")});
  };
  int begins = 1;
  bool begun = false;
  while (!text.empty()) {
    const std::size_t length = std::min(text.find('\n'), text.size() - 1) + 1;
    const std::size_t before = rows.rows.size();
    if (!begun) begins = rows.line;
    if (csv_parse(&parser, text.data(), length, Rows::on_field, Rows::on_row, &rows) != length) {
      print_error(rows.line);
      return std::nullopt;
    }
    const bool complete = rows.rows.size() > before;
    if (complete) rows.rows.back().line = begins;
    begun = !complete && (begun || text.substr(0, length).find_first_not_of("\r\n") != text.npos);
    text.remove_prefix(length);
    ++rows.line;
  }
  const std::size_t before = rows.rows.size();
  if (csv_fini(&parser, Rows::on_field, Rows::on_row, &rows) != 0) {
    print_error(begins);
    return std::nullopt;
  }
  if (rows.rows.size() > before) rows.rows.back().line = begins;
  return std::move(rows.rows);
}

}  // namespace quintain::study
