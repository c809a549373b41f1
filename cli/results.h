// What the subcommands that give verdicts have in common: the choice of cases, error messages, and
// where results go.
#pragma once

#include <absl/status/statusor.h>

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "reports/formats.h"
#include "reports/report.h"
#include "reports/shard.h"
#include "reports/stream.h"
#include "reports/table.h"

namespace CLI {
class App;
}

namespace quintain::cli {

/// Prints "quintain COMMAND: WHAT" to standard error.
void print_error(std::string_view command, std::string_view what);

/// Whether a name matches a pattern (* ? [...]). A case's whole name matches that case, even though
/// its brackets have another meaning in a pattern.
bool matches(const std::string& name, const std::string& pattern);

/// The options --only and --skip.
struct Selection {
  std::vector<std::string> only;
  std::vector<std::string> skip;

  /// Adds both options. `what` names the things that are chosen ("cases"). `old_name` is an option
  /// that earlier versions had instead of --only; it is still accepted, with a hint. Empty: none.
  void add_options(CLI::App& command, const std::string& what, const std::string& old_name = "");

  bool empty() const { return only.empty() && skip.empty(); }

  /// Whether something is chosen that is known by these names (a case's name, its clauses).
  bool chooses(std::span<const std::string> names) const;

  /// Whether every pattern matches one of these names at least. Prints an error for each that does
  /// not.
  bool check(std::string_view command, std::span<const std::string> all_names) const;

  /// " --only 'PATTERN' ..." for the command line in a report.
  std::string arguments() const;
};

/// The options for what is written of a report besides the text on standard output.
struct ReportFiles {
  std::string report;
  std::string junit;
  std::string ctrf;
  std::string html;
  reports::CiFiles ci;
  /// Whether this is a step of a GitHub workflow that shows annotations and a summary.
  bool github = false;

  void add_options(CLI::App& command);

  /// Whether nothing is asked for.
  bool none() const;

  /// Whether all files can be written, which is found out before the work is done. Prints an error
  /// for each that can't.
  bool check(std::string_view command) const;

  /// What a stream of cases writes; its seeds are left out.
  reports::ReportStream::Options stream_options() const;

  /// Writes the files that were asked for, `json` being the text of --report. Each is complete or
  /// is not there. Prints an error and returns false if one can't be written.
  bool write(std::string_view command, const reports::Report& report,
             const absl::StatusOr<std::string>& json) const;

  /// With --github: adds the summary to the file that GitHub names in GITHUB_STEP_SUMMARY, and then
  /// prints the annotations to standard output. `text` renders a format. Prints an error and
  /// returns false if the summary can't be written.
  bool publish(std::string_view command,
               const std::function<std::string(reports::CiFormat)>& text) const;
};

/// The processor cores of this machine; 1 if that is not known.
int cores();

/// Adds --jobs. `what` names the things that are done at once ("Cases"); by default there is one
/// for each core.
void add_jobs_option(CLI::App& command, int& jobs, const std::string& what);

/// Accepts numbers from `low` to `high`; CLI::Range takes "nan" for one of them.
std::function<std::string(const std::string&)> number_within(double low, double high);

/// Adds --shard I/N, which chooses a part of the `what` ("cases").
void add_shard_option(CLI::App& command, std::string& shard, const std::string& what);

/// Reads the value of --shard. Prints an error and returns nullopt if it is wrong. Empty: 1/1.
std::optional<reports::ShardNumber> parse_shard(std::string_view command, const std::string& shard);

/// Makes the report of a study from the reports of its shards, and writes the files. Returns the
/// exit code of the study, or kBadInput after printing what is wrong with the reports.
int merge_study(const std::vector<std::string>& paths, const ReportFiles& files);

/// How the table on a terminal looks; nullopt if standard output is no terminal.
std::optional<reports::TableStyle> table_style();

/// Prints the report to standard output: a table on a terminal, plain lines in a pipe.
void print_report(const reports::Report& report);

/// Writes the files of a stream, prints its text to standard output, and does what --github asks
/// for. `head` is the report without its cases. Prints errors and returns false if anything is not
/// written.
bool write_stream(std::string_view command, const ReportFiles& files, reports::ReportStream& stream,
                  const reports::Report& head);

/// Whether the file can be written. Prints an error if it can't.
bool can_write(std::string_view command, const std::string& path);

/// The text of a file. Prints an error and returns nullopt if it can't be read.
std::optional<std::string> read_text(std::string_view command, const std::string& path);

/// The JSON report of run, conform or explore in a file. Prints an error and returns nullopt if
/// there is none.
std::optional<reports::Report> read_report(std::string_view command, const std::string& path);

/// The error in at most some 300 bytes: errors of the JSON library quote what they have read.
std::string shortened(const absl::Status& status);

/// The first of these keys in the outermost object of a JSON document, which need not be valid
/// behind it; empty if there is none. The document is not built.
std::string first_key_among(const std::string& json, const std::vector<std::string>& keys);

/// Writes the text, all of it or nothing. Prints an error and returns false if that fails.
bool write_text(std::string_view command, const std::string& text, const std::string& path);

/// The word, quoted for a shell where that is needed.
std::string quoted(const std::string& word);

}  // namespace quintain::cli
