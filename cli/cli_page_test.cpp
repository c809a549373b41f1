#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "cli/program.h"

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

}  // namespace
}  // namespace quintain::cli
