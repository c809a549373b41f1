#include "scenarios/language/loader.h"

#include <absl/strings/str_join.h>
#include <absl/strings/str_split.h>
#include <gmock/gmock.h>
#include <google/protobuf/descriptor.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <regex>

#include "core/eta/estimator.h"
#include "core/scheduling.h"
#include "reports/json_input/diagnostics.h"
#include "scenarios/language/message_kind.h"
#include "scenarios/language/script.h"
#include "scenarios/testing/read_text.h"
#include "scenarios/testing/schema_kinds.h"

namespace quintain::scenarios {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::string_view kMinimal = R"({"about": "x", "functions": {"f": {}}, "steps": []})";

/// Provides an empty folder; the tests use paths relative to it.
class Loader : public testing::Test {
 protected:
  Loader() {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    folder_ = fs::path(testing::TempDir()) / ("quintain_loader_" + std::string(test->name()));
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  ~Loader() override { fs::remove_all(folder_); }

  std::string path(std::string_view name) const {
    return name.empty() ? folder_.string() : (folder_ / name).string();
  }

  void write(std::string_view name, std::string_view text = kMinimal) const {
    fs::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name, std::ios::binary) << text;
  }

  std::string without_folder(std::string text) const {
    const std::string folder = folder_.string() + "/";
    for (auto at = text.find(folder); at != text.npos; at = text.find(folder)) {
      text.erase(at, folder.size());
    }
    return text;
  }

  std::vector<std::string> find(const std::vector<std::string>& names) {
    std::vector<std::string> paths;
    for (const std::string& name : names) paths.push_back(path(name));
    json_input::Diagnostics diagnostics;
    auto found = find_scenario_files(paths, diagnostics);
    for (std::string& file : found) file = without_folder(file);
    errors_ = without_folder(lines_of(diagnostics));
    return found;
  }

  std::vector<Scenario> load(std::string_view name) {
    json_input::Diagnostics diagnostics;
    auto scenarios = load_scenario_file(path(name), folder_.string(), diagnostics);
    errors_ = without_folder(lines_of(diagnostics));
    EXPECT_NE(scenarios.empty(), diagnostics.empty());
    return scenarios;
  }

  std::vector<Scenario> load_text(std::string_view text) {
    write("f", text);
    return load("f");
  }

  std::string errors_;  // of the last find() or load()

 private:
  fs::path folder_;
};

TEST_F(Loader, SearchesFoldersInOrder) {
  for (const auto* name : {"b.json", "a/z.json", "a/y/x.json", "c.txt", "s.schema.json", ".d.json",
                           "data/e.json", "a/data/f.json", ".hidden/g.json"}) {
    write(name);
  }
  EXPECT_THAT(find({""}), ElementsAre("a/y/x.json", "a/z.json", "b.json"));
  EXPECT_EQ(errors_, "");
}

TEST_F(Loader, AcceptsAnyNameOfAFileThatIsGiven) {
  write("data/e.txt");
  EXPECT_THAT(find({"data/e.txt"}), ElementsAre("data/e.txt"));
}

TEST_F(Loader, FindsEachFileOnce) {
  write("a/x.json");
  write("b.json");
  EXPECT_THAT(find({"b.json", "a", "a/../a/x.json", ""}), ElementsAre("b.json", "a/x.json"));
}

TEST_F(Loader, SearchesAFolderNamedDataIfItIsGiven) {
  write("data/e.json");
  EXPECT_THAT(find({"data"}), ElementsAre("data/e.json"));
}

TEST_F(Loader, ReportsPathsWithoutScenarios) {
  write("empty/readme.txt");
  write("good.json");
  EXPECT_THAT(find({"none.json", "empty", "good.json"}), ElementsAre("good.json"));
  EXPECT_EQ(errors_,
            "empty: no scenario in this folder; expected files *.json\n"
            "none.json: no such file or folder");
}

TEST_F(Loader, NamesACaseByItsPathFromTheRoot) {
  write("cancel/while-queued.json");
  const auto scenarios = load("cancel/while-queued.json");
  ASSERT_EQ(scenarios.size(), 1u);
  EXPECT_EQ(scenarios[0].name, "cancel/while-queued");
  EXPECT_EQ(scenarios[0].file, path("cancel/while-queued.json"));

  json_input::Diagnostics diagnostics;
  const std::string file = path("cancel/while-queued.json");
  EXPECT_EQ(load_scenario_file(file, path("other"), diagnostics).at(0).name,
            file.substr(0, file.size() - std::string(".json").size()));
}

TEST_F(Loader, MakesACaseForEachCombinationOfTheMatrix) {
  write("burst.json", R"({
    "about": "a burst, ${mode}",
    "for": {"mode": ["sync", "async"], "slots": [1, {"label": "many", "value": 64}]},
    "node": {"slots": "${slots}"},
    "functions": {"f": {}},
    "steps": [{"invoke": "f", "mode": "${mode}"}]
  })");
  const auto scenarios = load("burst.json");
  ASSERT_EQ(errors_, "");
  std::vector<std::string> names;
  for (const Scenario& scenario : scenarios) names.push_back(scenario.name);
  EXPECT_THAT(names, ElementsAre("burst[mode=sync,slots=1]", "burst[mode=sync,slots=many]",
                                 "burst[mode=async,slots=1]", "burst[mode=async,slots=many]"));
  EXPECT_EQ(scenarios[3].about, "a burst, async");
  EXPECT_EQ(scenarios[3].nodes[0].config.slots, 64);
  EXPECT_EQ(nlohmann::ordered_json::parse(scenarios[3].document), nlohmann::ordered_json::parse(R"({
                "about": "a burst, async", "node": {"slots": 64}, "functions": {"f": {}},
                "steps": [{"invoke": "f", "mode": "async"}]})"));
}

