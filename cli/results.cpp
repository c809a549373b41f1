#include "cli/results.h"
#include "cli/console.h"

#include <absl/strings/numbers.h>
#include <fmt/format.h>
#include <fnmatch.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "cli/progress.h"
#include "reports/file.h"
#include "reports/formats.h"
#include "reports/json_input/input_file.h"
#include "reports/table.h"
#include "reports/text.h"

namespace quintain::cli {
namespace {

bool any_matches(std::span<const std::string> names, const std::vector<std::string>& patterns) {
  return std::ranges::any_of(patterns, [&](const std::string& pattern) {
    return std::ranges::any_of(names,
                               [&](const std::string& name) { return matches(name, pattern); });
  });
}

struct CiOption {
  const char* name;
  const char* help;
};

// In the order of reports::CiFormat.
constexpr std::array<CiOption, reports::kCiFormats> kCiOptions = {
    {{"--tap", "Write TAP (version 14) to this file"},
     {"--sarif", "Write SARIF to this file: the failures that have a place in a file"},
     {"--summary", "Write a summary in Markdown to this file"},
     {"--annotations", "Write GitHub's workflow commands to this file"}}};

constexpr std::size_t kMaxReportBytes = std::size_t{4} << 30;

/// Finds a key of the outermost object.
class KeyReader : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit KeyReader(const std::vector<std::string>& keys) : keys_(keys) {}
  const std::string& found() const { return found_; }

  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_object(std::size_t) override { return ++depth_ > 0; }
  bool end_object() override { return depth_-- > 0; }
  bool start_array(std::size_t) override { return ++depth_ > 0; }
  bool end_array() override { return depth_-- > 0; }
  bool key(string_t& name) override {
    if (depth_ != 1 || std::ranges::count(keys_, name) == 0) return true;
    found_ = name;
    return false;
  }
  bool parse_error(std::size_t, const std::string&, const nlohmann::json::exception&) override {
    return false;
  }

 private:
  const std::vector<std::string>& keys_;
  int depth_ = 0;
  std::string found_;
};

}  // namespace

std::string shortened(const absl::Status& status) {
  constexpr std::size_t kMaxBytes = 300;
  std::string text(status.message());
  if (text.size() > kMaxBytes) text = text.substr(0, kMaxBytes) + "...";
  return text;
}

std::string first_key_among(const std::string& json, const std::vector<std::string>& keys) {
  KeyReader reader(keys);
  nlohmann::json::sax_parse(json, &reader);
  return reader.found();
}

void print_error(std::string_view command, std::string_view what) {
  // Errors may quote what a target or a file says.
  print_note("quintain {}: {}\n", command, reports::printable(what, "\n"));
}

bool matches(const std::string& name, const std::string& pattern) {
  return name == pattern || fnmatch(pattern.c_str(), name.c_str(), 0) == 0;
}

void Selection::add_options(CLI::App& command, const std::string& what,
                            const std::string& old_name) {
  command
      .add_option("--only", only,
                  fmt::format("Only {} that match this pattern (* ? [...]) or have this name; "
                              "repeatable",
                              what))
      ->type_name("PATTERN")
      ->allow_extra_args(false);
  command.add_option("--skip", skip, fmt::format("No {} that match; repeatable", what))
      ->type_name("PATTERN")
      ->allow_extra_args(false);
  if (old_name.empty()) return;
  command
      .add_option_function<std::vector<std::string>>(
          old_name,
          [this, old_name](const std::vector<std::string>& patterns) {
            print_note("quintain: {} is now called --only\n", old_name);
            only.insert(only.end(), patterns.begin(), patterns.end());
          })
      ->allow_extra_args(false)
      ->group("");  // not shown by --help
}

bool Selection::chooses(std::span<const std::string> names) const {
  return (only.empty() || any_matches(names, only)) && !any_matches(names, skip);
}

