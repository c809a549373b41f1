// What this program is and how it was built.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace quintain::cli {

extern const std::string_view kVersion;

/// Named facts on build and host, for the part of a report that may differ between runs.
std::vector<std::pair<std::string, std::string>> build_facts();

/// The present instant as ISO 8601 in UTC.
std::string utc_now();

}  // namespace quintain::cli
