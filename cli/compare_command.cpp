// `quintain compare`: what became worse, better, new or gone between two reports.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <optional>
#include <string>

#include "cli/console.h"
#include "cli/program.h"
#include "cli/results.h"
#include "reports/comparison.h"
#include "reports/formats.h"

namespace quintain::cli {
namespace {

constexpr std::string_view kCommand = "compare";

struct Arguments {
  std::string base;
  std::string head;
  double threshold_percent = 2;
  double alpha = 0.05;
  std::string json;
  std::string markdown;
  std::string html;
};

int compare(const Arguments& arguments) {
  for (const std::string& path : {arguments.json, arguments.markdown, arguments.html}) {
    if (!path.empty() && !can_write(kCommand, path)) return kBadInput;
  }
  const auto base = read_report(kCommand, arguments.base);
  const auto head = read_report(kCommand, arguments.head);
  if (!base || !head) return kBadInput;
  const reports::Comparison comparison = reports::compare(
      *base, *head, {.alpha = arguments.alpha, .threshold = arguments.threshold_percent / 100});
  // The files first: standard output may be closed.
  bool good = true;
  if (!arguments.json.empty()) {
    good &= write_text(kCommand, reports::comparison_json(comparison), arguments.json);
  }
  if (!arguments.markdown.empty()) {
    good &= write_text(kCommand, reports::comparison_markdown(comparison), arguments.markdown);
  }
  if (!arguments.html.empty()) {
    good &= write_text(kCommand, reports::comparison_html(comparison), arguments.html);
  }
  write_output(reports::render_comparison(comparison));
  if (!good) return kHarnessError;
  return comparison.is_worse() ? kSomethingFailed : kAllHeld;
}

}  // namespace

void add_compare_command(CLI::App& app, int& exit_code) {
  const auto arguments = std::make_shared<Arguments>();
  CLI::App* const command =
      app.add_subcommand("compare", "Say what became worse or better between two reports");
  command->add_option("BASE", arguments->base, "The JSON report (--report) to compare with")
      ->required();
  command->add_option("HEAD", arguments->head, "The JSON report to judge")->required();
  command
      ->add_option("--threshold", arguments->threshold_percent,
                   "Changes of a metric's mean of at most this many percent do not count")
      ->check(number_within(0, 1000))
      ->capture_default_str();
  command
      ->add_option("--alpha", arguments->alpha,
                   "The probability, at most, of a false alarm in any of the metrics")
      ->check(number_within(1e-12, 0.5))
      ->capture_default_str();
  command->add_option("--json", arguments->json, "Write the comparison to this file")
      ->type_name("FILE");
  command
      ->add_option("--markdown", arguments->markdown,
                   "Write it in Markdown, for a comment on a pull request")
      ->type_name("FILE");
  command
      ->add_option("--html", arguments->html,
                   "Write it as a page for a browser, which needs no other file")
      ->type_name("FILE");
  command->footer(
      "Exit code 1: a case or a metric is worse.\n\n"
      "  quintain run scenarios --seeds 1..20 --report head.json\n"
      "  quintain compare base.json head.json --markdown comment.md");
  command->callback([arguments, &exit_code] { exit_code = compare(*arguments); });
}

}  // namespace quintain::cli
