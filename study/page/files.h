// The files that the build puts into the program for the page.
#pragma once

#include <string_view>

namespace quintain::study::page_files {

/// page.html, page.css, and the pieces of script/ in one.
std::string_view template_text();
std::string_view style();
std::string_view script();

/// The plotting library, with a loader around its modules.
std::string_view plotting_library();

/// Under which licences it may be copied.
std::string_view licences();

}  // namespace quintain::study::page_files
