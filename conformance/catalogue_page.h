// The generated page docs/clauses.md: clauses, the cases that judge them, the cores they catch.
#pragma once

#include <string>
#include <vector>

#include "conformance/self_testing.h"

namespace quintain::conformance {

/// The page, in Markdown.
std::string clauses_page(const std::vector<CoreVerdict>& verdicts);

}  // namespace quintain::conformance
