#include "cli/commit.h"
#include "cli/program.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <ctime>
#include <thread>

namespace quintain::cli {

const std::string_view kVersion = QUINTAIN_VERSION;

std::string version_text() {
  const std::string_view sanitizers = QUINTAIN_SANITIZERS;
  return fmt::format("quintain {} (commit {}, {}, {}{}{})", kVersion, QUINTAIN_COMMIT,
                     QUINTAIN_BUILD_TYPE, QUINTAIN_COMPILER, sanitizers.empty() ? "" : ", with ",
                     sanitizers);
}

std::vector<std::pair<std::string, std::string>> build_facts() {
  return {{"build_type", QUINTAIN_BUILD_TYPE},
          {"commit", QUINTAIN_COMMIT},
          {"compiler", QUINTAIN_COMPILER},
          {"cores", std::to_string(std::thread::hardware_concurrency())},
          {"sanitizers", QUINTAIN_SANITIZERS}};
}

std::string utc_now() {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)));
}

}  // namespace quintain::cli
