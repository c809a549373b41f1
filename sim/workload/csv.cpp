#include "sim/workload/csv.h"

#include <csv.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <ios>
#include <memory>
#include <streambuf>
#include <string_view>

namespace quintain::sim {
namespace {

// Receives the fields and rows that libcsv finds.
struct Receiver {
  const std::function<void(const CsvRow&)>& on_row;
  int line = 0;  // the current one
  CsvRow row;

  static void on_field(void* field, std::size_t length, void* self) {
    static_cast<Receiver*>(self)->row.fields.emplace_back(static_cast<const char*>(field), length);
  }
  static void on_row_end(int, void* self) {
    auto& receiver = *static_cast<Receiver*>(self);
    receiver.on_row(receiver.row);
    receiver.row = {.line = receiver.line, .fields = {}};
  }
};

/// So that a file without line ends is not read into memory as a whole.
constexpr std::size_t kMaxLine = std::size_t{16} << 20;

/// std::getline(), but stops after kMaxLine + 1 characters.
bool get_line(std::istream& in, std::string& line) {
  line.clear();
  std::streambuf& buffer = *in.rdbuf();
  try {
    for (int c = buffer.sbumpc(); c != std::streambuf::traits_type::eof(); c = buffer.sbumpc()) {
      if (c == '\n') return true;
      line += static_cast<char>(c);
      if (line.size() > kMaxLine) return true;
    }
  } catch (const std::ios_base::failure&) {
    in.setstate(std::ios_base::badbit);
    return false;
  }
  in.setstate(line.empty() ? std::ios_base::eofbit | std::ios_base::failbit
                           : std::ios_base::eofbit);
  return !line.empty();
}

}  // namespace

std::optional<CsvError> read_csv(std::istream& in, const std::function<void(const CsvRow&)>& on_row,
                                 char delimiter) {
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";  // some editors write it
  csv_parser parser;
  csv_init(&parser, CSV_STRICT | CSV_STRICT_FINI);
  csv_set_delim(&parser, static_cast<unsigned char>(delimiter));
  const std::unique_ptr<csv_parser, void (*)(csv_parser*)> owner(&parser, csv_free);

  // The parser gets one line at a time, because it does not report where a row starts.
  Receiver receiver{.on_row = on_row, .row = {}};
  std::string line;
  while (get_line(in, line)) {
    if (line.size() > kMaxLine) {
      return CsvError{receiver.line + 1,
                      fmt::format("the line is longer than {} MiB; is this CSV?", kMaxLine >> 20)};
    }
    if (!in.eof()) line += '\n';
    if (++receiver.line == 1 && line.starts_with(kByteOrderMark)) {
      line.erase(0, kByteOrderMark.size());
    }
    const bool in_quoted_field = parser.quoted != 0;
    if (!in_quoted_field) receiver.row.line = receiver.line;
    if (csv_parse(&parser, line.data(), line.size(), Receiver::on_field, Receiver::on_row_end,
                  &receiver) != line.size()) {
      return CsvError{receiver.line,
                      "there is a quote in or after the text of a field; the field must be quoted "
                      "as a whole, and the quotes in it doubled"};
    }
  }
  if (in.bad())
    return CsvError{receiver.line,
                    "the file can't be read beyond this line; is it damaged or cut off?"};
  if (csv_fini(&parser, Receiver::on_field, Receiver::on_row_end, &receiver) != 0) {
    return CsvError{receiver.row.line,
                    "a quoted field of this row is not closed; it must end with a quote"};
  }
  return std::nullopt;
}

char find_delimiter(std::string_view first_line) {
  constexpr std::array kDelimiters = {',', ';', '\t', '|'};
  std::array<std::size_t, kDelimiters.size()> counts{};
  bool quoted = false;
  for (const char c : first_line) {
    if (c == '"') quoted = !quoted;
    if (quoted) continue;
    const auto found = std::ranges::find(kDelimiters, c);
    if (found != kDelimiters.end()) ++counts[static_cast<std::size_t>(found - kDelimiters.begin())];
  }
  return kDelimiters[static_cast<std::size_t>(std::ranges::max_element(counts) - counts.begin())];
}

}  // namespace quintain::sim
