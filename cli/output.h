// What subcommands that give a report have in common: patterns, and where results go.
#pragma once

#include <string>
#include <string_view>

#include "reports/report.h"

namespace quintain::cli {

/// "quintain COMMAND: WHAT" on standard error.
void print_error(std::string_view command, std::string_view what);

/// Whether a case's name matches a pattern (* ? [...]). A case's whole name means that case, though
/// its brackets mean something else in a pattern.
bool matches(const std::string& name, const std::string& pattern);

/// The report on standard output: a table on a terminal, plain lines in a pipe.
void print_report(const reports::Report& report);

/// Whether a file can be written; complains if not.
bool can_write(std::string_view command, const std::string& path);

/// Writes a text, all of it or nothing. False after complaining.
bool write_text(std::string_view command, const std::string& text, const std::string& path);

/// Writes the report as JSON. False after complaining.
bool write_json(std::string_view command, const reports::Report& report, const std::string& path);

}  // namespace quintain::cli
