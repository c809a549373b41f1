// Prints to standard output and standard error. Neither may be there: a closed descriptor, a full
// disk or a pipe whose reader has ended must not lose a result, so nothing here throws.
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>

namespace quintain::cli {

/// Makes the process independent of its surroundings: opens descriptors 0 to 2 if they are
/// closed (otherwise a report could get one of these numbers), and turns SIGPIPE and SIGXFSZ into
/// errors of the call that writes. Called once, at the start of the program.
void prepare_standard_streams();

/// Writes to standard output. An error is kept, see flush_output().
void write_output(std::string_view text);

/// Writes to standard error, as far as possible.
void write_note(std::string_view text);

/// Results, to standard output.
template <class... Arguments>
void print_output(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
  write_output(fmt::format(format, std::forward<Arguments>(arguments)...));
}

/// Everything else, to standard error.
template <class... Arguments>
void print_note(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
  write_note(fmt::format(format, std::forward<Arguments>(arguments)...));
}

/// Why some of the output could not be written; empty if all of it was. Also covers what other code
/// wrote to std::cout. The next call starts afresh.
std::string flush_output();

}  // namespace quintain::cli
