// The files that the build embeds into the program for the page of a report.
#pragma once

#include <string_view>

namespace quintain::page_files {

/// page.html, the style sheets, and the concatenated pieces of the script.
std::string_view template_text();
std::string_view style();
std::string_view script();

}  // namespace quintain::page_files
