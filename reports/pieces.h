// The parts of each format, for reports whose cases are not in memory. Internal to this room.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "reports/formats.h"
#include "reports/report.h"
#include "reports/table.h"

namespace quintain::reports {

/// Receives a text in parts.
using Sink = std::function<void(std::string_view)>;

/// Passes the texts of all cases, in their order, to a sink; between them stands the separator.
using CaseTexts = std::function<void(std::string_view separator, const Sink& sink)>;

/// A case as an element of the JSON report, with its indent.
absl::StatusOr<std::string> json_case(const Case& c);

/// The JSON report. `head` has no cases; `totals` counts them. InvalidArgument: the target is not
/// JSON.
absl::Status write_json(const Report& head, const Totals& totals, const CaseTexts& cases,
                        const Sink& sink);

/// A case as an element of the JUnit report. `seeds` are those of the report, as below.
std::string junit_case(const Case& c, const std::vector<std::uint64_t>& seeds);

/// A folder of the JUnit report.
struct JUnitSuite {
  std::string folder;
  Totals totals;
  std::chrono::nanoseconds time{0};
};
std::string junit_head(const Report& head, const Totals& totals);
std::string junit_suite_head(const Report& head, const JUnitSuite& suite);
std::string_view junit_suite_tail();
std::string_view junit_tail();

/// A case as an element of the CTRF report, with its indent.
std::string ctrf_case(const Case& c, const std::vector<std::uint64_t>& seeds);
void write_ctrf(const Report& head, const Totals& totals, std::size_t suites,
                const CaseTexts& cases, const Sink& sink);

/// The text without meaning for Markdown or HTML. Each line break becomes `newline`.
std::string markup_text(std::string_view text, std::string_view newline);

/// What a case adds to a document of that format; may be empty.
std::string ci_case(CiFormat format, const Case& c, const std::vector<std::uint64_t>& seeds);
/// The document. `cases` leaves out empty texts.
void write_ci(CiFormat format, const Report& head, const Totals& totals, const CaseTexts& cases,
              const Sink& sink);

/// A case as an element of the page's data.
std::string html_case(const Case& c);

/// What a page needs to know of all of its cases: whether any has a timeline; and what each check
/// that passed is about, by its name, which a page says once and not with each case. Expectations
/// are left out, because each case has its own.
class PageSummary {
 public:
  /// Adds the checks of a case, up to 10,000 of them and 4 MiB.
  void add(const Case& c);
  const std::map<std::string, std::pair<CheckKind, std::string>>& texts() const { return texts_; }
  bool has_timelines() const { return has_timelines_; }

 private:
  std::map<std::string, std::pair<CheckKind, std::string>> texts_;
  std::size_t bytes_ = 0;
  bool has_timelines_ = false;
};

/// A case's part of the data of a page.
struct HtmlPart {
  std::size_t bytes;
  bool passed;
};

/// For each part, in order, whether the page contains it. See to_html().
std::vector<bool> choose_html_parts(const std::vector<HtmlPart>& parts);

/// The page. `cases` passes those that were chosen; `omitted` is the number of the others. A target
/// that is not JSON is left out.
void write_html(const Report& head, const Totals& totals, const PageSummary& summary,
                std::int64_t omitted, const CaseTexts& cases, const Sink& sink);

/// A case in render_plain(), with its details.
std::string plain_case(const Case& c, bool seeded);

/// The same below the table; empty if the case passed without warnings.
std::string case_below_table(const Case& c, bool seeded);

/// The last lines of both.
std::string summary(const Report& head, const Totals& totals);

/// A case's line in the table: its name, then cells that are aligned to the right.
struct Row {
  Outcome outcome;
  std::string name;
  std::array<std::string, 4> cells;
};

Row table_row(const Case& c);

/// Rows by folder, in the order in which folders first occur; empty name: without a folder.
struct RowGroup {
  std::string folder;
  std::vector<Row> rows;
};

/// The rows with heading and folders, those without a folder first.
std::string render_rows(std::vector<RowGroup> groups, const TableStyle& style);

/// The text with an indent before each line but the first.
std::string indented(std::string_view text, std::size_t indent);

}  // namespace quintain::reports
