#include "cli/conform_command.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <google/protobuf/stubs/logging.h>
#include <sys/random.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "cli/build_info.h"
#include "cli/command.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "conformance/case.h"
#include "conformance/catalogue_page.h"
#include "conformance/faulty/faulty_core.h"
#include "conformance/fixtures/reference_node.h"
#include "conformance/judgement/clauses/clause.h"
#include "conformance/live/grpc_transport.h"
#include "conformance/live/spawn.h"
#include "conformance/manifest.h"
#include "conformance/reference_manifest.h"
#include "conformance/self_testing.h"
#include "conformance/sim_transport.h"
#include "conformance/suite.h"
#include "conformance/verdicts.h"
#include "conformance/wire/descriptor_source.h"
#include "reports/ctrf.h"
#include "reports/json_input/diagnostics.h"
#include "reports/json_input/document.h"
#include "reports/junit.h"

namespace quintain::cli {
namespace {

using conformance::Case;

constexpr std::string_view kCommand = "conform";
constexpr int kMaxJobs = 256;

struct Arguments {
  std::string transport;
  std::string target;
  std::string spawn;
  std::string manifest;
  std::string profile;
  std::string faulty;
  std::string proto;
  std::string descriptor_set;
  std::vector<std::string> only;
  std::vector<std::string> skip;
  std::string known_failing;
  bool strict = false;
  bool list = false;
  bool self_test = false;
  std::string markdown;
  int jobs = 0;
  std::string report;
  std::string junit;
  std::string ctrf;
  std::string tls_ca;
  std::string tls_cert;
  std::string tls_key;
};

void print_error(std::string_view what) { cli::print_error(kCommand, what); }

bool is_live(const Arguments& arguments) {
  return !arguments.target.empty() || !arguments.spawn.empty();
}

// Whether the words are consistent; complains of everything that is not.
bool validate_arguments(const Arguments& arguments) {
  bool good = true;
  const auto problem = [&](std::string_view what) {
    print_error(what);
    good = false;
  };
  if (arguments.self_test) {
    if (is_live(arguments) || !arguments.transport.empty()) {
      problem(
          "--self-test judges the suite in virtual time; it takes no --transport, --target or "
          "--spawn");
    }
  } else if (!arguments.list && arguments.transport.empty() && !is_live(arguments)) {
    problem(
        "what is to be judged? --transport sim, --target ADDRESS, --spawn COMMAND or --self-test");
  }
  if (!arguments.transport.empty() && is_live(arguments)) {
    problem("--transport sim and a live target exclude each other");
  }
  if (!arguments.transport.empty() && !arguments.manifest.empty()) {
    problem(
        "--transport sim judges the reference node, whose manifest is built in; drop --manifest");
  }
  if (!arguments.profile.empty() && !is_live(arguments)) {
    problem("--profile is for a live target; in virtual time there is one wire, the contract's");
  }
  if (!arguments.markdown.empty() && !arguments.self_test) {
    problem("--markdown writes what the self-test found; it needs --self-test");
  }
  if (!arguments.faulty.empty()) {
    if (arguments.transport.empty())
      problem("--faulty is for --transport sim; a server takes it as `quintain serve --faulty`");
    if (conformance::find_faulty_core(arguments.faulty) == nullptr) {
      std::vector<std::string_view> names;
      for (const auto& core : conformance::faulty_cores()) names.push_back(core.name);
      problem(fmt::format("there is no faulty core '{}'; there is: {}", arguments.faulty,
                          fmt::join(names, ", ")));
    }
  }
  if (!arguments.proto.empty() && !arguments.descriptor_set.empty()) {
    problem("--proto and --descriptor-set exclude each other");
  }
  for (const std::string& path :
       {arguments.report, arguments.junit, arguments.ctrf, arguments.markdown}) {
    if (!path.empty() && !can_write(kCommand, path)) good = false;
  }
  return good;
}

// A word of --only or --skip names a clause or matches a case's name.
bool chosen_by(const Case& one, const std::string& word) {
  return matches(std::string(one.name), word) ||
         std::any_of(one.clauses.begin(), one.clauses.end(),
                     [&](std::string_view clause) { return matches(std::string(clause), word); });
}

std::optional<std::vector<const Case*>> choose_cases(const Arguments& arguments) {
  const auto any = [](const Case& one, const std::vector<std::string>& words) {
    return std::any_of(words.begin(), words.end(),
                       [&](const std::string& word) { return chosen_by(one, word); });
  };
  std::vector<const Case*> chosen;
  for (const Case& one : conformance::all_cases()) {
    if ((arguments.only.empty() || any(one, arguments.only)) && !any(one, arguments.skip)) {
      chosen.push_back(&one);
    }
  }
  bool good = true;
  for (const auto* words : {&arguments.only, &arguments.skip}) {
    for (const std::string& word : *words) {
      const auto cases = conformance::all_cases();
      if (std::none_of(cases.begin(), cases.end(),
                       [&](const Case& one) { return chosen_by(one, word); })) {
        print_error(
            fmt::format("'{}' names no clause and matches no case; --list shows both", word));
        good = false;
      }
    }
  }
  if (!good) return std::nullopt;
  if (chosen.empty()) {
    print_error("no case is left by --only and --skip");
    return std::nullopt;
  }
  return chosen;
}

void list(const std::vector<const Case*>& cases) {
  for (const Case* one : cases) {
    fmt::print("{}: {} [{}]\n", one->name, one->about, fmt::join(one->clauses, ", "));
  }
}

std::optional<conformance::Manifest> the_manifest(const Arguments& arguments) {
  conformance::Manifest manifest = conformance::reference_manifest();
  if (!arguments.manifest.empty()) {
    json_input::Diagnostics diagnostics;
    const auto loaded = conformance::load_manifest(arguments.manifest, diagnostics);
    if (!loaded) {
      fmt::print(stderr, "{}", diagnostics.text());
      return std::nullopt;
    }
    manifest = *loaded;
  }
  if (!arguments.profile.empty()) {
    manifest.profile = arguments.profile;
    if (conformance::find_profile(arguments.profile) == nullptr) {
      print_error(fmt::format("there is no profile '{}'; there is: {}", arguments.profile,
                              fmt::join(conformance::profile_names(), ", ")));
      return std::nullopt;
    }
  }
  return manifest;
}

// The text of a file; an empty one for no file. Nothing after complaining.
std::optional<std::string> text_of(const std::string& path) {
  if (path.empty()) return std::string();
  json_input::Diagnostics diagnostics;
  auto text = json_input::read_file(path, diagnostics);
  if (!text) fmt::print(stderr, "{}", diagnostics.text());
  return text;
}

// Two runs against one target must not meet in an execution id.
std::string new_run_id() {
  std::uint32_t bits = 0;
  if (getrandom(&bits, sizeof bits, 0) != sizeof bits) {
    bits = static_cast<std::uint32_t>(std::chrono::system_clock::now().time_since_epoch().count());
  }
  return fmt::format("q{:08x}", bits);
}

std::string quoted(const std::string& word) {
  if (word.find_first_of(" '\"$*?[\\") == std::string::npos) return word;
  std::string text = "'";
  for (const char c : word) text += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return text + "'";
}

// The command, as far as it says what is judged and how.
std::string command_line(const Arguments& arguments) {
  std::string command = "quintain conform";
  const auto add = [&](std::string_view option, const std::string& value) {
    if (!value.empty()) command += fmt::format(" {} {}", option, quoted(value));
  };
  if (arguments.self_test) command += " --self-test";
  add("--transport", arguments.transport);
  add("--faulty", arguments.faulty);
  add("--target", arguments.target);
  add("--spawn", arguments.spawn);
  add("--manifest", arguments.manifest);
  add("--profile", arguments.profile);
  add("--proto", arguments.proto);
  add("--descriptor-set", arguments.descriptor_set);
  add("--tls-ca", arguments.tls_ca);
  add("--tls-cert", arguments.tls_cert);
  add("--tls-key", arguments.tls_key);
  if (arguments.strict) command += " --strict";
  return command;
}

reports::Report new_report(const Arguments& arguments) {
  reports::Report report;
  report.tool_version = kVersion;
  report.command = command_line(arguments);
  report.wall_clock.started_at = utc_now();
  report.wall_clock.jobs = arguments.jobs;
  report.wall_clock.environment = build_facts();
  return report;
}

bool write_all(const Arguments& arguments, const reports::Report& report) {
  bool good = true;
  if (!arguments.report.empty()) good &= write_json(kCommand, report, arguments.report);
  if (!arguments.junit.empty()) {
    good &= write_text(kCommand, reports::to_junit(report), arguments.junit);
  }
  if (!arguments.ctrf.empty()) {
    good &= write_text(kCommand, reports::to_ctrf(report), arguments.ctrf);
  }
  return good;
}

int finish(const Arguments& arguments, reports::Report report,
           std::chrono::steady_clock::time_point began) {
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  report.wall_clock.duration_seconds = took.count();
  print_report(report);
  fmt::print(stderr, "{:.2f} s\n", took.count());
  if (!write_all(arguments, report)) return kHarnessError;
  return reports::exit_code(reports::verdict_of(report));
}

int run_self_test(const Arguments& arguments) {
  const auto began = std::chrono::steady_clock::now();
  reports::Report report = new_report(arguments);
  Progress progress;
  const auto verdicts = conformance::run_self_test(
      arguments.jobs, [&](std::size_t done, std::size_t of) { progress.show(done, of); });
  progress.clear();
  report.cases = conformance::to_report(verdicts);
  if (!arguments.markdown.empty() &&
      !write_text(kCommand, conformance::clauses_page(verdicts), arguments.markdown)) {
    return kHarnessError;
  }
  return finish(arguments, std::move(report), began);
}

// What a live target is said to serve, by --proto or --descriptor-set; nothing: it is asked.
bool read_descriptor(const Arguments& arguments, conformance::LiveOptions& options) {
  if (arguments.proto.empty() && arguments.descriptor_set.empty()) return true;
  auto files = arguments.proto.empty() ? conformance::load_descriptor_set(arguments.descriptor_set)
                                       : conformance::load_proto(arguments.proto);
  if (!files.ok()) {
    print_error(std::string(files.status().message()));
    return false;
  }
  options.descriptor = *std::move(files);
  return true;
}

bool read_tls(const Arguments& arguments, conformance::LiveOptions& options) {
  if (arguments.tls_ca.empty() && arguments.tls_cert.empty() && arguments.tls_key.empty()) {
    return true;
  }
  const auto authorities = text_of(arguments.tls_ca);
  const auto certificate = text_of(arguments.tls_cert);
  const auto key = text_of(arguments.tls_key);
  if (!authorities || !certificate || !key) return false;
  options.tls = {.authorities = *authorities, .certificate = *certificate, .key = *key};
  return true;
}

// A live target, and its process if we started it.
struct Live {
  std::unique_ptr<conformance::SpawnedServer> process;
  std::optional<conformance::LiveTarget> target;
};

// Nothing after complaining.
std::optional<Live> reach(const Arguments& arguments, const conformance::Manifest& manifest) {
  conformance::LiveOptions options{.address = arguments.target,
                                   .slack = manifest.policies.grace,
                                   .status_endpoint_http = manifest.policies.status_endpoint_http};
  if (!read_descriptor(arguments, options) || !read_tls(arguments, options)) return std::nullopt;
  Live live;
  if (!arguments.spawn.empty()) {
    auto server = conformance::SpawnedServer::start(
        {.command = arguments.spawn, .address = arguments.target, .tls = options.tls});
    if (!server.ok()) {
      print_error(std::string(server.status().message()));
      return std::nullopt;
    }
    live.process = *std::move(server);
    options.address = live.process->address();
    if (options.status_endpoint_http.empty()) {
      options.status_endpoint_http = live.process->http_base();
    }
  }
  auto target = conformance::LiveTarget::of(std::move(options));
  if (!target.ok()) {
    print_error(std::string(target.status().message()));
    return std::nullopt;
  }
  live.target = *std::move(target);
  return live;
}

// Whether anybody answers there; what, does not matter.
bool answers(const conformance::LiveTarget& target) {
  const auto transport = target.make_arm();
  std::optional<absl::Status> ended;
  transport->start({.path = "/grpc.health.v1.Health/Check",
                    .on_message = [](const std::string&) {},
                    .on_end = [&](absl::Status status) { ended = std::move(status); }});
  transport->run_until(transport->now() + std::chrono::seconds(10),
                       [&] { return ended.has_value(); });
  if (ended && !absl::IsUnavailable(*ended)) return true;
  print_error(fmt::format("nobody answers at {}: {}", target.address(),
                          ended ? std::string(ended->message()) : "no answer within 10 s"));
  return false;
}

int judge(const Arguments& arguments) {
  const auto cases = choose_cases(arguments);
  if (!cases) return kBadInput;
  if (arguments.list) {
    list(*cases);
    return kAllHeld;
  }
  const auto manifest = the_manifest(arguments);
  if (!manifest) return kBadInput;
  const auto known_text = text_of(arguments.known_failing);
  if (!known_text) return kBadInput;

  conformance::SuiteOptions options{.manifest = &*manifest,
                                    .profile = conformance::find_profile(manifest->profile),
                                    .virtual_time = !is_live(arguments),
                                    .jobs = arguments.jobs};
  std::optional<Live> live;
  if (is_live(arguments)) {
    live = reach(arguments, *manifest);
    if (!live || !answers(*live->target)) return kBadInput;
    options.connect = [&live] { return live->target->make_arm(); };
    options.run_id = new_run_id();
  } else {
    const auto* faulty = conformance::find_faulty_core(arguments.faulty);
    options.connect = [faulty] {
      return conformance::make_sim_arm(conformance::reference_node(), faulty);
    };
  }

  const auto began = std::chrono::steady_clock::now();
  reports::Report report = new_report(arguments);
  Progress progress;
  options.progress = [&](std::size_t done, std::size_t of) { progress.show(done, of); };
  const auto results = conformance::run_suite(*cases, options);
  progress.clear();
  for (const auto& result : results) {
    report.cases.push_back(
        conformance::to_report(result, {.strict = arguments.strict, .command = report.command}));
  }
  conformance::apply(conformance::parse_known_failing(arguments.known_failing, *known_text),
                     matches, report.cases);
  return finish(arguments, std::move(report), began);
}

int conform(const Arguments& arguments) {
  // Cases send bytes that are no message; the library's complaints are not the verdict.
  google::protobuf::SetLogHandler(nullptr);
  if (!validate_arguments(arguments)) return kBadInput;
  return arguments.self_test ? run_self_test(arguments) : judge(arguments);
}

}  // namespace

void add_conform_command(CLI::App& app, int& exit_code) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command =
      app.add_subcommand("conform", "Judge an implementation of the contract, clause by clause");
  command->add_option("--transport", arguments->transport, "sim: our own core, in virtual time")
      ->check(CLI::IsMember({"sim"}));
  command->add_option("--target", arguments->target, "A live server: HOST:PORT or unix:PATH");
  command->add_option("--spawn", arguments->spawn,
                      "Start this command, judge the server that it is, stop it. Its address is "
                      "--target, or a line 'listening on ADDRESS' on its standard output");
  command->add_option("--manifest", arguments->manifest,
                      "What the target says of itself: fixtures, facts, policies, profile "
                      "(default: the reference node's)");
  command->add_option("--profile", arguments->profile,
                      "The wire profile, instead of the manifest's");
  command->add_option("--faulty", arguments->faulty,
                      "With --transport sim: the core with this fault");
  command->add_option("--proto", arguments->proto,
                      "The target's .proto, for WIRE-1, instead of server reflection");
  command->add_option("--descriptor-set", arguments->descriptor_set,
                      "The target's FileDescriptorSet, for WIRE-1, instead of server reflection");
  command->add_option("--only", arguments->only,
                      "Only cases of this name, pattern or clause; may be given again");
  command->add_option("--skip", arguments->skip, "Not these; may be given again");
  command->add_option("--known-failing", arguments->known_failing,
                      "A file of cases that may fail, one a line; one that passes fails the run");
  command->add_flag("--strict", arguments->strict, "A broken SHOULD fails instead of warning");
  command->add_flag("--list", arguments->list, "Show the cases and run nothing");
  command->add_flag("--self-test", arguments->self_test,
                    "Judge the suite: the good core must pass, every faulty one must be caught");
  command->add_option("--markdown", arguments->markdown,
                      "With --self-test: write the table of clauses, cases and faulty cores");
  command->add_option("--jobs", arguments->jobs, "Cases that run at once")
      ->check(CLI::Range(1, kMaxJobs));
  command->add_option("--report", arguments->report, "Write the JSON report to this file");
  command->add_option("--junit", arguments->junit, "Write JUnit XML to this file");
  command->add_option("--ctrf", arguments->ctrf, "Write CTRF JSON to this file");
  command->add_option("--tls-ca", arguments->tls_ca, "Speak TLS and trust this PEM file");
  command->add_option("--tls-cert", arguments->tls_cert, "The client's certificate (PEM)");
  command->add_option("--tls-key", arguments->tls_key, "Its key (PEM)");
  command->footer(
      "Examples:\n"
      "  quintain conform --target localhost:50051          a server that plays the fixtures\n"
      "  quintain conform --target unix:/run/spear.sock --manifest spear.json\n"
      "  quintain conform --spawn 'quintain serve --fixtures --listen 127.0.0.1:0'\n"
      "  quintain conform --target localhost:50051 --only 'CANCEL-*'\n"
      "  quintain conform --transport sim                         our own core, in virtual time\n"
      "  quintain conform --self-test                       does the suite catch what it "
      "should?\n\n"
      "Exit code: 0 all held, 1 something failed, 2 bad usage or input, 3 harness error.");
  command->callback([arguments, &exit_code] {
    if (arguments->jobs == 0) {
      // Live cases wait more than they work.
      const int cores = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
      arguments->jobs = is_live(*arguments) ? 4 : cores;
    }
    exit_code = conform(*arguments);
  });
}

}  // namespace quintain::cli
