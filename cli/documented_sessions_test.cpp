// The sessions that pages show, a command and its output, are what the program prints.
//
// A session is a fenced block whose first line starts with "$ ". A fenced block after a line that
// ends with "`my/NAME`:" is a file that the page tells its reader to save. A comment before a block
// says how it is treated: "<!-- not replayed: WHY -->", or "<!-- not compared: WHY -->", for one
// that takes long: it is only written anew.
//
// QUINTAIN_WRITE_PAGES=1 writes the outputs into the pages instead of comparing them.
#include <absl/strings/str_join.h>
#include <absl/strings/str_split.h>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <regex>
#include <string>
#include <vector>

#include "cli/testing/program_test.h"

namespace quintain::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kWidth = 100;

bool write_pages() { return std::getenv("QUINTAIN_WRITE_PAGES") != nullptr; }

// Breaks a line at spaces; what follows a break is indented by four more.
std::vector<std::string> wrapped(std::string line) {
  std::vector<std::string> lines;
  const std::string indent(std::min(line.find_first_not_of(' '), line.size()) + 4, ' ');
  while (line.size() > kWidth) {
    std::size_t end = line.rfind(' ', kWidth);
    if (end == std::string::npos || end < indent.size() + kWidth / 2) end = kWidth;
    lines.push_back(line.substr(0, end));
    line = indent + line.substr(line[end] == ' ' ? end + 1 : end);
  }
  lines.push_back(std::move(line));
  return lines;
}

// The output without what differs between two runs of a live target, and without the line breaks.
std::string comparable(const std::string& output, bool live) {
  std::string text = output;
  if (live) {
    text = std::regex_replace(text, std::regex(R"(\d{4}-\d\d-\d\dT[\d:.]+Z)"), "TIME");
    text = std::regex_replace(text, std::regex(R"(\b\d+(\.\d+)?(ns|us|ms|s)\b)"), "TIME");
    text = std::regex_replace(text, std::regex(R"(q[0-9a-f]{8}-)"), "qID-");
    text = std::regex_replace(text, std::regex(R"(\b\d+ checks?)"), "CHECKS");
  }
  std::erase_if(text, [](unsigned char c) { return std::isspace(c) != 0; });
  return text;
}

class DocumentedSessions : public ProgramTest, public testing::WithParamInterface<const char*> {
 protected:
  // The output of a command, then its errors, without the lines about progress and the time of a
  // run.
  std::string output_of(const std::string& command) {
    write("command.sh", command);
    const std::string line =
        fmt::format("cd '{}' && PATH='{}':\"$PATH\" bash command.sh >out.txt 2>err.txt </dev/null",
                    folder_.string(), fs::path(QUINTAIN_PROGRAM).parent_path().string());
    [[maybe_unused]] const int status = std::system(line.c_str());
    static const std::regex kNotShown(R"((\d+\.\d+ s(, [^\n]*)?|\d+ of \d+ \w+, [^\n]*)\n)");
    return read(folder_ / "out.txt") + std::regex_replace(read(folder_ / "err.txt"), kNotShown, "");
  }
};

TEST_P(DocumentedSessions, AreWhatTheProgramPrints) {
  const fs::path source(QUINTAIN_SOURCE_DIR);
  const fs::path page = source / GetParam();
  for (const char* name : {"scenarios", "study", "conformance", "proto"}) {
    fs::create_directory_symlink(source / name, folder_ / name);
  }
  fs::create_directory(folder_ / "my");

  const std::vector<std::string> lines = absl::StrSplit(read(page), '\n');
  static const std::regex kFile(R"(.*`(my/[^`]+)`:)");
  std::vector<std::string> now;
  std::string marker;
  std::string text_before;
  std::size_t compared = 0;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    now.push_back(lines[i]);
    if (!lines[i].starts_with("```")) {
      if (lines[i].starts_with("<!-- not ")) marker = lines[i];
      if (!lines[i].empty()) text_before = lines[i];
      continue;
    }
    std::vector<std::string> block;
    for (++i; i < lines.size() && lines[i] != "```"; ++i) block.push_back(lines[i]);
    const bool session = !block.empty() && block.front().starts_with("$ ");
    std::smatch name;
    if (!session || marker.starts_with("<!-- not replayed")) {
      if (std::regex_match(text_before, name, kFile)) {
        write(name[1].str(), absl::StrJoin(block, "\n") + "\n");
      }
      now.insert(now.end(), block.begin(), block.end());
    } else if (write_pages() || marker.empty()) {
      for (std::size_t k = 0; k < block.size();) {
        std::string command = block[k].substr(2);
        now.push_back(block[k]);
        while (command.ends_with('\\')) {
          command += '\n' + block[++k];
          now.push_back(block[k]);
        }
        std::vector<std::string> shown;
        for (++k; k < block.size() && !block[k].starts_with("$ "); ++k) shown.push_back(block[k]);
        const std::string output = output_of(command);
        if (write_pages()) {
          std::vector<std::string> printed = absl::StrSplit(output, '\n');
          if (printed.back().empty()) printed.pop_back();
          for (std::string& line : printed) {
            for (std::string& part : wrapped(std::move(line))) now.push_back(std::move(part));
          }
        } else {
          const bool live = command.find("conform") != std::string::npos;
          EXPECT_EQ(comparable(absl::StrJoin(shown, "\n"), live), comparable(output, live))
              << GetParam() << ": $ " << command << "\nprints\n"
              << output << "\nand the page shows\n"
              << absl::StrJoin(shown, "\n");
          ++compared;
        }
      }
    } else {
      now.insert(now.end(), block.begin(), block.end());
    }
    if (i < lines.size()) now.push_back(lines[i]);
    marker.clear();
    text_before.clear();
  }
  if (write_pages()) {
    std::ofstream(page) << absl::StrJoin(now, "\n");
  } else {
    EXPECT_GE(compared, 2);
  }
}

INSTANTIATE_TEST_SUITE_P(Pages, DocumentedSessions,
                         testing::Values("README.md", "docs/tutorial.md"), [](const auto& page) {
                           return page.param == std::string_view("README.md") ? "Readme"
                                                                              : "Tutorial";
                         });

}  // namespace
}  // namespace quintain::cli
