// The report in its file formats: JSON, JUnit XML, CTRF and the smaller ones of CI servers. One of
// those more is a CiFormat, two functions in ci_formats.cpp, and its option in cli/results.cpp.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "reports/report.h"

namespace quintain::reports {

/// The document that report.schema.json describes: keys in a fixed order, two spaces of indent,
/// doubles in the shortest form that reads back as the same double, bytes that are not UTF-8
/// replaced by U+FFFD, a newline at the end. `wall_clock` comes last; reports that differ in it
/// alone have the same text before it. InvalidArgument: a case's `config` is not JSON.
absl::StatusOr<std::string> to_json(const Report& report);

/// The inverse of to_json(). InvalidArgument: the text is not JSON, has another schema version, or
/// is not exactly what to_json() writes for the report read from it, white space and key order
/// aside. So a missing or unknown key, a wrong type and a verdict that contradicts its checks are
/// all found.
absl::StatusOr<Report> from_json(std::string_view text);

/// JUnit XML for CI servers, in the elements that the readers of Jenkins, GitHub and GitLab share:
/// a testsuite for each folder, a testcase for each case. A known failure is `skipped`, an
/// unexpected pass is a `failure`; warnings are in system-out. The time of a testcase is the
/// virtual time of the case; the time of `testsuites` is the wall-clock time of the run.
std::string to_junit(const Report& report);

/// The Common Test Report Format, version 0.1.0 (ctrf.io). An error and an unexpected pass count as
/// `failed`, a known failure as `other`; `rawStatus` distinguishes them.
std::string to_ctrf(const Report& report);

/// The smaller formats of CI servers.
enum class CiFormat : std::uint8_t {
  /// The Test Anything Protocol, version 14: a line for each case. A case that was skipped or not
  /// judged is SKIP, a known failure TODO.
  kTap,
  /// SARIF 2.1.0 (OASIS): the failed checks and warnings that have a place in a file.
  kSarif,
  /// Markdown for a job's summary: the totals and the details of at most 50 failures, at most 1
  /// MiB.
  kMarkdown,
  /// GitHub's workflow commands `error`, `warning` and `notice`; at most ten of each, since GitHub
  /// shows no more.
  kAnnotations
};
inline constexpr std::size_t kCiFormats = 4;

/// Paths by format; empty: not written.
using CiFiles = std::array<std::string, kCiFormats>;

std::string to_ci_format(const Report& report, CiFormat format);

/// A page for a browser: one HTML file that fetches nothing (see page/). It contains all cases
/// without their configurations, or, if they have more than kMaxPageBytes, as many as fit: those
/// that did not pass come first, and the page says how many it leaves out.
std::string to_html(const Report& report);
inline constexpr std::size_t kMaxPageBytes = std::size_t{64} << 20;

}  // namespace quintain::reports
