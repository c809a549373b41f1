#include "cli/output.h"

#include <fmt/format.h>
#include <fnmatch.h>
#include <unistd.h>

#include <cstdio>

#include "cli/progress.h"
#include "reports/file.h"
#include "reports/json.h"
#include "reports/table.h"

namespace quintain::cli {

void print_error(std::string_view command, std::string_view what) {
  fmt::print(stderr, "quintain {}: {}\n", command, what);
}

bool matches(const std::string& name, const std::string& pattern) {
  return name == pattern || fnmatch(pattern.c_str(), name.c_str(), 0) == 0;
}

void print_report(const reports::Report& report) {
  const bool terminal = isatty(STDOUT_FILENO) == 1;
  const std::string text =
      terminal ? reports::render_table(report, {.colour = true, .width = terminal_width()})
               : reports::render_plain(report);
  std::fputs(text.c_str(), stdout);
}

bool can_write(std::string_view command, const std::string& path) {
  const absl::Status writable = reports::check_writable(path);
  if (!writable.ok()) print_error(command, std::string(writable.message()));
  return writable.ok();
}

bool write_text(std::string_view command, const std::string& text, const std::string& path) {
  const absl::Status written = reports::write_atomically(path, text);
  if (!written.ok()) print_error(command, std::string(written.message()));
  return written.ok();
}

bool write_json(std::string_view command, const reports::Report& report, const std::string& path) {
  const auto text = reports::to_json(report);
  if (!text.ok()) {
    print_error(command, std::string(text.status().message()));
    return false;
  }
  return write_text(command, *text, path);
}

}  // namespace quintain::cli
