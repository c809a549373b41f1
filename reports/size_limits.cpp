#include "reports/size_limits.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

namespace quintain::reports {
namespace {

/// What a check and an event take in a file beside their texts: names of members, quotes, indent.
constexpr std::size_t kOverhead = 100;

std::size_t size_of(char c) {
  // The next line is indented.
  if (c == '\n') return 32;
  const auto byte = static_cast<unsigned char>(c);
  const bool escaped = byte < 0x20 || byte >= 0x7f || c == '"' || c == '\\' || c == '<' ||
                       c == '>' || c == '&' || c == '\'';
  return escaped ? 6 : 1;
}

std::size_t size_of(const std::string& text) {
  std::size_t size = 0;
  for (const char c : text) size += size_of(c);
  return size;
}

/// Counts what is written against several limits. `parent` may be nullptr.
class Budget {
 public:
  Budget(std::size_t limit, Budget* parent) : left_(limit), parent_(parent) {}

  std::size_t left() const { return parent_ == nullptr ? left_ : std::min(left_, parent_->left()); }
  void spend(std::size_t size) {
    left_ -= std::min(left_, size);
    if (parent_ != nullptr) parent_->spend(size);
  }

 private:
  std::size_t left_;
  Budget* parent_;
};

void limit(std::string& text, const SizeLimits& limits, Budget& budget) {
  text = shortened(std::move(text), std::clamp(budget.left(), limits.least, limits.text));
  budget.spend(size_of(text));
}

void limit(Evidence& evidence, const SizeLimits& limits, Budget& of_case) {
  Budget budget(limits.check, &of_case);
  std::size_t kept = 0;
  for (Event& event : evidence.events) {
    event.text = shortened(std::move(event.text), limits.text);
    const std::size_t size = size_of(event.text) + kOverhead;
    if (size > budget.left()) break;
    budget.spend(size);
    ++kept;
  }
  evidence.omitted += static_cast<std::int64_t>(evidence.events.size() - kept);
  evidence.events.resize(kept);
}

}  // namespace

std::string shortened(std::string text, std::size_t most) {
  std::size_t size = 0;
  std::size_t end = 0;
  while (end < text.size() && size + size_of(text[end]) <= most) size += size_of(text[end++]);
  if (end == text.size()) return text;
  // A UTF-8 character has at most 3 bytes after its first.
  for (int i = 0; i < 3 && end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80; ++i) {
    --end;
  }
  return fmt::format("{}... ({} bytes)", text.substr(0, end), text.size());
}

void limit_size(Report& report, const SizeLimits& limits) {
  Budget whole(limits.report, nullptr);
  for (Case& one : report.cases) {
    Budget budget(limits.one_case, &whole);
    for (std::string* text : {&one.skip_reason, &one.not_judged_reason, &one.error_message}) {
      limit(*text, limits, budget);
    }
    for (Check& check : one.checks) {
      budget.spend(2 * kOverhead);
      for (std::string* text : {&check.name, &check.expected, &check.observed}) {
        limit(*text, limits, budget);
      }
      limit(check.evidence, limits, budget);
    }
  }
}

}  // namespace quintain::reports
