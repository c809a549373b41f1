// `quintain mutate`: a proxy that gives any server a generated fault, so that its users can see
// what the conformance suite notices.
#include <fmt/format.h>
#include <signal.h>

#include <CLI/CLI.hpp>
#include <boost/asio/signal_set.hpp>
#include <cstdio>
#include <future>
#include <memory>
#include <string>

#include "cli/console.h"
#include "cli/program.h"
#include "cli/results.h"
#include "conformance/mutation/mutation.h"
#include "conformance/mutation/proxy/mutating_proxy.h"

namespace quintain::cli {
namespace {

constexpr std::string_view kCommand = "mutate";

struct Arguments {
  std::string target;
  std::string fault;
  std::string listen = "127.0.0.1:0";
  bool list = false;
};

void print_error(std::string_view what) { cli::print_error(kCommand, what); }

void list() {
  for (const auto& mutation : conformance::all_mutations()) {
    const auto* const free = conformance::find_free(mutation);
    print_output("{}: {}{}\n", mutation.name, conformance::about(mutation),
                 free == nullptr ? "" : fmt::format(" Free: {}.", free->reason));
  }
}

int mutate(const Arguments& arguments) {
  if (arguments.list) {
    list();
    return kAllHeld;
  }
  if (arguments.target.empty() || arguments.fault.empty()) {
    print_error("expected --target ADDRESS and --fault NAME; --list shows the faults");
    return kBadInput;
  }
  const auto* const mutation = conformance::find_mutation(arguments.fault);
  if (mutation == nullptr) {
    print_error(
        fmt::format("there is no fault '{}'; quintain mutate --list shows all", arguments.fault));
    return kBadInput;
  }
  signal(SIGPIPE, SIG_IGN);  // writing to a closed connection returns an error instead
  auto proxy = conformance::MutatingProxy::start(
      *mutation, {.listen = arguments.listen, .target = arguments.target});
  if (!proxy.ok()) {
    print_error(std::string(proxy.status().message()));
    return kBadInput;
  }
  std::promise<void> signalled;
  boost::asio::signal_set signals((*proxy)->executor(), SIGTERM, SIGINT);
  signals.async_wait([&](const boost::system::error_code& error, int /*number*/) {
    if (!error) signalled.set_value();
  });
  print_note("{}\n", conformance::about(*mutation));
  print_output("listening on {}\n", (*proxy)->address());
  if (const std::string lost = flush_output(); !lost.empty()) {
    print_error(fmt::format("the line 'listening on ADDRESS' could not be printed: {}", lost));
  }
  signalled.get_future().wait();
  print_note("{} messages and calls were changed\n", (*proxy)->changes());
  return kAllHeld;
}

}  // namespace

void add_mutate_command(CLI::App& app, int& exit_code) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand(
      "mutate", "Forward calls to a server and give it one fault, to see what the suite notices");
  command->add_option("--target", arguments->target, "The server: HOST:PORT or unix:PATH");
  command->add_option("--fault", arguments->fault, "The name of a generated fault");
  command->add_option("--listen", arguments->listen,
                      "Where clients connect: HOST:PORT or unix:PATH (default: 127.0.0.1 and a "
                      "free port)");
  command->add_flag("--list", arguments->list,
                    "Show the faults, and the reasons of those that the contract allows");
  command->footer(
      "Examples:\n"
      "  quintain mutate --list\n"
      "  quintain mutate --target localhost:50051 --fault 'CancelExecution/effect-twice'\n"
      "  quintain conform --spawn \"quintain mutate --target localhost:50051\n"
      "      --fault 'InvokeFunctionResponse.result.status/previous'\"\n\n"
      "It speaks gRPC without TLS, prints 'listening on ADDRESS' and runs until SIGINT or "
      "SIGTERM.\n"
      "A status_endpoint is not proxied. Exit code: 0, or 2 for bad usage.");
  command->callback([arguments, &exit_code] { exit_code = mutate(*arguments); });
}

}  // namespace quintain::cli
