#include "reports/json_input/diagnostics.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <utility>

namespace quintain::json_input {

std::string Diagnostic::text() const {
  std::string text = file;
  if (line > 0) text += fmt::format(":{}", line);
  if (!pointer.empty()) text += fmt::format(": {}", pointer);
  return text + ": " + message;
}

void Diagnostics::add(Diagnostic diagnostic) {
  if (std::find(kept_.begin(), kept_.end(), diagnostic) != kept_.end()) return;
  if (full()) {
    add_uncollected();
  } else {
    kept_.push_back(std::move(diagnostic));
  }
}

void Diagnostics::add_all(const Diagnostics& others) {
  for (const Diagnostic& diagnostic : others.kept_) add(diagnostic);
  not_kept_ += others.not_kept_;
}

std::vector<Diagnostic> Diagnostics::sorted() const {
  std::vector<Diagnostic> sorted = kept_;
  std::stable_sort(sorted.begin(), sorted.end(), [](const Diagnostic& a, const Diagnostic& b) {
    return std::tie(a.file, a.line) < std::tie(b.file, b.line);
  });
  return sorted;
}

std::string Diagnostics::text() const {
  std::string text;
  for (const Diagnostic& diagnostic : sorted()) text += diagnostic.text() + "\n";
  if (not_kept_ > 0) text += fmt::format("and {} more\n", not_kept_);
  return text;
}

}  // namespace quintain::json_input
