#include "reports/outline.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

namespace quintain::reports {
namespace {

// The length of the top folder with its slash; 0 without one. A slash in the matrix's point is
// none.
std::size_t folder_length(std::string_view name) {
  return name.substr(0, name.find('[')).find('/') + 1;
}

}  // namespace

std::vector<CaseGroup> group_by_folder(const Report& report) {
  std::vector<CaseGroup> groups;
  for (const Case& c : report.cases) {
    const std::size_t length = folder_length(c.name);
    const std::string folder = c.name.substr(0, length == 0 ? 0 : length - 1);
    auto group = std::ranges::find(groups, folder, &CaseGroup::name);
    if (group == groups.end()) group = groups.insert(groups.end(), {folder, {}});
    group->cases.push_back(&c);
  }
  return groups;
}

std::string name_in_group(const Case& c, const Report& report) {
  const std::string name = c.name.substr(folder_length(c.name));
  return report.seeds.size() > 1 ? fmt::format("{} seed={}", name, c.seed) : name;
}

std::string headline(const Case& c) {
  switch (outcome_of(c)) {
    case Outcome::kPassed:
      return "";
    case Outcome::kSkipped:
      return c.skip_reason;
    case Outcome::kError:
      return error_text(c);
    case Outcome::kKnownFailure:
      return "known failure: " + c.known_failure;
    case Outcome::kUnexpectedPass:
      return "passes, so it is no longer a known failure: " + c.known_failure;
    case Outcome::kFailed:
      break;
  }
  const auto failed = std::ranges::find(c.checks, Verdict::kFailed, &Check::verdict);
  const std::string first = failed->observed.substr(0, failed->observed.find('\n'));
  return fmt::format("{}: {}", failed->name, first);
}

}  // namespace quintain::reports
