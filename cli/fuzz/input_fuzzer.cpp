// Reads mutated files as the program would: scenarios, studies, predictions, traces, manifests,
// functions and access files, reports, kept cells. Scenarios that are still valid are run, with
// every invariant on. A file is either read or refused with a message; nothing may crash, hang, or
// violate an invariant.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "cli/access_file.h"
#include "cli/functions_file.h"
#include "conformance/fuzz/fuzzer.h"
#include "conformance/manifest.h"
#include "reports/formats.h"
#include "scenarios/language/loader.h"
#include "scenarios/runner/run.h"
#include "sim/workload/call_log.h"
#include "study/comparison/cell.h"
#include "study/language/study.h"
#include "study/predictions/predictions_file.h"

namespace quintain::cli::fuzz {
namespace {

namespace fs = std::filesystem;

// A run that takes longer is broken off.
constexpr fuzzing::TimeLimits kLimits = {.soft = std::chrono::milliseconds(200),
                                         .hard = std::chrono::seconds(60)};
constexpr std::size_t kMaxSeedBytes = 20'000;

std::string current_kind;
fs::path folder;

[[noreturn]] void fail(std::string_view what) {
  fuzzing::fail(
      fmt::format("{}\nkind {}; the file is {}", what, current_kind, (folder / "input").string()));
}

/// Changes texts. All that it does follows from its seed.
class Mutator {
 public:
  explicit Mutator(std::uint64_t seed) : random_(seed) {}

  std::size_t below(std::size_t limit) {
    return std::uniform_int_distribution<std::size_t>(0, limit - 1)(random_);
  }

  std::string mutate(std::string text, const std::string& other) {
    for (std::size_t changes = 1 + below(4); changes > 0; --changes) change(text, other);
    return text;
  }

 private:
  void change(std::string& text, const std::string& other) {
    static constexpr std::string_view kTokens[] = {"0",
                                                   "-1",
                                                   "1e308",
                                                   "-0.0",
                                                   "18446744073709551615",
                                                   "9223372036854775807",
                                                   "1e-320",
                                                   "null",
                                                   "true",
                                                   "\"\"",
                                                   "[]",
                                                   "{}",
                                                   "\"1ns\"",
                                                   "\"100000h\"",
                                                   "\"${x}\"",
                                                   "\"\\u0000\"",
                                                   "nan",
                                                   "\xff",
                                                   "\n",
                                                   ",",
                                                   "\"",
                                                   "{",
                                                   "]",
                                                   "\\",
                                                   "/*",
                                                   "1.5",
                                                   "4294967296",
                                                   "\"*\""};
    if (text.empty()) text = other;
    if (text.empty()) return;
    const std::size_t at = below(text.size());
    const std::size_t length = std::min(1 + below(20), text.size() - at);
    switch (below(7)) {
      case 0:
        text.erase(at, length);
        break;
      case 1:
        text.insert(at, text.substr(below(text.size()), length));
        break;
      case 2:
        text[at] = static_cast<char>(below(256));
        break;
      case 3:
        if (!other.empty()) text.insert(at, other.substr(below(other.size()), 1 + below(100)));
        break;
      default:  // the value that follows becomes another one
        replace_value(text, at, kTokens[below(std::size(kTokens))]);
    }
  }

  static void replace_value(std::string& text, std::size_t at, std::string_view token) {
    const std::size_t begin = text.find_first_of(":[,", at);
    if (begin == std::string::npos) return;
    const std::size_t end = text.find_first_of(",]}\n", begin + 1);
    if (end == std::string::npos) return;
    text.replace(begin + 1, end - begin - 1, token);
  }

