#include "scenarios/language/loader.h"

#include <gmock/gmock.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "scenarios/testing/read_text.h"

namespace quintain::scenarios {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::string_view kMinimal = R"({"about": "x", "functions": {"f": {}}, "steps": []})";

/// A folder of the test's own; the tests give paths relative to it.
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

  std::string errors_;  // of what was done last

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

TEST_F(Loader, TakesAFileThatIsNamedWhateverItsName) {
  write("data/e.txt");
  EXPECT_THAT(find({"data/e.txt"}), ElementsAre("data/e.txt"));
}

TEST_F(Loader, TakesEachFileOnce) {
  write("a/x.json");
  write("b.json");
  EXPECT_THAT(find({"b.json", "a", "a/../a/x.json", ""}), ElementsAre("b.json", "a/x.json"));
}

TEST_F(Loader, SearchesAFolderThatIsNamedEvenIfItIsCalledData) {
  write("data/e.json");
  EXPECT_THAT(find({"data"}), ElementsAre("data/e.json"));
}

TEST_F(Loader, ReportsPathsThatLeadNowhere) {
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

TEST_F(Loader, MakesACaseOfEachPointOfTheMatrix) {
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

TEST_F(Loader, OneBadCaseSpoilsItsFile) {
  EXPECT_THAT(load_text("{\"about\": \"x\",\n\"for\": {\"slots\": [1, 0, -1]},\n"
                        "\"node\": {\"slots\": \"${slots}\"},\n"
                        "\"functions\": {\"f\": {}}, \"steps\": []}"),
              IsEmpty());
  EXPECT_EQ(errors_,
            "f:3: /node/slots: 0 is not within 1 to 100000\n"
            "f:3: /node/slots: -1 is not within 1 to 100000");
}

TEST_F(Loader, ReportsTheMatrixItself) {
  EXPECT_THAT(load_text("{\"about\": \"x\",\n\"for\": {\"n\": [1]},\n"
                        "\"functions\": {\"f\": {}}, \"steps\": [\"${m}\"]}"),
              IsEmpty());
  EXPECT_EQ(errors_,
            "f:2: /for/n: the variable 'n' is not used; write ${n} somewhere or remove it\n"
            "f:3: /steps/0: there is no variable 'm'; known: 'n'");
}

TEST_F(Loader, ReportsSeveralProblemsEachOnItsLine) {
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
            "f:6: /node/scheduling: expected one of 'fifo', 'priority', 'shortest-expected-first', "
            "'earliest-deadline-first', 'fair-share', got the string \"fiffo\"; did you mean "
            "'fifo'?\n"
            "f:11: /steps/0/invoke: there is no function \"g\"; known: 'f'\n"
            "f:13: /steps/1/cancel: there is no step \"b\"; known: 'step-1', 'step-2'\n"
            "f:14: /steps/1/force: expected true or false, got the number 1");
}

TEST_F(Loader, StopsAtAScreenfulOfProblems) {
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
  EXPECT_EQ(scenarios[2].known_failure, "shows how it is written");
  EXPECT_EQ(scenarios[2].until, core::Instant(std::chrono::minutes(10)));
  EXPECT_EQ(scenarios[2].warm_up, core::Instant(std::chrono::minutes(1)));
  EXPECT_EQ(scenarios[2].steps.size(), 18u);
  EXPECT_EQ(scenarios[2].loads.size(), 7u);
  EXPECT_EQ(scenarios[2].expectations.size(), 9u);
  EXPECT_TRUE(scenarios[2].trace);
}

TEST_F(Loader, SaysOfAFileThatIsNoJsonWhatItIs) {
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

TEST_F(Loader, SaysOfAFileThatCannotBeReadWhy) {
  EXPECT_THAT(load("none.json"), IsEmpty());
  EXPECT_THAT(errors_, HasSubstr("none.json: "));
  EXPECT_THAT(load(""), IsEmpty());
  EXPECT_NE(errors_, "");
}

TEST_F(Loader, ReadsATruncatedFileToNoAvail) {
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
  load_text(text);  // which expects one or the other
  RC_ASSERT(!HasFailure());
}

/// What is written in data/mistakes.json.
TEST_F(Loader, ReportsEachMistakeInSoManyWords) {
  using nlohmann::ordered_json;
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
        expected += (expected.empty() ? "f:1: " : "\nf:1: ") + line;
      }
      EXPECT_EQ(errors_, expected) << group["about"] << " " << mistake["write"];
    }
  }
}

}  // namespace
}  // namespace quintain::scenarios