bool Selection::check(std::string_view command, std::span<const std::string> all_names) const {
  bool good = true;
  for (const auto* patterns : {&only, &skip}) {
    for (const std::string& pattern : *patterns) {
      if (any_matches(all_names, {pattern})) continue;
      print_error(command, fmt::format("'{}' matches no name; --list shows the names", pattern));
      good = false;
    }
  }
  return good;
}

std::string Selection::arguments() const {
  std::string text;
  for (const std::string& pattern : only) text += " --only " + quoted(pattern);
  for (const std::string& pattern : skip) text += " --skip " + quoted(pattern);
  return text;
}

void ReportFiles::add_options(CLI::App& command) {
  command.add_option("--report", report, "Write the JSON report to this file")->type_name("FILE");
  command.add_option("--junit", junit, "Write JUnit XML to this file")->type_name("FILE");
  command.add_option("--ctrf", ctrf, "Write CTRF JSON to this file")->type_name("FILE");
  command
      .add_option("--html", html, "Write a page for a browser to this file, which needs no other")
      ->type_name("FILE");
  for (std::size_t i = 0; i < reports::kCiFormats; ++i) {
    command.add_option(kCiOptions[i].name, ci[i], kCiOptions[i].help)->type_name("FILE");
  }
  command.add_flag("--github", github,
                   "In a GitHub workflow: print annotations, and add a summary to the job's");
}

bool ReportFiles::none() const {
  const auto empty = [](const std::string& path) { return path.empty(); };
  return report.empty() && junit.empty() && ctrf.empty() && html.empty() && !github &&
         std::ranges::all_of(ci, empty);
}

bool ReportFiles::check(std::string_view command) const {
  bool good = true;
  const auto test = [&](const std::string& path) {
    if (!path.empty() && !can_write(command, path)) good = false;
  };
  for (const std::string& path : {report, junit, ctrf, html}) test(path);
  for (const std::string& path : ci) test(path);
  return good;
}

reports::ReportStream::Options ReportFiles::stream_options() const {
  return {.json = report,
          .junit = junit,
          .ctrf = ctrf,
          .html = html,
          .ci = ci,
          .github = github,
          .table = table_style()};
}

bool ReportFiles::write(std::string_view command, const reports::Report& results,
                        const absl::StatusOr<std::string>& json) const {
  bool good = true;
  if (!report.empty()) {
    if (json.ok()) {
      good &= write_text(command, *json, report);
    } else {
      print_error(command, std::string(json.status().message()));
      good = false;
    }
  }
  if (!junit.empty()) good &= write_text(command, reports::to_junit(results), junit);
  if (!ctrf.empty()) good &= write_text(command, reports::to_ctrf(results), ctrf);
  if (!html.empty()) good &= write_text(command, reports::to_html(results), html);
  for (std::size_t i = 0; i < reports::kCiFormats; ++i) {
    if (ci[i].empty()) continue;
    const auto format = static_cast<reports::CiFormat>(i);
    good &= write_text(command, reports::to_ci_format(results, format), ci[i]);
  }
  return good;
}

bool ReportFiles::publish(std::string_view command,
                          const std::function<std::string(reports::CiFormat)>& text) const {
  if (!github) return true;
  bool good = true;
  // Steps of a job share the file, so it is not replaced.
  const char* const path = std::getenv("GITHUB_STEP_SUMMARY");
  if (path != nullptr && *path != '\0') {
    std::ofstream file(path, std::ios::binary | std::ios::app);
    file << text(reports::CiFormat::kMarkdown) << std::flush;
    if (!file) {
      print_error(command, fmt::format("cannot add to '{}' (GITHUB_STEP_SUMMARY)", path));
      good = false;
    }
  }
  write_output(text(reports::CiFormat::kAnnotations));
  return good;
}

int cores() { return std::max(1, static_cast<int>(std::thread::hardware_concurrency())); }

void add_jobs_option(CLI::App& command, int& jobs, const std::string& what) {
  constexpr int kMaxJobs = 1024;
  jobs = cores();
  command
      .add_option("--jobs", jobs, fmt::format("{} that run at once (default: one per core)", what))
      ->check(CLI::Range(1, kMaxJobs));
}

