// A report whose cases are written as they come, so that memory does not grow with them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "reports/file.h"
#include "reports/formats.h"
#include "reports/pieces.h"
#include "reports/report.h"
#include "reports/table.h"

namespace quintain::reports {

/// Takes the cases of a run in any order, writes what each format needs of them to a spool, and
/// puts the formats together at the end. Keeps some 100 bytes of a case in memory, with a table
/// some 300. The files are the same as those of a Report with these cases. add() is thread-safe;
/// the rest is for one thread, after the last add().
class ReportStream {
 public:
  struct Options {
    /// Files; empty: not written.
    std::string json{};
    std::string junit{};
    std::string ctrf{};
    std::string html{};
    CiFiles ci{};
    /// Whether write_ci() is called with kAnnotations or kMarkdown.
    bool github = false;
    /// Standard output as a table, otherwise as plain lines.
    std::optional<TableStyle> table{};
    /// The report's seeds.
    std::vector<std::uint64_t> seeds{};
  };

  explicit ReportStream(Options options);

  /// Adds the case that stands at `place` in the report, or in that of all shards. Requires: each
  /// place is added once.
  void add(std::size_t place, const Case& c);

  const Totals& totals() const { return totals_; }
  /// The calls that were accepted, and the events, of all cases.
  double executions() const { return executions_; }
  double events() const { return events_; }

  /// Writes the files; `head` is the report without its cases and their places. Empty if all were
  /// written, otherwise what went wrong with each.
  std::vector<absl::Status> write_files(const Report& head);

  /// Passes the document of that format to the sink.
  absl::Status write_ci(CiFormat format, const Report& head, const Sink& sink);

  /// Writes what is for standard output.
  absl::Status write_text(const Report& head, const Sink& sink);

 private:
  enum Format : std::size_t {
    kText,
    kJson,
    kJUnit,
    kCtrf,
    kHtml,
    kFirstCi,
    kFormats = kFirstCi + kCiFormats
  };
  struct Entry {
    std::size_t place;
    std::size_t folder;
    bool passed;
    std::array<Spool::Piece, kFormats> pieces;
    std::unique_ptr<Row> row;
  };

  /// Sorts the entries by place, and numbers the folders by their first case.
  void order();
  absl::Status write(const std::string& path, const std::function<absl::Status(const Sink&)>& fill);
  /// Whether the format is made of the cases.
  bool wants(CiFormat format) const;
  CaseTexts texts(std::size_t format);
  absl::Status fill_json(const Report& head, const Sink& sink);
  absl::Status fill_junit(const Report& head, const Sink& sink);
  absl::Status fill_ctrf(const Report& head, const Sink& sink);

  absl::Status fill_html(const Report& head, const Sink& sink);

  const Options options_;
  std::mutex mutex_;
  Spool spool_;
  absl::Status error_;
  std::vector<Entry> entries_;
  std::map<std::string, std::size_t> folder_numbers_;
  std::vector<JUnitSuite> folders_;  // by number
  std::vector<std::size_t> folder_order_;
  PageSummary summary_;
  Totals totals_;
  double executions_ = 0;
  double events_ = 0;
};

}  // namespace quintain::reports
