#include "cli/program.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <ctime>
#include <thread>

namespace quintain::cli {

const std::string_view kVersion = QUINTAIN_VERSION;

std::vector<std::pair<std::string, std::string>> build_facts() {
  return {{"build_type", QUINTAIN_BUILD_TYPE},
          {"compiler", QUINTAIN_COMPILER},
          {"cores", std::to_string(std::thread::hardware_concurrency())},
          {"sanitizers", QUINTAIN_SANITIZERS}};
}

std::string utc_now() {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)));
}

}  // namespace quintain::cli
