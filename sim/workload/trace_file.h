// What all readers of recorded traces share: files that may be compressed, and the account of the
// rows that could not be used.
#pragma once

#include <cstdint>
#include <filesystem>
#include <istream>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace quintain::sim {

/// Opens a file for reading, decompressed if it is in gzip format (by its content, not its name).
/// Streams: holds 64 KiB of it. A damaged or cut-off gzip file sets badbit. nullptr if it cannot be
/// opened.
std::unique_ptr<std::istream> open_trace_file(const std::filesystem::path& path);

/// Continues an FNV-1a hash with the bytes of the file as it is stored. False if it is missing,
/// empty or not readable.
bool hash_trace_file(const std::filesystem::path& path, std::uint64_t& hash);
inline constexpr std::uint64_t kTraceHashStart = 0xcbf29ce484222325;

/// Rows that were left out for one reason.
struct LeftOut {
  std::string reason{};
  std::int64_t rows = 0;
  /// Calls in these rows, as far as they are known.
  std::int64_t calls = 0;
  /// The first of them, "file:line", and what is wrong there.
  std::string first{};

  bool operator==(const LeftOut&) const = default;
};

/// The account of a trace's rows that could not be used, by reason. Reasons are few: they are not
/// made from the file's contents.
class LeftOutRows {
 public:
  /// `detail` says what the row has and what would be right.
  void add(std::string_view reason, std::int64_t calls, const std::filesystem::path& file, int line,
           std::string_view detail);

  const std::vector<LeftOut>& reasons() const { return reasons_; }
  std::vector<LeftOut> take() { return std::move(reasons_); }

 private:
  std::vector<LeftOut> reasons_;
};

/// "12 rows with 340 calls are left out: no durations (first: invocations.csv:3: ...)": a line for
/// each reason.
std::vector<std::string> describe(const std::vector<LeftOut>& left_out);

/// The whole text as a finite number, independently of the locale.
std::optional<double> parse_trace_number(std::string_view text);

}  // namespace quintain::sim