TEST_F(Loader, OneBadCaseRejectsTheFile) {
  EXPECT_THAT(load_text("{\"about\": \"x\",\n\"for\": {\"slots\": [1, 0, -1]},\n"
                        "\"node\": {\"slots\": \"${slots}\"},\n"
                        "\"functions\": {\"f\": {}}, \"steps\": []}"),
              IsEmpty());
  EXPECT_EQ(errors_,
            "f:3: /node/slots: 0 is not within 1 to 100000\n"
            "f:3: /node/slots: -1 is not within 1 to 100000");
}

TEST_F(Loader, ReportsErrorsInTheMatrix) {
  EXPECT_THAT(load_text("{\"about\": \"x\",\n\"for\": {\"n\": [1]},\n"
                        "\"functions\": {\"f\": {}}, \"steps\": [\"${m}\"]}"),
              IsEmpty());
  EXPECT_EQ(errors_,
            "f:2: /for/n: the variable 'n' is not used; write ${n} somewhere or remove it\n"
            "f:3: /steps/0: there is no variable 'm'; known: 'n'");
}

TEST_F(Loader, ReportsSeveralProblemsWithTheirLines) {
  EXPECT_THAT(load_text("// A comment.\n"
                        "{\n"
                        "  \"about\": \"several\",\n"
                        "  \"node\": {\n"
                        "    \"slots\": 0, /* none */\n"
                        "    \"scheduling\":\n"
                        "      \"fiffo\"\n"
                        "  },\n"
                        "  \"functions\": {\"f\": {}},\n"
                        "  \"steps\": [\n"
                        "    {\"invoke\": \"g\", \"mode\": \"sync\"},\n"
                        "    {\n"
                        "      \"cancel\": \"b\",\n"
                        "      \"force\": 1\n"
                        "    }\n"
                        "  ]\n"
                        "}\n"),
              IsEmpty());
  EXPECT_EQ(errors_,
            "f:5: /node/slots: 0 is not within 1 to 100000\n"
            "f:6: /node/scheduling: expected one of " +
                json_input::listed(core::scheduling_strategy_names()) +
                ", got the string \"fiffo\"; did you mean 'fifo'?\n"
                "f:11: /steps/0/invoke: there is no function \"g\"; known: 'f'\n"
                "f:13: /steps/1/cancel: there is no step \"b\"; known: 'step-1', 'step-2'\n"
                "f:14: /steps/1/force: expected true or false, got the number 1");
}

