#include "cli/functions_file.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <chrono>
#include <csignal>
#include <nlohmann/json.hpp>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validator.hpp>

#include "scenarios/testing/read_text.h"

namespace quintain::cli {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

constexpr const char* kEveryKey = R"({
  // Comments are allowed.
  "$schema": "functions.schema.json",
  "node": {"slots": 3, "cancel_grace": "1s", "timeout": {"sync_default": "5s"}},
  "tasks": {
    "images": {
      "name": "image work", "description": "about images", "instances": 4,
      "functions": {
        "resize": {
          "command": ["bin/resize", "--fast"],
          "environment": {"QUALITY": "90"},
          "caller_environment": ["SIZE", "APP_*"],
          "working_directory": "data",
          "limits": {"output_bytes": 1000, "log_line_bytes": 100, "address_space_bytes": 100000000,
                     "open_files": 10, "cpu_seconds": 7, "file_bytes": 5000, "processes": 50},
          "stop_signal": "INT"
        },
        "list": {"command": ["ls"]}
      }
    },
    "any": {"functions": {"*": {"command": ["/bin/cat"]}}}
  }
})";

std::optional<FunctionsFile> read(std::string_view text, std::string& errors) {
  json_input::Diagnostics diagnostics;
  const auto document = json_input::Document::parse("/srv/f.json", text, diagnostics);
  auto file = document ? read_functions_file(*document, diagnostics) : std::nullopt;
  errors = scenarios::lines_of(diagnostics);
  return file;
}

/// What is wrong with a file whose only function has these members.
std::string errors_of_function(const std::string& members) {
  std::string errors;
  read(R"({"tasks": {"t": {"functions": {"f": {)" + members + "}}}}}", errors);
  return errors;
}

TEST(FunctionsFile, EveryKey) {
  std::string errors;
  const auto file = read(kEveryKey, errors);
  ASSERT_EQ(errors, "");
  EXPECT_EQ(file->node.slots, 3);
  EXPECT_EQ(file->node.cancel_grace, 1s);
  EXPECT_EQ(file->node.timeout.sync_default, 5s);
  ASSERT_EQ(file->tasks.size(), 2U);
  EXPECT_EQ(file->tasks[0].task_id, "images");
  EXPECT_EQ(file->tasks[0].task_name, "image work");
  EXPECT_EQ(file->tasks[0].description, "about images");
  EXPECT_EQ(file->tasks[0].instance_limit, 4);
  EXPECT_THAT(file->tasks[0].functions, ElementsAre("resize", "list"));
  EXPECT_EQ(file->tasks[1].task_name, "any");
  EXPECT_THAT(file->tasks[1].functions, IsEmpty());

  ASSERT_EQ(file->functions.size(), 3U);
  const server::ProcessFunction& resize = file->functions[0];
  EXPECT_EQ(resize.task_id, "images");
  EXPECT_EQ(resize.name, "resize");
  EXPECT_THAT(resize.command, ElementsAre("/srv/bin/resize", "--fast"));
  EXPECT_THAT(resize.environment, ElementsAre(Pair("QUALITY", "90")));
  EXPECT_THAT(resize.caller_environment, ElementsAre("SIZE", "APP_*"));
  EXPECT_EQ(resize.working_directory, "/srv/data");
  EXPECT_EQ(resize.limits.output_bytes, 1000);
  EXPECT_EQ(resize.limits.log_line_bytes, 100);
  EXPECT_EQ(resize.limits.address_space_bytes, 100'000'000);
  EXPECT_EQ(resize.limits.open_files, 10);
  EXPECT_EQ(resize.limits.cpu_seconds, 7);
  EXPECT_EQ(resize.limits.file_bytes, 5000);
  EXPECT_EQ(resize.limits.processes, 50);
  EXPECT_EQ(resize.stop_signal, SIGINT);

  const server::ProcessFunction& list = file->functions[1];
  EXPECT_THAT(list.command, ElementsAre("ls")) << "what has no slash is found in PATH";
  EXPECT_EQ(list.working_directory, "");
  EXPECT_EQ(list.limits.output_bytes, server::ProcessLimits().output_bytes);
  EXPECT_EQ(list.stop_signal, SIGTERM);
  EXPECT_EQ(file->functions[2].name, "");
  EXPECT_THAT(file->functions[2].command, ElementsAre("/bin/cat"));
}

TEST(FunctionsFile, SaysAllThatIsWrongAtOnce) {
  std::string errors;
  EXPECT_FALSE(read(R"({
    "node": {"slots": 0, "slowdowns": [{"factor": 2}]},
    "nodes": {"a": {}},
    "tasks": {
      "": {"functions": {}},
      "t": {
        "functions": {
          "": {"command": ["x"]},
          "f": {"comand": ["x"]}
        }
      }
    }
  })",
                    errors));
  EXPECT_THAT(errors, HasSubstr("/srv/f.json:2: /node/slots: "));
  EXPECT_THAT(errors, HasSubstr("/srv/f.json:2: /node: 'slowdowns' are for simulated machines"));
  EXPECT_THAT(errors, HasSubstr("/srv/f.json:3: /nodes: a server is one node"));
  EXPECT_THAT(errors, HasSubstr("/srv/f.json:5: /tasks/: a task's id must not be empty"));
  EXPECT_THAT(errors,
              HasSubstr("/srv/f.json:5: /tasks//functions: expected at least one function"));
  EXPECT_THAT(errors, HasSubstr("/srv/f.json:8: /tasks/t/functions/: a function's name"));
  EXPECT_THAT(errors, HasSubstr("/srv/f.json:9: /tasks/t/functions/f"));
  EXPECT_THAT(errors, HasSubstr("comand"));
}

