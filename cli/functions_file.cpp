#include "cli/functions_file.h"

#include <fmt/format.h>

#include <csignal>
#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string_view>
#include <system_error>
#include <utility>

#include "reports/json_input/reader.h"
#include "scenarios/language/readers.h"
#include "server/process/attempt_io.h"

namespace quintain::cli {
namespace {

namespace fs = std::filesystem;
using server::ProcessFunction;

constexpr int kMaxInstances = 100'000;
constexpr std::int64_t kMaxBytes = std::int64_t{1} << 50;
constexpr std::int64_t kMaxOutput = std::int64_t{1} << 30;
constexpr std::int64_t kMaxLineBytes = std::int64_t{1} << 20;
constexpr std::int64_t kMaxFiles = 1 << 20;
constexpr std::int64_t kMaxProcesses = 1 << 22;
constexpr std::int64_t kMaxCpuSeconds = 1'000'000'000;
constexpr std::string_view kAnyFunction = "*";

/// A text for execve(2): it would end at a NUL.
std::string read_text(const json_input::Reader& value) {
  std::string text = value.string();
  if (text.find('\0') != std::string::npos) value.error("this text must not contain a NUL");
  return text;
}

std::vector<std::string> read_command(const json_input::Reader& value, const fs::path& folder) {
  auto command = value.array_of(read_text);
  if (!value.present() || !value.raw().is_array()) return command;
  if (command.empty() || command.front().empty()) {
    value.error("expected a program and its arguments: [\"./resize\", \"--fast\"]");
  } else if (command.front().find('/') != std::string::npos) {
    command.front() = (folder / command.front()).lexically_normal().string();
  }
  return command;
}

std::map<std::string, std::string> read_environment(const json_input::Reader& value) {
  std::map<std::string, std::string> environment;
  for (const auto& [name, member] : value.members()) {
    if (name.empty() || name.find_first_of(std::string_view("=\0", 2)) != std::string::npos) {
      member.error("expected the name of a variable, without '='");
    } else if (name.starts_with("QUINTAIN_")) {
      member.error("variables called QUINTAIN_... are set by the server");
    }
    environment[name] = read_text(member);
  }
  return environment;
}

std::string read_accepted_variable(const json_input::Reader& value) {
  std::string name = value.string();
  const std::string_view start = std::string_view(name).substr(0, name.find('*'));
  const bool is_pattern = start.size() + 1 == name.size();
  if ((start.size() != name.size() && !is_pattern) ||
      !(server::is_variable_name(start) || (is_pattern && start.empty()))) {
    value.error("expected the name of a variable, or its start and '*'");
  } else if (!is_pattern && server::is_refused_variable(name)) {
    value.error("this variable can't be set by a caller");
  }
  return name;
}

server::ProcessLimits read_limits(const json_input::Reader& value) {
  json_input::ObjectReader object = value.object();
  server::ProcessLimits limits;
  const auto set = [&object](std::string_view key, std::int64_t least, std::int64_t most,
                             std::int64_t& limit) {
    limit = object.optional(key).integer<std::int64_t>({least, most}, limit);
  };
  set("output_bytes", 0, kMaxOutput, limits.output_bytes);
  set("log_line_bytes", 1, kMaxLineBytes, limits.log_line_bytes);
  set("address_space_bytes", 0, kMaxBytes, limits.address_space_bytes);
  set("open_files", 3, kMaxFiles, limits.open_files);
  set("cpu_seconds", 0, kMaxCpuSeconds, limits.cpu_seconds);
  set("file_bytes", 0, kMaxBytes, limits.file_bytes);
  set("processes", 0, kMaxProcesses, limits.processes);
  return limits;
}

ProcessFunction read_function(const json_input::Reader& value, std::string task,
                              const std::string& name, const fs::path& folder) {
  ProcessFunction function;
  function.task_id = std::move(task);
  if (name != kAnyFunction) function.name = name;
  if (name.empty()) value.error("a function's name must not be empty; '*' matches any");
  json_input::ObjectReader object = value.object();
  function.command = read_command(object.required("command"), folder);
  function.environment = read_environment(object.optional("environment"));
  const json_input::Reader accepted = object.optional("caller_environment");
  if (accepted.present()) function.caller_environment = accepted.array_of(read_accepted_variable);
  const json_input::Reader directory = object.optional("working_directory");
  if (directory.present()) {
    function.working_directory = (folder / read_text(directory)).lexically_normal().string();
  }
  function.limits = read_limits(object.optional("limits"));
  function.stop_signal = object.optional("stop_signal")
                             .one_of<int>({{"TERM", SIGTERM},
                                           {"INT", SIGINT},
                                           {"HUP", SIGHUP},
                                           {"QUIT", SIGQUIT},
                                           {"USR1", SIGUSR1},
                                           {"USR2", SIGUSR2}},
                                          function.stop_signal);
  return function;
}

void read_task(const json_input::Reader& value, const std::string& id, const fs::path& folder,
               FunctionsFile& file) {
  if (id.empty()) value.error("a task's id must not be empty");
  json_input::ObjectReader object = value.object();
  core::TaskSpec task;
  task.task_id = id;
  task.task_name = object.optional("name").string(id);
  task.description = object.optional("description").string();
  task.instance_limit = object.optional("instances").integer<int>({0, kMaxInstances});
  const json_input::Reader functions = object.required("functions");
  bool any = false;
  for (const auto& [name, function] : functions.members()) {
    file.functions.push_back(read_function(function, id, name, folder));
    task.functions.push_back(name);
    any = any || name == kAnyFunction;
  }
  if (functions.present() && functions.raw().is_object() && task.functions.empty()) {
    functions.error("expected at least one function");
  }
  if (any) task.functions.clear();  // the task answers to every name
  file.tasks.push_back(std::move(task));
}

}  // namespace

std::optional<FunctionsFile> read_functions_file(const json_input::Document& document,
                                                 json_input::Diagnostics& diagnostics) {
  json_input::Diagnostics problems;
  FunctionsFile file;
  {
    std::error_code error;
    const fs::path folder = fs::absolute(document.file_name(), error).parent_path();
    json_input::ObjectReader object = json_input::Reader(document.root(), problems).object();
    object.optional("$schema");
    const scenarios::Nodes nodes = scenarios::read_nodes(object);
    file.node = nodes.specs.front().config;
    const json_input::Reader several = object.optional("nodes");
    if (several.present()) several.error("a server is one node; give its settings as 'node'");
    if (!nodes.specs.front().slowdowns.empty()) {
      object.optional("node").error("'slowdowns' are for simulated machines");
    }
    const json_input::Reader tasks = object.required("tasks");
    for (const auto& [id, task] : tasks.members()) read_task(task, id, folder, file);
    if (tasks.present() && tasks.raw().is_object() && file.tasks.empty()) {
      tasks.error("expected at least one task");
    }
    if (std::cmp_greater(file.tasks.size(), file.node.task_limit)) {
      tasks.error(fmt::format("{} tasks are more than the node's 'task_limit', {}",
                              file.tasks.size(), file.node.task_limit));
    }
  }
  if (problems.empty()) return file;
  diagnostics.add_all(problems);
  return std::nullopt;
}

std::optional<FunctionsFile> load_functions_file(const std::string& path,
                                                 json_input::Diagnostics& diagnostics) {
  const auto text = json_input::read_file(path, diagnostics);
  const auto document = text ? json_input::Document::parse(path, *text, diagnostics) : std::nullopt;
  return document ? read_functions_file(*document, diagnostics) : std::nullopt;
}

}  // namespace quintain::cli