TEST_F(Loader, LimitsTheNumberOfProblems) {
  std::string text = R"({"about": "x", "for": {"n": [)";
  for (int i = 0; i < 1000; ++i) text += std::to_string(i) + ",";
  text += R"(-1]}, "node": {"slots": "${n}", "queue_limit": "${n}", "task_limit": "-${n}"},
            "functions": {"f": {}}, "steps": []})";
  EXPECT_THAT(load_text(text), IsEmpty());
  EXPECT_EQ(std::count(errors_.begin(), errors_.end(), '\n'), 20);
  EXPECT_THAT(errors_, HasSubstr("\nand "));
}

TEST_F(Loader, LoadsEveryKeyOfTheLanguage) {
  const std::string file = "scenarios/language/data/every-key.json";
  json_input::Diagnostics diagnostics;
  const auto scenarios = load_scenario_file(std::string(QUINTAIN_SOURCE_DIR) + "/" + file,
                                            QUINTAIN_SOURCE_DIR, diagnostics);
  EXPECT_EQ(diagnostics.text(), "");
  ASSERT_EQ(scenarios.size(), 4u);
  EXPECT_EQ(scenarios[2].name, "scenarios/language/data/every-key[mode=async,slots=2]");
  EXPECT_EQ(scenarios[2].known_failure, "an example of the key");
  EXPECT_EQ(scenarios[2].until, core::Instant(std::chrono::minutes(10)));
  EXPECT_EQ(scenarios[2].ties, (std::vector<std::uint32_t>{0, 2, 1}));
  EXPECT_EQ(scenarios[2].warm_up, core::Instant(std::chrono::minutes(1)));
  const auto document = nlohmann::json::parse(scenarios[2].document);
  std::size_t steps = 0;
  for (const auto& step : document["steps"]) {
    steps += step.contains("repeat") ? step["repeat"]["times"].get<std::size_t>() : 1;
  }
  EXPECT_EQ(scenarios[2].steps.size(), steps);
  EXPECT_EQ(scenarios[2].loads.size(), document["loads"].size());
  EXPECT_EQ(scenarios[2].expectations.size(), document["expect"].size());
  EXPECT_TRUE(scenarios[2].trace);
}

