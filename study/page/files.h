// The files that the build embeds into the program for the page.
#pragma once

#include <string_view>

namespace quintain::study::page_files {

/// page.html, page.css, and the concatenated pieces of script/.
std::string_view template_text();
std::string_view style();
std::string_view script();

}  // namespace quintain::study::page_files