  std::mt19937_64 random_;
};

// Requires of a reader: it either reads or says why not.
void require_reason(bool read, const json_input::Diagnostics& diagnostics) {
  if (read != diagnostics.empty()) {
    fail(read ? "read, and refused as well: " + diagnostics.text() : "refused without a reason");
  }
}

void try_scenario(const std::string& path) {
  json_input::Diagnostics diagnostics;
  std::vector<scenarios::Scenario> first;
  const auto file = scenarios::ScenarioFile::load(path, folder.string(), diagnostics,
                                                  [&](std::size_t, scenarios::Scenario scenario) {
                                                    if (first.empty())
                                                      first.push_back(std::move(scenario));
                                                  });
  require_reason(file.has_value(), diagnostics);
  if (!file) return;
  // Memory follows the work that waits; such a load needs no run to be judged.
  constexpr double kMaxCalls = 1e6;
  if (scenarios::expected_calls(first.front()) > kMaxCalls) return;
  const reports::Case result =
      scenarios::run_scenario(first.front(), 1, {.trace_dir = "", .abort = &fuzzing::overdue()});
  if (fuzzing::overdue()) return;  // it was broken off
  for (const reports::Check& check : result.checks) {
    if (check.kind == reports::CheckKind::kInvariant &&
        check.verdict != reports::Verdict::kPassed) {
      fail(fmt::format("{}: {}", check.name, check.observed));
    }
  }
}

/// A kind of file: seeds, and what reads it.
struct Kind {
  std::string name;
  std::vector<std::string> seeds;
  std::function<void(const std::string& path, const std::string& text)> read;
};

std::string content(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<std::string> files_below(const std::string& where, std::string_view suffix) {
  std::vector<fs::path> paths;
  for (const auto& entry :
       fs::recursive_directory_iterator(fs::path(QUINTAIN_SOURCE_DIR) / where)) {
    if (entry.path().string().ends_with(suffix)) paths.push_back(entry.path());
  }
  std::ranges::sort(paths);
  std::vector<std::string> texts;
  for (const fs::path& path : paths) {
    std::string text = content(path);
    if (text.size() <= kMaxSeedBytes) texts.push_back(std::move(text));
  }
  return texts;
}

/// A report of one scenario, and the seeds of its formats.
std::string sample_report() {
  reports::Report report;
  reports::Case& one = report.cases.emplace_back();
  one.name = "a/b[c=d]";
  one.checks.push_back({.name = "x",
                        .expected = "y",
                        .observed = "z",
                        .evidence = {.events = {{std::chrono::nanoseconds(5), "event"}}},
                        .where = reports::Location{"f.json", 3}});
  one.metrics.push_back({.name = "m", .value = 1.5, .unit = "s"});
  report.seeds = {1};
  return *reports::to_json(report);
}

template <class Load>
auto by_document(Load load) {
  return [load](const std::string& path, const std::string& text) {
    json_input::Diagnostics diagnostics;
    const auto document = json_input::Document::parse(path, text, diagnostics);
    require_reason(document && load(*document, diagnostics), diagnostics);
  };
}

std::vector<Kind> kinds() {
  static constexpr std::string_view kCsv =
      "execution_id,function,accepted,ended,status,q10,q50,q90\n"
      "a,f,0.0,1.5,COMPLETED,1.0,1.4,2.0\nb,f,0.5,2.5,FAILED,1.0,2.0,3\n";
  static constexpr std::string_view kLog =
      "app,func,end_timestamp,duration\na,f,10.5,0.5\na,g,11,1\nb,f,12.5,0.25\n";
  static constexpr std::string_view kFunctions =
      R"({"node": {"slots": 3}, "tasks": {"t": {"instances": 4, "functions": {"f": {
          "command": ["a", "b"], "environment": {"Q": "90"}, "working_directory": "d",
          "limits": {"output_bytes": 1000, "open_files": 10}, "stop_signal": "INT"}}}}})";
  static constexpr std::string_view kAccess =
      R"({"identities": {"a": {"token_sha256":
          "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
          "roles": ["read", "invoke"], "calls_per_second": 5, "burst": 20, "open_calls": 3,
          "live_executions": 9},
          "b": {"certificate": "x", "roles": ["admin"]}}})";
  std::vector<Kind> all;
  all.push_back({"scenario", files_below("scenarios/cases", ".json"),
                 [](const std::string& path, const std::string&) { try_scenario(path); }});
  all.back().seeds.push_back(
      content(fs::path(QUINTAIN_SOURCE_DIR) / "scenarios/language/data/every-key.json"));
  all.push_back(
      {"study", files_below("study", "every-key.json"),
       by_document([](const json_input::Document& document, json_input::Diagnostics& diagnostics) {
         return study::read_study(document, diagnostics).has_value();
       })});
  for (const std::string& text : files_below("study/studies", ".json")) {
    all.back().seeds.push_back(text);
  }
  all.push_back({"manifest", files_below("conformance/manifests", ".json"),
                 [](const std::string& path, const std::string&) {
                   json_input::Diagnostics diagnostics;
                   require_reason(conformance::load_manifest(path, diagnostics).has_value(),
                                  diagnostics);
                 }});
  all.push_back(
      {"functions",
       {std::string(kFunctions)},
       by_document([](const json_input::Document& document, json_input::Diagnostics& diagnostics) {
         return read_functions_file(document, diagnostics).has_value();
       })});
  all.push_back(
      {"access",
       {std::string(kAccess)},
       by_document([](const json_input::Document& document, json_input::Diagnostics& diagnostics) {
         return read_access_file(document, diagnostics) != nullptr;
       })});
  all.push_back({"report", {sample_report()}, [](const std::string&, const std::string& text) {
                   const auto report = reports::from_json(text);
                   if (!report.ok() && report.status().message().empty()) fail("no reason");
                 }});
  all.push_back(
      {"cell",
       {study::to_json(study::CellResult{}), sample_report()},
       [](const std::string&, const std::string& text) { (void)study::cell_from_json(text); }});
  all.push_back(
      {"predictions", {std::string(kCsv)}, [](const std::string& path, const std::string& text) {
         json_input::Diagnostics diagnostics;
         study::Notes notes;
         require_reason(
             study::judge_predictions_text(path, text, {}, {}, notes, diagnostics).has_value(),
             diagnostics);
       }});
  all.push_back({"call log", {std::string(kLog)}, [](const std::string& path, const std::string&) {
                   (void)sim::read_call_log(path);
                 }});
  return all;
}

void iterate(const std::vector<Kind>& all, std::uint64_t seed) {
  Mutator mutator(seed);
  const Kind& kind = all[mutator.below(all.size())];
  current_kind = kind.name;
  const std::string& text = kind.seeds[mutator.below(kind.seeds.size())];
  const std::string& other = kind.seeds[mutator.below(kind.seeds.size())];
  const std::string mutated = mutator.mutate(text, other);
  const std::string path = (folder / "input").string();
  std::ofstream(path, std::ios::binary | std::ios::trunc) << mutated;
  try {
    kind.read(path, mutated);
  } catch (const std::exception& error) {
    fail(fmt::format("an exception: {}", error.what()));
  }
}

}  // namespace
}  // namespace quintain::cli::fuzz

int main(int argc, char** argv) {
  using namespace quintain::cli::fuzz;
  std::string pattern = (fs::temp_directory_path() / "input_fuzzer_XXXXXX").string();
  folder = mkdtemp(pattern.data());
  const std::vector<Kind> all = kinds();
  for (const Kind& kind : all) {
    if (kind.seeds.empty()) fail(kind.name + " has no seeds");
  }
  const int code = quintain::fuzzing::run_fuzzer(
      argc, argv, "input_fuzzer", "Reads mutated files as the program would", kLimits,
      [&](std::uint64_t seed) { iterate(all, seed); });
  fs::remove_all(folder);
  return code;
}
