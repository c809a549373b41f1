// The generated faults in the report of the self-test and on docs/clauses.md.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>

#include "conformance/mutation/mutation_testing.h"

namespace quintain::conformance {
namespace {

struct Count {
  int caught = 0;
  int free = 0;
  std::vector<std::string> missed{};

  int all() const { return caught + free + static_cast<int>(missed.size()); }
};

// By message and method, in the order of the .proto file.
std::vector<std::pair<std::string_view, Count>> counts(
    const std::vector<MutationVerdict>& verdicts) {
  std::vector<std::pair<std::string_view, Count>> all;
  for (const MutationVerdict& verdict : verdicts) {
    const std::string_view subject = subject_of(*verdict.mutation);
    auto found = std::ranges::find(all, subject, &std::pair<std::string_view, Count>::first);
    if (found == all.end()) found = all.insert(all.end(), {subject, Count()});
    Count& count = found->second;
    if (verdict.missed()) {
      count.missed.push_back(verdict.mutation->name);
    } else {
      ++(verdict.caught() ? count.caught : count.free);
    }
  }
  return all;
}

// The faults that an entry of the free list lets pass.
int passes(const FreeMutations& entry, const std::vector<MutationVerdict>& verdicts) {
  return static_cast<int>(std::ranges::count_if(verdicts, [&](const MutationVerdict& verdict) {
    return !verdict.caught() && verdict.free == &entry;
  }));
}

}  // namespace

reports::Case to_report(const std::vector<MutationVerdict>& verdicts) {
  reports::Case report{.name = "self-test/generated-faults",
                       .reproduce = "quintain conform --self-test"};
  for (const auto& [subject, count] : counts(verdicts)) {
    std::string observed = fmt::format("{} caught, {} free", count.caught, count.free);
    if (!count.missed.empty()) {
      observed +=
          fmt::format(", {} missed: {}", count.missed.size(), fmt::join(count.missed, ", "));
    }
    report.checks.push_back(
        {.name = std::string(subject),
         .kind = reports::CheckKind::kClause,
         .verdict = count.missed.empty() ? reports::Verdict::kPassed : reports::Verdict::kFailed,
         .expected = fmt::format("a clause catches each of the {} generated faults, or it is free",
                                 count.all()),
         .observed = std::move(observed)});
  }
  return report;
}

std::string generated_faults_section(const std::vector<MutationVerdict>& verdicts) {
  Count sum;
  std::string table;
  for (const auto& [subject, count] : counts(verdicts)) {
    table += fmt::format("| {} | {} | {} | {} |\n", subject, count.all(), count.caught, count.free);
    sum.caught += count.caught;
    sum.free += count.free;
    sum.missed.insert(sum.missed.end(), count.missed.begin(), count.missed.end());
  }
  std::string text = fmt::format(
      "## Generated faults\n\n"
      "{} faults are generated from the messages and methods of the contract. {} are caught, {} "
      "are "
      "free,\n"
      "{} are missed. `quintain mutate --list` shows them all.\n\n"
      "| message or method | faults | caught | free |\n|---|---|---|---|\n{}\n",
      sum.all(), sum.caught, sum.free, sum.missed.size(), table);
  text +=
      "A free fault is one that the contract allows, or that no client can see:\n\n"
      "| faults | how many pass | why |\n|---|---|---|\n";
  for (const FreeMutations& entry : free_mutations()) {
    text +=
        fmt::format("| `{}` | {} | {} |\n", entry.pattern, passes(entry, verdicts), entry.reason);
  }
  return text;
}

}  // namespace quintain::conformance
