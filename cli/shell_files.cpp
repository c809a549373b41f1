// The man page and the completions. Completions know the subcommands, their subcommands and the
// names of the options; what follows an option that takes a value is completed as a file.
#include "cli/shell_files.h"

#include <absl/strings/str_join.h>
#include <absl/strings/str_replace.h>
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <array>
#include <memory>
#include <vector>

#include "cli/console.h"
#include "cli/program.h"

namespace quintain::cli {
namespace {

struct OptionText {
  /// "-h" and "--help"; empty for a positional.
  std::vector<std::string> names;
  /// "FILE"; empty for a flag.
  std::string value;
  std::string about;
};

// "TEXT:{sim}" becomes "TEXT"; what follows the colon describes what is accepted.
std::string value_of(const CLI::Option& option) {
  if (option.get_items_expected_max() == 0) return "";
  const std::string type = option.get_type_name();
  const std::string name = type.substr(0, type.find_first_of(":=("));
  return name.empty() ? "VALUE" : name;
}

std::vector<OptionText> options_of(const CLI::App& command) {
  std::vector<OptionText> options;
  for (const CLI::Option* option : command.get_options()) {
    if (option->get_group().empty()) continue;
    OptionText text{.names = {}, .value = value_of(*option), .about = option->get_description()};
    for (const std::string& name : option->get_snames()) text.names.push_back("-" + name);
    for (const std::string& name : option->get_lnames()) text.names.push_back("--" + name);
    if (option->get_positional()) text.value = option->get_name(true);
    options.push_back(std::move(text));
  }
  return options;
}

std::vector<const CLI::App*> commands_of(const CLI::App& app) {
  std::vector<const CLI::App*> commands;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (!command->get_group().empty()) commands.push_back(command);
  }
  return commands;
}

// ---- The man page -------------------------------------------------------------------------------

std::string troff(const std::string& text) {
  // A line that starts with a dot or an apostrophe would be a request.
  const std::string escaped = absl::StrReplaceAll(
      text, {{"\\", "\\e"}, {"-", "\\-"}, {"\n.", "\n\\&."}, {"\n'", "\n\\&'"}});
  return escaped.starts_with('.') || escaped.starts_with('\'') ? "\\&" + escaped : escaped;
}

std::string man_options(const CLI::App& command) {
  std::string page;
  for (const OptionText& option : options_of(command)) {
    std::vector<std::string> names;
    for (const std::string& name : option.names) {
      names.push_back(fmt::format("\\fB{}\\fR", troff(name)));
    }
    std::string head = absl::StrJoin(names, ", ");
    if (!option.value.empty()) {
      head += fmt::format("{}\\fI{}\\fR", head.empty() ? "" : " ", troff(option.value));
    }
    page += fmt::format(".TP\n{}\n{}\n", head, troff(option.about));
  }
  return page;
}

std::string man_page(const CLI::App& app) {
  // The part of "Quintain: a simulator ..." that follows the name.
  const std::string about = app.get_description();
  const std::size_t colon = about.find(": ");
  std::string page = fmt::format(
      ".TH QUINTAIN 1 \"\" \"quintain {}\"\n.SH NAME\nquintain \\- {}\n.SH SYNOPSIS\n"
      "\\fBquintain\\fR \\fICOMMAND\\fR [\\fIOPTION\\fR...]\n.SH OPTIONS\n{}.SH COMMANDS\n",
      kVersion, troff(colon == about.npos ? about : about.substr(colon + 2)), man_options(app));
  const auto section = [&](const std::string& name, const CLI::App& command) {
    page += fmt::format(".SS {}\n{}\n{}", troff(name), troff(command.get_description()),
                        man_options(command));
    if (!command.get_footer().empty()) {
      page += fmt::format(".PP\n.nf\n{}\n.fi\n", troff(command.get_footer()));
    }
  };
  for (const CLI::App* command : commands_of(app)) {
    const std::string name = "quintain " + command->get_name();
    section(name, *command);
    for (const CLI::App* inner : commands_of(*command)) {
      section(name + " " + inner->get_name(), *inner);
    }
  }
  return page;
}

// ---- Completions --------------------------------------------------------------------------------

// In single quotes, for bash and zsh.
std::string single_quoted(const std::string& text) {
  return fmt::format("'{}'", absl::StrReplaceAll(text, {{"'", "'\\''"}}));
}

std::string names_of_options(const CLI::App& command) {
  std::vector<std::string> names;
  for (const OptionText& option : options_of(command)) {
    names.insert(names.end(), option.names.begin(), option.names.end());
  }
  return absl::StrJoin(names, " ");
}

std::string bash_completion(const CLI::App& app) {
  const auto names_of = [](const CLI::App& command) {
    std::vector<std::string> names;
    for (const CLI::App* inner : commands_of(command)) names.push_back(inner->get_name());
    return absl::StrJoin(names, " ");
  };
  std::string cases;
  for (const CLI::App* command : commands_of(app)) {
    for (const CLI::App* inner : commands_of(*command)) {
      cases += fmt::format("    '{} {}') words={} ;;\n", command->get_name(), inner->get_name(),
                           single_quoted(names_of_options(*inner)));
    }
    cases +=
        fmt::format("    '{} '*) words={} commands={} ;;\n", command->get_name(),
                    single_quoted(names_of_options(*command)), single_quoted(names_of(*command)));
  }
  return fmt::format(
      "_quintain() {{\n"
      "  local words= commands= current=${{COMP_WORDS[COMP_CWORD]}}\n"
      "  COMPREPLY=()\n"
      "  if ((COMP_CWORD == 1)); then\n"
      "    COMPREPLY=($(compgen -W {} -- \"$current\"))\n"
      "    return\n"
      "  fi\n"
      "  case \"${{COMP_WORDS[1]}} ${{COMP_WORDS[2]}}\" in\n{}  esac\n"
      "  if [[ $current != -* ]]; then\n"
      "    ((COMP_CWORD == 2)) || return 0\n"
      "    words=$commands\n"
      "  fi\n"
      "  COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
      "}}\n"
      "complete -o default -F _quintain quintain\n",
      single_quoted(names_of(app) + " " + names_of_options(app)), cases);
}

// A specification of zsh's _arguments. An asterisk: the option may be repeated.
std::string zsh_argument(const std::string& name, const OptionText& option) {
  const auto escaped = [](const std::string& text) {
    return absl::StrReplaceAll(
        text, {{"\\", "\\\\"}, {"[", "\\["}, {"]", "\\]"}, {":", "\\:"}, {"\n", " "}});
  };
  const std::string value =
      option.value.empty() ? "" : fmt::format(":{}:_files", escaped(option.value));
  if (name.empty()) return single_quoted("*" + value);
  return single_quoted(fmt::format("*{}[{}]{}", name, escaped(option.about), value));
}

std::string zsh_arguments(const CLI::App& command) {
  std::string arguments = "_arguments";
  for (const OptionText& option : options_of(command)) {
    if (option.names.empty()) arguments += " " + zsh_argument("", option);
    for (const std::string& name : option.names) arguments += " " + zsh_argument(name, option);
  }
  return arguments;
}

std::string zsh_completion(const CLI::App& app) {
  const auto described = [](const CLI::App& command) {
    return single_quoted(fmt::format("{}:{}", command.get_name(), command.get_description()));
  };
  std::string commands;
  std::string cases;
  for (const CLI::App* command : commands_of(app)) {
    commands += fmt::format("    {}\n", described(*command));
    std::string inner_commands;
    for (const CLI::App* inner : commands_of(*command)) {
      inner_commands += " " + described(*inner);
      cases += fmt::format("    '{} {}') shift words; ((CURRENT--)); {} ;;\n", command->get_name(),
                           inner->get_name(), zsh_arguments(*inner));
    }
    const std::string first =
        inner_commands.empty()
            ? ""
            : fmt::format("((CURRENT == 2)) && commands=({}) && _describe command commands; ",
                          inner_commands);
    cases +=
        fmt::format("    '{} '*) {}{} ;;\n", command->get_name(), first, zsh_arguments(*command));
  }
  return fmt::format(
      "#compdef quintain\n"
      "_quintain() {{\n"
      "  local -a commands=(\n{}  )\n"
      "  if ((CURRENT == 2)); then\n"
      "    _describe command commands\n"
      "    return\n"
      "  fi\n"
      "  local command=\"${{words[2]}} ${{words[3]}}\"\n"
      "  shift words\n"
      "  ((CURRENT--))\n"
      "  case $command in\n{}  esac\n"
      "}}\n"
      "_quintain \"$@\"\n",
      commands, cases);
}

std::string fish_completion(const CLI::App& app) {
  const auto fish_quoted = [](const std::string& text) {
    return fmt::format("'{}'", absl::StrReplaceAll(text, {{"\\", "\\\\"}, {"'", "\\'"}}));
  };
  std::string script;
  const auto add_options = [&](const CLI::App& command, const std::string& condition) {
    for (const OptionText& option : options_of(command)) {
      if (option.names.empty()) continue;
      script += fmt::format("complete -c quintain -n {}", fish_quoted(condition));
      for (const std::string& name : option.names) {
        const bool is_long = name.starts_with("--");
        script += fmt::format(" {} {}", is_long ? "-l" : "-s", name.substr(is_long ? 2 : 1));
      }
      script +=
          fmt::format("{} -d {}\n", option.value.empty() ? "" : " -r", fish_quoted(option.about));
    }
  };
  const auto add_command = [&](const CLI::App& command, const std::string& condition) {
    script += fmt::format("complete -c quintain{} -n {} -a {} -d {}\n",
                          condition == "__fish_use_subcommand" ? " -f" : "", fish_quoted(condition),
                          command.get_name(), fish_quoted(command.get_description()));
  };
  add_options(app, "__fish_use_subcommand");
  for (const CLI::App* command : commands_of(app)) {
    const std::string seen = "__fish_seen_subcommand_from " + command->get_name();
    add_command(*command, "__fish_use_subcommand");
    std::string inner_names;
    for (const CLI::App* inner : commands_of(*command)) inner_names += " " + inner->get_name();
    const std::string none_seen =
        inner_names.empty() ? seen : seen + "; and not __fish_seen_subcommand_from" + inner_names;
    add_options(*command, none_seen);
    for (const CLI::App* inner : commands_of(*command)) {
      add_command(*inner, none_seen);
      add_options(*inner, seen + "; and __fish_seen_subcommand_from " + inner->get_name());
    }
  }
  return script;
}

struct ShellFile {
  std::string_view name;
  std::string (*make)(const CLI::App& app);
};

constexpr std::array kFiles = {
    ShellFile{"man", man_page},
    ShellFile{"bash", bash_completion},
    ShellFile{"zsh", zsh_completion},
    ShellFile{"fish", fish_completion},
};

constexpr auto kNames = [] {
  std::array<std::string_view, kFiles.size()> names;
  for (std::size_t i = 0; i < names.size(); ++i) names[i] = kFiles[i].name;
  return names;
}();

}  // namespace

std::span<const std::string_view> shell_file_names() { return kNames; }

std::string shell_file(std::string_view name, const CLI::App& app) {
  for (const ShellFile& file : kFiles) {
    if (file.name == name) return file.make(app);
  }
  return "";
}

void add_shell_file_command(CLI::App& app, int& exit_code) {
  auto name = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand(
      "shell-file", "Print the man page (man) or the completions of a shell (bash, zsh, fish)");
  command->group("");  // only packages need it
  command->add_option("NAME", *name, "man, bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember(std::vector<std::string>(kNames.begin(), kNames.end())));
  command->callback([&app, &exit_code, name] {
    print_output("{}", shell_file(*name, app));
    exit_code = kAllHeld;
  });
}

}  // namespace quintain::cli
