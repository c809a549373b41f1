#include <gtest/gtest.h>

#include <cctype>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "cli/program.h"
#include "study/report/study_goals.h"
#include "study/report/study_json.h"

namespace quintain::cli {
namespace {

// QUINTAIN_WRITE_PAGES=1 writes the page instead.
TEST(CliPage, IsWhatTheProgramPrintsAsHelp) {
  const std::string path = QUINTAIN_SOURCE_DIR "/docs/cli.md";
  if (std::getenv("QUINTAIN_WRITE_PAGES") != nullptr) std::ofstream(path) << cli_page();
  std::stringstream page;
  page << std::ifstream(path).rdbuf();
  EXPECT_EQ(page.str(), cli_page());
}

TEST(CliPage, HasNoControlCharacters) {
  for (const char c : cli_page()) {
    ASSERT_TRUE(c == '\n' || !std::iscntrl(static_cast<unsigned char>(c))) << static_cast<int>(c);
  }
}

const std::string kSource = QUINTAIN_SOURCE_DIR;

std::string text_of(const std::string& path) {
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

// The text between a pair of comments in a page. With QUINTAIN_WRITE_PAGES=1 it is replaced first.
std::string section(const std::string& path, const std::string& name, const std::string& wanted) {
  std::string page = text_of(path);
  const std::string start = "<!-- goals: " + name + " -->\n";
  const std::size_t from = page.find(start);
  const std::size_t to = page.find("<!-- end -->", from);
  if (from == std::string::npos || to == std::string::npos) return "no section " + name;
  const std::size_t first = from + start.size();
  if (std::getenv("QUINTAIN_WRITE_PAGES") != nullptr) {
    std::ofstream(path) << page.replace(first, to - first, wanted);
    return wanted;
  }
  return page.substr(first, to - first);
}

TEST(CliPage, TheGoalsThatAreMissedAreThoseOfTheKeptReports) {
  std::vector<study::StudyReport> reports;
  for (const std::string name : {"eta", "real"}) {
    const auto report =
        study::study_from_json(text_of(kSource + "/study/studies/results/" + name + ".goals.json"));
    ASSERT_TRUE(report.ok()) << name << ": " << report.status();
    const std::string wanted = study::render_goals(*report);
    EXPECT_EQ(section(kSource + "/docs/eta.md", name, wanted), wanted);
    reports.push_back(*report);
  }
  const std::string wanted = study::render_goals_sentence(reports) + "\n";
  EXPECT_EQ(section(kSource + "/README.md", "all", wanted), wanted);
}

}  // namespace
}  // namespace quintain::cli