TEST(FunctionsFile, WhatAFunctionMayNotBe) {
  EXPECT_EQ(errors_of_function(R"("command": ["x"])"), "");
  EXPECT_THAT(errors_of_function(""), HasSubstr("command"));
  EXPECT_THAT(errors_of_function(R"("command": [])"), HasSubstr("expected a program"));
  EXPECT_THAT(errors_of_function(R"("command": [""])"), HasSubstr("expected a program"));
  EXPECT_THAT(errors_of_function(R"("command": "ls")"), HasSubstr("array"));
  EXPECT_THAT(errors_of_function(R"("command": ["a\u0000b"])"), HasSubstr("NUL"));
  EXPECT_THAT(errors_of_function(R"("command": ["x"], "environment": {"A=B": "x"})"),
              HasSubstr("without '='"));
  EXPECT_THAT(errors_of_function(R"("command": ["x"], "environment": {"QUINTAIN_X": "x"})"),
              HasSubstr("set by the server"));
  for (const char* name : {"", "A=B", "1A", "A*B", "A**", "-*"}) {
    EXPECT_THAT(
        errors_of_function(fmt::format(R"("command": ["x"], "caller_environment": ["{}"])", name)),
        HasSubstr("expected the name of a variable, or its start and '*'"))
        << name;
  }
  EXPECT_THAT(errors_of_function(R"("command": ["x"], "caller_environment": ["PATH"])"),
              HasSubstr("can't be set by a caller"));
  EXPECT_EQ(errors_of_function(R"("command": ["x"], "caller_environment": ["*", "A_*", "_"])"), "");
  EXPECT_THAT(errors_of_function(R"("command": ["x"], "limits": {"open_files": 2})"),
              HasSubstr("open_files"));
  EXPECT_THAT(errors_of_function(R"("command": ["x"], "stop_signal": "KILL")"),
              HasSubstr("stop_signal"));
}

TEST(FunctionsFile, TasksMustFitTheNode) {
  std::string errors;
  read(R"({"node": {"task_limit": 1}, "tasks": {
       "a": {"functions": {"f": {"command": ["x"]}}},
       "b": {"functions": {"f": {"command": ["x"]}}}}})",
       errors);
  EXPECT_THAT(errors, HasSubstr("2 tasks are more than the node's 'task_limit', 1"));
  read(R"({"tasks": {}})", errors);
  EXPECT_THAT(errors, HasSubstr("expected at least one task"));
}

TEST(FunctionsFile, AFileThatIsNotThereIsReported) {
  json_input::Diagnostics diagnostics;
  EXPECT_FALSE(load_functions_file("/no/such/file.json", diagnostics));
  EXPECT_THAT(scenarios::lines_of(diagnostics), HasSubstr("/no/such/file.json"));
}

/// functions.schema.json with what it refers to in scenario.schema.json put into it.
class Schema {
 public:
  Schema() {
    json text = json::parse(scenarios::source_file("cli/functions.schema.json"));
    const json other = json::parse(scenarios::source_file("scenarios/scenario.schema.json"));
    EXPECT_EQ(text["properties"]["node"]["$ref"], "scenario.schema.json#/definitions/node");
    text["properties"]["node"]["$ref"] = "#/definitions/node";
    text["definitions"].update(other["definitions"]);
    valijson::SchemaParser().populateSchema(valijson::adapters::NlohmannJsonAdapter(text), schema_);
  }

  bool accepts(const json& document) const {
    return valijson::Validator().validate(
        schema_, valijson::adapters::NlohmannJsonAdapter(document), nullptr);
  }

 private:
  valijson::Schema schema_;
};

bool schema_accepts(const json& document) {
  static const Schema schema;
  return schema.accepts(document);
}

TEST(FunctionsFileSchema, AcceptsEveryKey) {
  EXPECT_TRUE(schema_accepts(json::parse(kEveryKey, nullptr, true, true)));
}

TEST(FunctionsFileSchema, RejectsWhatTheLoaderRejects) {
  const json good = json::parse(kEveryKey, nullptr, true, true);
  const auto with = [&good](const char* pointer, json value) {
    json document = good;
    document[json::json_pointer(pointer)] = std::move(value);
    return document;
  };
  for (const json& wrong : {
           with("/tasks", json::object()),
           with("/nodes", json::object()),
           with("/node/slots", 0),
           with("/node/slowdowns", json::array()),
           with("/tasks/any/functions", json::object()),
           with("/tasks/any/instances", -1),
           with("/tasks/any/more", 1),
           with("/tasks/images/functions/resize/command", json::array()),
           with("/tasks/images/functions/resize/command", "ls"),
           with("/tasks/images/functions/resize/limits/open_files", 2),
           with("/tasks/images/functions/resize/limits/memory", 2),
           with("/tasks/images/functions/resize/stop_signal", "KILL"),
           with("/tasks/images/functions/resize/environment/QUINTAIN_X", "x"),
           with("/tasks/images/functions/resize/environment/A", 1),
           with("/tasks/images/functions/resize/caller_environment", json::array({"A*B"})),
           with("/tasks/images/functions/resize/caller_environment", "*"),
       }) {
    EXPECT_FALSE(schema_accepts(wrong)) << wrong.dump();
  }
}

}  // namespace
}  // namespace quintain::cli
