// Files for a user's shell, made from the definitions of the options: a man page and completions.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace CLI {
class App;
}

namespace quintain::cli {

/// The names for shell_file(): man, bash, zsh, fish.
std::span<const std::string_view> shell_file_names();

/// The man page (man) or the completions of a shell (bash, zsh, fish) of the program `app`. Hidden
/// subcommands and options are left out. Requires: `name` is one of shell_file_names().
std::string shell_file(std::string_view name, const CLI::App& app);

/// Adds the hidden subcommand `shell-file NAME`, which prints shell_file().
void add_shell_file_command(CLI::App& app, int& exit_code);

}  // namespace quintain::cli