TEST_F(Loader, ReportsAFileThatIsNotJson) {
  const auto first_error = [this](std::string_view text) {
    EXPECT_THAT(load_text(text), IsEmpty());
    return errors_;
  };
  EXPECT_THAT(first_error(""), HasSubstr("f"));
  EXPECT_THAT(first_error("// nothing\n"), HasSubstr("f"));
  EXPECT_THAT(first_error("{\"about\": \"x\",\n \"steps\": [{\"at\""), HasSubstr("f:2: "));
  EXPECT_THAT(first_error(std::string_view("\x7f"
                                           "ELF\x02\0\0",
                                           7)),
              HasSubstr("f:1: "));
  EXPECT_THAT(first_error("{\"about\": \"\xff\"}"), HasSubstr("f:1: "));
  EXPECT_THAT(first_error("{\"about\": 1, \"about\": 2}"), HasSubstr("f:1: /about: "));
  EXPECT_THAT(first_error(std::string((std::size_t{16} << 20) + 1, ' ')),
              HasSubstr("the file is larger than 16 MiB"));
  EXPECT_THAT(first_error(std::string(100'000, '[')), HasSubstr("f:1: "));
}

TEST_F(Loader, ReportsAFileThatCannotBeRead) {
  EXPECT_THAT(load("none.json"), IsEmpty());
  EXPECT_THAT(errors_, HasSubstr("none.json: "));
  EXPECT_THAT(load(""), IsEmpty());
  EXPECT_NE(errors_, "");
}

TEST_F(Loader, RejectsEveryTruncatedFile) {
  const std::string whole = source_file("scenarios/language/data/every-key.json");
  const std::size_t end = whole.rfind('}');
  for (std::size_t length = 0; length <= end; length += 97) {
    EXPECT_THAT(load_text(whole.substr(0, length)), IsEmpty()) << length;
  }
}

TEST_F(Loader, LoadsTheExamplesOfTheDocumentation) {
  const std::string page = source_file("docs/scenarios.md");
  const std::string_view fence = "```json\n";
  int examples = 0;
  for (auto at = page.find(fence); at != page.npos; at = page.find(fence, at)) {
    at += fence.size();
    const std::string example = page.substr(at, page.find("```", at) - at);
    EXPECT_FALSE(load_text(example).empty()) << errors_;
    ++examples;
  }
  EXPECT_EQ(examples, 2);
}

RC_GTEST_FIXTURE_PROP(Loader, LoadsOrReportsADamagedFile, ()) {
  static const std::string whole = source_file("scenarios/language/data/every-key.json");
  std::string text = whole;
  const int changes = *rc::gen::inRange(1, 4);
  for (int i = 0; i < changes; ++i) {
    text[*rc::gen::inRange<std::size_t>(0, text.size())] = *rc::gen::oneOf(
        rc::gen::arbitrary<char>(), rc::gen::elementOf(std::string("{}[],:\"0e-.$/")));
  }
  load_text(text);  // expects that there are either cases or errors
  RC_ASSERT(!HasFailure());
}

using nlohmann::ordered_json;

/// The names for a placeholder of data/mistakes.json.
std::vector<std::string> placeholder_names(const std::string& placeholder) {
  static const auto schema = ordered_json::parse(source_file("scenarios/scenario.schema.json"));
  const auto strings = [](const auto& names) {
    return std::vector<std::string>(names.begin(), names.end());
  };
  if (placeholder == "estimators") return strings(core::eta::estimator_names());
  if (placeholder == "strategies") return strings(core::scheduling_strategy_names());
  if (placeholder == "steps") return strings(step_kinds());

  std::vector<std::string> names;
  const auto& pool = *google::protobuf::DescriptorPool::generated_pool();
  const auto rest = [&](std::string_view prefix) { return placeholder.substr(prefix.size()); };
  if (placeholder.starts_with("fields of ")) {
    const auto* type = pool.FindMessageTypeByName(rest("fields of "));
    for (int i = 0; i < type->field_count(); ++i) names.push_back(type->field(i)->name());
  } else if (placeholder.starts_with("values of ")) {
    return strings(short_names(*pool.FindEnumTypeByName(rest("values of "))));
  } else if (placeholder.starts_with("kinds of ")) {
    return schema_kinds(schema, rest("kinds of "));
  } else {
    const ordered_json& list = schema.at(ordered_json::json_pointer(placeholder));
    if (list.is_array()) return list.get<std::vector<std::string>>();
    for (const auto& [key, value] : list.items()) names.push_back(key);
  }
  return names;
}

/// Replaces ${...} by the names.
std::string fill_in(std::string text) {
  for (auto at = text.find("${"); at != text.npos; at = text.find("${")) {
    const auto end = text.find('}', at);
    const auto names = placeholder_names(text.substr(at + 2, end - at - 2));
    text.replace(at, end + 1 - at,
                 json_input::listed(std::vector<std::string_view>(names.begin(), names.end())));
  }
  return text;
}

/// Sorts the names of each list `'b', 'a'` in a text.
std::string with_sorted_lists(const std::string& text) {
  static const std::regex list("'[^' ]*'(, '[^' ]*')+");
  std::string sorted;
  auto rest = text.cbegin();
  for (std::sregex_iterator it(text.begin(), text.end(), list), end; it != end; ++it) {
    sorted.append(rest, (*it)[0].first);
    std::vector<std::string> names = absl::StrSplit(it->str(), ", ");
    std::sort(names.begin(), names.end());
    sorted += absl::StrJoin(names, ", ");
    rest = (*it)[0].second;
  }
  return sorted.append(rest, text.cend());
}

TEST_F(Loader, ReportsEachMistakeOfTheList) {
  const auto groups = ordered_json::parse(source_file("scenarios/language/data/mistakes.json"),
                                          nullptr, true, /*ignore_comments=*/true);
  for (const ordered_json& group : groups) {
    for (const ordered_json& mistake : group["mistakes"]) {
      ordered_json file = group["file"];
      const std::string at = group["at"];
      file[ordered_json::json_pointer(at)] = mistake["write"];
      EXPECT_THAT(load_text(file.dump()), IsEmpty());
      std::string expected;
      for (const std::string line : mistake["says"]) {
        expected += (expected.empty() ? "f:1: " : "\nf:1: ") + fill_in(line);
      }
      EXPECT_EQ(with_sorted_lists(errors_), with_sorted_lists(expected))
          << group["about"] << " " << mistake["write"];
    }
  }
}

}  // namespace
}  // namespace quintain::scenarios
