// `quintain fixture`: the functions that the conformance cases call, for a server that runs
// processes. Parameters come from the environment or from a JSON document on standard input
// (docs/functions.md).
#include <absl/strings/escaping.h>
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <vector>

#include "cli/console.h"
#include "cli/program.h"

namespace quintain::cli {
namespace {

using nlohmann::json;

constexpr std::string_view kParameterPrefix = "QUINTAIN_PARAM_";
constexpr std::int64_t kLongestPause = std::int64_t{24} * 3600 * 1000;
constexpr std::int64_t kMaxBytes = std::int64_t{64} << 20;
constexpr std::int64_t kMaxChunks = 1'000'000;

/// The parameters of the attempt: those in the environment, or, if there are none, those of the
/// document on standard input.
class Input {
 public:
  Input() {
    for (char** variable = environ; *variable != nullptr; ++variable) {
      const std::string_view text = *variable;
      if (text.starts_with(kParameterPrefix)) variables_.push_back(text);
    }
  }

  /// The only parameter in the environment, or the first one in the document. Several variables in
  /// the environment have no order.
  std::string first() {
    if (variables_.size() == 1) return std::string(after(variables_[0], '='));
    const json& all = document()["parameters"];
    return all.is_array() && !all.empty() ? text_of(all[0]) : std::string();
  }

  /// The number of that name, brought within 0 and `most`; `fallback` if there is none.
  std::int64_t number(std::string_view name, std::int64_t fallback, std::int64_t most) {
    const std::string text = value(name);
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size()) return fallback;
    return std::clamp<std::int64_t>(number, 0, most);
  }

 private:
  static std::string_view after(std::string_view text, char mark) {
    return text.substr(text.find(mark) + 1);
  }

  static std::string text_of(const json& parameter) {
    if (parameter.contains("base64")) {
      std::string bytes;
      absl::Base64Unescape(parameter.value("base64", ""), &bytes);
      return bytes;
    }
    const auto value = parameter.find("value");
    if (value == parameter.end()) return {};
    return value->is_string() ? value->get<std::string>() : value->dump();
  }

  std::string value(std::string_view name) {
    if (!variables_.empty()) {
      std::string variable(name);
      for (char& c : variable) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
      const std::string start = fmt::format("{}{}=", kParameterPrefix, variable);
      for (const std::string_view text : variables_) {
        if (text.starts_with(start)) return std::string(text.substr(start.size()));
      }
      return {};
    }
    for (const json& parameter : document()["parameters"]) {
      if (parameter.is_object() && parameter.value("name", "") == name) return text_of(parameter);
    }
    return {};
  }

  static std::string standard_input() {
    std::string text;
    char piece[4096];
    for (std::size_t count = 0; (count = std::fread(piece, 1, sizeof piece, stdin)) > 0;) {
      text.append(piece, count);
    }
    return text;
  }

  json& document() {
    if (!document_) {
      document_ = json::object();
      if (isatty(STDIN_FILENO) == 0) document_ = json::parse(standard_input(), nullptr, false);
      if (!document_->is_object()) document_ = json::object();
    }
    return *document_;
  }

  std::vector<std::string_view> variables_;
  std::optional<json> document_;
};

void write(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

void pause(std::int64_t milliseconds) {
  std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
}

int echo(Input& input) {
  write(input.first());
  return 0;
}

int sleep(Input& input) {
  pause(input.number("ms", 100, kLongestPause));
  write("slept");
  return 0;
}

int fail(Input& input) {
  pause(input.number("ms", 0, kLongestPause));
  print_note("error_code: FIXTURE_FAILURE this fixture always fails\n");
  return 1;
}

int flood(Input& input) {
  const std::int64_t bytes = input.number("bytes", std::int64_t{1} << 20, kMaxBytes);
  write(std::string(static_cast<std::size_t>(bytes), 'x'));
  return 0;
}

int stream(Input& input) {
  const std::int64_t milliseconds = input.number("ms", 10, kLongestPause);
  const std::int64_t chunks = input.number("chunks", 3, kMaxChunks);
  for (std::int64_t i = 0; i < chunks; ++i) {
    pause(milliseconds);
    write(fmt::format("chunk {}", i));
  }
  return 0;
}

struct Fixture {
  std::string_view name;
  int (*play)(Input& input);
};

constexpr Fixture kFixtures[] = {{"echo", echo},      {"sleep", sleep}, {"fail", fail},
                                 {"stubborn", sleep}, {"flood", flood}, {"stream", stream}};

const char* variable_or(const char* name, const char* fallback) {
  const char* const value = std::getenv(name);
  return value != nullptr ? value : fallback;
}

int play(std::string_view name) {
  std::string names;
  for (const Fixture& fixture : kFixtures) {
    if (fixture.name != name) {
      names += fmt::format("{}{}", names.empty() ? "" : ", ", fixture.name);
      continue;
    }
    // This comes before the first line of output, so that a reader of that line can rely on it.
    if (name == "stubborn") std::signal(SIGTERM, SIG_IGN);
    print_note("attempt {} of {}\n", variable_or("QUINTAIN_ATTEMPT", "1"),
               variable_or("QUINTAIN_EXECUTION_ID", "nothing"));
    Input input;
    return fixture.play(input);
  }
  print_note("quintain fixture: there is no fixture '{}'; there is: {}\n", name, names);
  return kBadInput;
}

}  // namespace

void add_fixture_command(CLI::App& app, int& exit_code) {
  auto name = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand(
      "fixture", "Run a function of the conformance cases, for a server that runs processes");
  command->add_option("NAME", *name, "echo, sleep, fail, stubborn, flood or stream")->required();
  command->footer(
      "Parameters come as QUINTAIN_PARAM_<NAME>, or as a document on standard input:\n"
      "  echo                  its first parameter\n"
      "  sleep, stubborn       ms (100); stubborn ignores SIGTERM\n"
      "  fail                  ms (0)\n"
      "  flood                 bytes (1048576)\n"
      "  stream                chunks (3), ms (10) before each\n\n"
      "Example: QUINTAIN_PARAM_MS=500 quintain fixture sleep");
  command->callback([name, &exit_code] {
    std::signal(SIGPIPE, SIG_DFL);  // a function ends when its reader ends
    exit_code = play(*name);
  });
}

}  // namespace quintain::cli