std::function<std::string(const std::string&)> number_within(double low, double high) {
  return [=](const std::string& text) -> std::string {
    double value = 0;
    if (absl::SimpleAtod(text, &value) && value >= low && value <= high) return {};
    return fmt::format("'{}' is not a number from {:g} to {:g}", text, low, high);
  };
}

void add_shard_option(CLI::App& command, std::string& shard, const std::string& what) {
  command
      .add_option(
          "--shard", shard,
          fmt::format("Only the {} of part I of N, for N processes (docs/clusters.md)", what))
      ->type_name("I/N");
}

std::optional<reports::ShardNumber> parse_shard(std::string_view command,
                                                const std::string& shard) {
  if (shard.empty()) return reports::ShardNumber{};
  const auto parsed = reports::parse_shard(shard);
  if (parsed.ok()) return *parsed;
  print_error(command, fmt::format("--shard: {}", std::string(parsed.status().message())));
  return std::nullopt;
}

std::optional<reports::TableStyle> table_style() {
  if (isatty(STDOUT_FILENO) != 1) return std::nullopt;
  return reports::TableStyle{.colour = true, .width = terminal_width()};
}

void print_report(const reports::Report& report) {
  const auto style = table_style();
  const std::string text =
      style ? reports::render_table(report, *style) : reports::render_plain(report);
  write_output(text);
}

bool write_stream(std::string_view command, const ReportFiles& files, reports::ReportStream& stream,
                  const reports::Report& head) {
  // The files first: standard output may be closed.
  std::vector<absl::Status> errors = stream.write_files(head);
  errors.push_back(stream.write_text(head, write_output));
  const auto render = [&](reports::CiFormat format) {
    std::string text;
    errors.push_back(stream.write_ci(format, head, [&](std::string_view part) { text += part; }));
    return text;
  };
  bool good = files.publish(command, render);
  for (const absl::Status& error : errors) {
    if (!error.ok()) print_error(command, std::string(error.message()));
    good &= error.ok();
  }
  return good;
}

bool can_write(std::string_view command, const std::string& path) {
  const absl::Status writable = reports::check_writable(path);
  if (!writable.ok()) print_error(command, std::string(writable.message()));
  return writable.ok();
}

std::optional<std::string> read_text(std::string_view command, const std::string& path) {
  auto text = json_input::read_bounded(path, kMaxReportBytes);
  if (text.ok()) return *std::move(text);
  print_error(command,
              fmt::format("cannot read '{}': {}", path, std::string(text.status().message())));
  return std::nullopt;
}

// What a report is that is not one of run, conform or explore; empty if it may be one.
std::string other_kind(const std::string& text) {
  const std::string key = first_key_among(text, {"workloads", "cells", "fewest_slots", "cases"});
  if (key == "workloads") return "it is the report of a study";
  if (key == "cells") return "it has the cells of a shard of a study";
  if (key == "fewest_slots") return "it is a plan of `quintain capacity`";
  return {};
}

std::optional<reports::Report> read_report(std::string_view command, const std::string& path) {
  const auto text = read_text(command, path);
  if (!text) return std::nullopt;
  if (const std::string kind = other_kind(*text); !kind.empty()) {
    print_error(command,
                fmt::format("{}: {}; expected one of run, conform or explore", path, kind));
    return std::nullopt;
  }
  auto report = reports::from_json(*text);
  if (!report.ok()) {
    print_error(command, fmt::format("{}: {}", path, shortened(report.status())));
    return std::nullopt;
  }
  return *std::move(report);
}

bool write_text(std::string_view command, const std::string& text, const std::string& path) {
  const absl::Status written = reports::write_atomically(path, text);
  if (!written.ok()) print_error(command, std::string(written.message()));
  return written.ok();
}

std::string quoted(const std::string& word) {
  if (!word.empty() && word.find_first_of(" '\"$*?[]()&|;<>\\`") == std::string::npos) return word;
  std::string text = "'";
  for (const char c : word) text += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return text + "'";
}

}  // namespace quintain::cli
