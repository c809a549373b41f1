// `quintain serve`: chooses the functions (processes, simulated ones, fixtures), starts the server
// and handles its signals.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <malloc.h>
#include <signal.h>
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/signal_set.hpp>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/access_file.h"
#include "cli/console.h"
#include "cli/functions_file.h"
#include "cli/program.h"
#include "cli/results.h"
#include "conformance/faulty/faulty_core.h"
#include "conformance/fixtures/fixture_runtime.h"
#include "core/base/duration_text.h"
#include "reports/json_input/diagnostics.h"
#include "scenarios/language/loader.h"
#include "server/log.h"
#include "server/process/attempt_io.h"
#include "server/process/process_guard.h"
#include "server/process/process_runtime.h"
#include "server/server.h"
#include "sim/random/randomness.h"
#include "sim/simulated_runtime.h"
#include "sim/world.h"

namespace quintain::cli {
namespace {

struct Arguments {
  server::ServerOptions server{};
  std::string functions;
  std::vector<std::string> function_env;
  std::string function_user;
  std::string access;
  bool insecure = false;
  bool fixtures = false;
  std::string faulty;
  std::string runtime;
  std::string scenario;
  std::string case_name;
  std::optional<int> slots;
  std::optional<int> queue_limit;
  std::string scheduling;
  std::string estimator;
  server::LogLevel log_level = server::LogLevel::kInfo;
  server::LogFormat log_format = server::LogFormat::kText;
};

void print_error(std::string_view what) { cli::print_error("serve", what); }

// ---- Runtimes: each choice fills in the server's runtime, its tasks and its node ----

// A runtime together with an object that has to outlive it.
class RuntimeWith final : public core::Runtime {
 public:
  RuntimeWith(std::shared_ptr<void> needed, std::unique_ptr<core::Runtime> runtime)
      : needed_(std::move(needed)), runtime_(std::move(runtime)) {}

  void start(const core::AttemptSpec& attempt, core::AttemptListener& listener) override {
    runtime_->start(attempt, listener);
  }
  void stop(core::AttemptId attempt) override { runtime_->stop(attempt); }
  void hold_output(core::AttemptId attempt) override { runtime_->hold_output(attempt); }
  void resume_output(core::AttemptId attempt) override { runtime_->resume_output(attempt); }
  void kill(core::AttemptId attempt) override { runtime_->kill(attempt); }
  void retire(std::string_view instance_id) override { runtime_->retire(instance_id); }
  core::ResourceUsage usage() const override { return runtime_->usage(); }

 private:
  std::shared_ptr<void> needed_;
  std::unique_ptr<core::Runtime> runtime_;  // destroyed first
};

// Sets what all functions get from the server: variables of its environment, and their user.
bool adapt_functions(const Arguments& arguments, std::vector<server::ProcessFunction>& functions) {
  bool good = true;
  std::map<std::string, std::string> inherited;
  for (const std::string& name : arguments.function_env) {
    if (!server::is_variable_name(name)) {
      print_error(
          fmt::format("--function-env: '{}' is not a name of letters, digits and '_'", name));
      good = false;
    }
    if (const char* const value = std::getenv(name.c_str())) inherited[name] = value;
  }
  std::optional<server::User> user;
  if (!arguments.function_user.empty()) {
    const absl::Status allowed = server::check_may_switch_user();
    const auto found = server::find_user(arguments.function_user);
    for (const absl::Status& status : {allowed, found.status()}) {
      if (status.ok()) continue;
      print_error(fmt::format("--function-user: {}", std::string(status.message())));
      good = false;
    }
    if (found.ok() && found->id == 0) {
      print_error("--function-user: expected a user without privileges, not root");
      good = false;
    }
    if (found.ok()) user = *found;
  }
  for (server::ProcessFunction& function : functions) {
    function.inherited_environment = inherited;
    function.user = user;
  }
  return good;
}

bool choose_processes(Arguments& arguments) {
  json_input::Diagnostics diagnostics;
  auto file = load_functions_file(arguments.functions, diagnostics);
  if (!file) {
    write_note(diagnostics.text());
    return false;
  }
  if (!adapt_functions(arguments, file->functions)) return false;
  auto started = server::ProcessGuard::start();
  if (!started.ok()) {
    print_error(std::string(started.status().message()) + "; check TMPDIR");
    return false;
  }
  const std::shared_ptr<server::ProcessGuard> guard = *std::move(started);
  if (!arguments.function_user.empty()) guard->let_others_in();
  arguments.server.node = file->node;
  arguments.server.tasks = file->tasks;
  const server::Log log(arguments.log_level, arguments.log_format);
  arguments.server.runtime = [functions = file->functions, guard, log,
                              max_result = file->node.answer_bytes](
                                 core::Environment&, boost::asio::any_io_executor io) {
    auto runtime = std::make_unique<server::ProcessRuntime>(io, functions, guard->folder());
    runtime->set_tag(guard->tag());
    runtime->set_max_result_bytes(max_result);
    runtime->on_start_failed([log, limiter = server::LogLimiter()](const core::AttemptSpec& attempt,
                                                                   std::string_view why) mutable {
      if (!limiter.admit(log, "start-failed")) return;
      log.warn("start-failed", {{"task", attempt.task_id},
                                {"function", attempt.function_name},
                                {"execution", attempt.execution_id},
                                {"reason", why}});
    });
    return std::make_unique<RuntimeWith>(guard, std::move(runtime));
  };
  return true;
}

void choose_fixtures(Arguments& arguments) {
  arguments.server.node = conformance::reference_node();
  arguments.server.tasks = conformance::fixture_tasks();
  arguments.server.runtime = [](core::Environment& environment, boost::asio::any_io_executor) {
    return std::make_unique<conformance::FixtureRuntime>(environment);
  };
}

std::optional<scenarios::Scenario> load_case(const Arguments& arguments) {
  json_input::Diagnostics diagnostics;
  auto cases = scenarios::load_scenario_file(
      arguments.scenario, scenarios::naming_root(arguments.scenario), diagnostics);
  if (!diagnostics.empty()) {
    write_note(diagnostics.text());
    return std::nullopt;
  }
  if (arguments.case_name.empty() && cases.size() == 1) return std::move(cases.front());
  for (auto& scenario : cases) {
    if (scenario.name == arguments.case_name) return std::move(scenario);
  }
  std::vector<std::string> names;
  for (const auto& scenario : cases) names.push_back(scenario.name);
  print_error(fmt::format("--case: {}; there is:\n  {}",
                          arguments.case_name.empty()
                              ? "the scenario has several cases, and one must be named"
                              : fmt::format("there is no case '{}'", arguments.case_name),
                          fmt::join(names, "\n  ")));
  return std::nullopt;
}

bool choose_simulated(Arguments& arguments) {
  if (arguments.scenario.empty()) {
    print_error("--runtime simulated needs --scenario FILE, whose functions it plays");
    return false;
  }
  const auto scenario = load_case(arguments);
  if (!scenario) return false;
  const sim::NodeSpec& spec = scenario->nodes.front();
  arguments.server.node = spec.config;
  arguments.server.tasks = sim::tasks_of(spec.functions);
  const std::uint64_t seed = arguments.server.seed.value_or(1);
  arguments.server.runtime = [spec, seed](core::Environment& environment,
                                          boost::asio::any_io_executor) {
    auto randomness = std::make_shared<sim::Randomness>(seed);
    auto runtime = std::make_unique<sim::SimulatedRuntime>(
        environment, *randomness, spec.config.slots, spec.functions, spec.slowdowns);
    return std::make_unique<RuntimeWith>(randomness, std::move(runtime));
  };
  return true;
}

// Adds the chosen fault to the chosen runtime and service.
bool choose_fault(Arguments& arguments) {
  const conformance::FaultyCore* fault = conformance::find_faulty_core(arguments.faulty);
  if (fault == nullptr) {
    std::vector<std::string_view> names;
    for (const auto& core : conformance::faulty_cores()) names.push_back(core.name);
    print_error(fmt::format("--faulty: there is no '{}'; there is:\n  {}", arguments.faulty,
                            fmt::join(names, "\n  ")));
    return false;
  }
  if (!fault->not_served.empty()) {
    print_error(fmt::format("--faulty: '{}' can't be served: {}", fault->name, fault->not_served));
    return false;
  }
  core::NodeConfig& node = arguments.server.node;
  if (fault->configure != nullptr) fault->configure(node);
  if (fault->wrap_runtime) {
    arguments.server.runtime = [wrap = fault->wrap_runtime, make = arguments.server.runtime, node](
                                   core::Environment& environment,
                                   boost::asio::any_io_executor io) {
      const std::shared_ptr<core::Runtime> inner = make(environment, io);
      return std::make_unique<RuntimeWith>(inner, wrap(*inner, environment, node));
    };
  }
  if (fault->decorate) {
    arguments.server.decorator = [decorate = fault->decorate, node](
                                     core::FunctionService& inner, core::Environment& environment) {
      return decorate(inner, environment, node);
    };
  }
  return true;
}

bool choose_runtime(Arguments& arguments) {
  const bool simulated = !arguments.runtime.empty();
  const int chosen =
      (simulated ? 1 : 0) + (arguments.functions.empty() ? 0 : 1) + (arguments.fixtures ? 1 : 0);
  if (chosen != 1) {
    print_error(
        "expected one of --functions FILE, --runtime simulated --scenario FILE, --fixtures");
    return false;
  }
  if (!simulated && !arguments.scenario.empty()) {
    print_error("--scenario is for --runtime simulated");
    return false;
  }
  if (arguments.functions.empty() &&
      !(arguments.function_env.empty() && arguments.function_user.empty())) {
    print_error("--function-env and --function-user are for --functions");
    return false;
  }
  if (!arguments.functions.empty() && arguments.server.speed != 1) {
    print_error("--speed applies to simulated functions only");
    return false;
  }
  if (arguments.fixtures) choose_fixtures(arguments);
  if (simulated && !choose_simulated(arguments)) return false;
  if (!arguments.functions.empty() && !choose_processes(arguments)) return false;
  if (arguments.slots) arguments.server.node.slots = *arguments.slots;
  if (arguments.queue_limit) arguments.server.node.queue_limit = *arguments.queue_limit;
  core::NodeConfig& node = arguments.server.node;
  if (!arguments.scheduling.empty()) node.scheduling.strategy = arguments.scheduling;
  if (!arguments.estimator.empty()) node.eta.estimator = arguments.estimator;
  return arguments.faulty.empty() || choose_fault(arguments);
}

// ---- Access ----

// Prints an error and returns false if the file is wrong.
bool load_access(Arguments& arguments) {
  if (arguments.access.empty()) return true;
  json_input::Diagnostics diagnostics;
  arguments.server.access = load_access_file(arguments.access, diagnostics);
  write_note(diagnostics.text());
  return arguments.server.access != nullptr;
}

bool is_loopback(const server::ListenAddress& address) {
  if (address.is_unix || address.host == "localhost") return true;
  boost::system::error_code error;
  const auto parsed = boost::asio::ip::make_address(address.host, error);
  return !error && parsed.is_loopback();
}

// What other machines can reach needs TLS and known callers, unless the user says otherwise.
bool is_secure(const Arguments& arguments) {
  if (arguments.insecure) return true;
  std::vector<std::string> addresses = arguments.server.listen;
  if (!arguments.server.http.empty()) addresses.push_back(arguments.server.http);
  const bool known = !arguments.access.empty() || !arguments.server.tls.client_ca.empty();
  bool good = true;
  for (const std::string& text : addresses) {
    const auto address = server::parse_address(text);
    if (!address.ok() || is_loopback(*address)) continue;  // a wrong address is reported later
    if (!arguments.server.tls.empty() && known) continue;
    print_error(
        fmt::format("{}: other machines can reach this address; give --tls-cert, --tls-key and "
                    "--access FILE (or --tls-client-ca), or --insecure to serve everybody without "
                    "encryption",
                    text));
    good = false;
  }
  return good;
}

// ---- Running the server ----

// The first SIGTERM or SIGINT drains the server, the second one stops it. SIGHUP reads the access
// file and the certificates again; wrong ones are reported and change nothing.
class Signals {
 public:
  Signals(server::Server& server, const server::Log& log, std::string access, bool tls)
      : server_(server),
        log_(log),
        access_(std::move(access)),
        signals_(server.executor(), SIGTERM, SIGINT) {
    if (!access_.empty() || tls) signals_.add(SIGHUP);
    wait();
  }

  /// Whether a second signal came. Requires: the server has ended.
  bool twice() const { return received_ > 1; }

 private:
  void wait() {
    signals_.async_wait([this](const boost::system::error_code& error, int number) {
      if (error) return;
      if (number == SIGHUP) {
        reload();
        return wait();
      }
      log_.info("signal", {{"name", number == SIGINT ? "SIGINT" : "SIGTERM"}});
      ++received_ == 1 ? server_.drain() : server_.stop();
      wait();
    });
  }

  void reload() {
    server_.read_certificates();
    if (access_.empty()) return;
    json_input::Diagnostics diagnostics;
    auto list = load_access_file(access_, diagnostics);
    if (list == nullptr) {
      log_.error("access-file-unusable", {{"file", access_}, {"reason", diagnostics.text()}});
      return;
    }
    server_.set_access(std::move(list));
    log_.info("access-file-read", {{"file", access_}});
  }

  server::Server& server_;
  const server::Log& log_;
  const std::string access_;
  boost::asio::signal_set signals_;
  int received_ = 0;
};

// Raises the limit of open descriptors as far as allowed: each connection needs one.
void allow_many_connections() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

// By default glibc keeps large freed blocks, in one arena for each thread: among requests and
// results of megabytes, twice the memory that is in use. These settings return such blocks at once.
void limit_fragmentation() {
  mallopt(M_MMAP_THRESHOLD, 64 << 10);
  mallopt(M_TRIM_THRESHOLD, 1 << 20);
  mallopt(M_ARENA_MAX, 2);
}

int serve(Arguments& arguments) {
  limit_fragmentation();
  if (!is_secure(arguments) || !load_access(arguments)) return kBadInput;
  if (!choose_runtime(arguments)) return kBadInput;
  const server::Log log(arguments.log_level, arguments.log_format);
  arguments.server.log = log;
  server::redirect_library_logs(log);
  allow_many_connections();
  signal(SIGPIPE, SIG_IGN);  // writing to a closed connection returns an error instead

  const bool https = !arguments.server.tls.empty();
  auto started = server::Server::start(std::move(arguments.server));
  if (!started.ok()) {
    print_error(std::string(started.status().message()));
    return kBadInput;
  }
  const std::unique_ptr<server::Server> server = *std::move(started);
  const Signals signals(*server, log, arguments.access, https);
  for (const std::string& address : server->addresses()) {
    print_output("listening on {}\n", address);
  }
  if (!server->http_address().empty()) {
    print_output("listening on {}://{}\n", https ? "https" : "http", server->http_address());
  }
  if (!server->probes_address().empty()) {
    print_output("listening on http://{}\n", server->probes_address());
  }
  if (const std::string lost = flush_output(); !lost.empty()) {
    print_error(fmt::format("the line 'listening on ADDRESS' could not be printed: {}", lost));
  }
  server->wait();
  return signals.twice() ? kSomethingFailed : kAllHeld;
}

// ---- The command line ----

void add_duration(CLI::App& command, const std::string& name, std::chrono::milliseconds& value,
                  const std::string& description) {
  command
      .add_option_function<std::string>(
          name,
          [name, &value](const std::string& text) {
            std::string error;
            const auto duration = core::parse_duration(text, error);
            if (!duration) throw CLI::ValidationError(name, error);
            value = std::chrono::ceil<std::chrono::milliseconds>(*duration);
          },
          fmt::format("{} (default: {})", description, core::format_duration(value)))
      ->type_name("DURATION");
}

// An option whose value is one of these names. (CLI11's own transformer prints the values of an
// enum in help texts and errors, and those of a small enum are control characters.)
template <class Value>
CLI::Option* add_choice(CLI::App& command, const std::string& name, Value& value,
                        const std::vector<std::pair<std::string, Value>>& choices,
                        const std::string& description) {
  std::vector<std::string> names;
  for (const auto& [choice, meaning] : choices) names.push_back(choice);
  return command
      .add_option_function<std::string>(
          name,
          [choices, &value](const std::string& text) {
            for (const auto& [choice, meaning] : choices) {
              if (choice == text) value = meaning;
            }
          },
          description)
      ->check(CLI::IsMember(names));
}

}  // namespace

void add_serve_command(CLI::App& app, int& exit_code) {
  auto arguments = std::make_shared<Arguments>();
  server::ServerOptions& options = arguments->server;
  server::ServerLimits& limits = options.limits;
  CLI::App* command = app.add_subcommand("serve", "Serve the core over gRPC and HTTP");

  command
      ->add_option("--functions", arguments->functions,
                   "Run commands as functions, as this file describes (docs/functions.md)")
      ->group("Functions");
  command
      ->add_option("--function-env", arguments->function_env,
                   "Pass this variable of the server's environment on to the commands; repeatable "
                   "(always: PATH, LANG, LC_ALL, TZ)")
      ->type_name("NAME")
      ->allow_extra_args(false)
      ->group("Functions");
  command
      ->add_option("--function-user", arguments->function_user,
                   "Run the commands as this user; for a server that runs as root")
      ->type_name("NAME")
      ->group("Functions");
  command
      ->add_flag("--fixtures", arguments->fixtures,
                 "Serve the built-in functions that the conformance cases need")
      ->group("Functions");
  command
      ->add_option("--faulty", arguments->faulty,
                   "Serve a core with this fault, to see `quintain conform` catch it")
      ->group("Functions");
  command
      ->add_option("--runtime", arguments->runtime,
                   "'simulated': run the functions of a scenario in real time")
      ->check(CLI::IsMember({"simulated"}))
      ->group("Functions");
  command
      ->add_option("--scenario", arguments->scenario, "The scenario file, for --runtime simulated")
      ->group("Functions");
  command->add_option("--case", arguments->case_name, "Which of its cases, if it has several")
      ->group("Functions");
  command
      ->add_option("--speed", options.speed, "Run time at this multiple of real time (default: 1)")
      ->check(CLI::PositiveNumber)
      ->group("Functions");
  command
      ->add_option("--seed", options.seed,
                   "For simulated functions (default: 1) and ids (default: random)")
      ->group("Functions");
  command
      ->add_option("--store", options.store,
                   "Keep what was promised in this file, so that it survives a crash "
                   "(docs/durability.md)")
      ->check([](const std::string& path) {
        return path.empty() ? std::string("expected the name of a file") : std::string();
      })
      ->group("Functions");
  add_choice<core::RestartPolicy>(
      *command, "--restart", options.restart,
      {{"fail", core::RestartPolicy::kFail}, {"rerun", core::RestartPolicy::kRerun}},
      "With --store: whether executions that were running when the server ended 'fail' or 'rerun' "
      "within their max_retries (default: fail)")
      ->needs(command->get_option("--store"))
      ->group("Functions");
  command->add_option("--slots", arguments->slots, "Functions that may run at once (default: 8)")
      ->group("Functions");
  command
      ->add_option("--queue-limit", arguments->queue_limit,
                   "Executions that may wait (default: 10000)")
      ->group("Functions");
  command
      ->add_option("--scheduling", arguments->scheduling,
                   "The order in which executions that wait get a slot (default: fifo)")
      ->group("Functions");
  command
      ->add_option("--estimator", arguments->estimator,
                   "The estimator of completion times (default: best)")
      ->group("Functions");

  command
      ->add_option("--listen", options.listen,
                   "Serve gRPC at HOST:PORT or unix:PATH; repeatable (default: 127.0.0.1:50051)")
      ->group("Network");
  command->add_option("--http", options.http, "Serve HTTP at HOST:PORT")->group("Network");
  command
      ->add_option("--probes", options.probes,
                   "Serve /healthz and /metrics at HOST:PORT, always without TLS and tokens")
      ->group("Network");
  command
      ->add_option_function<std::string>(
          "--public-url",
          [&options](const std::string& url) {
            const bool web = url.starts_with("http://") || url.starts_with("https://");
            if (!web || url.find_first_of(" ?#") != std::string::npos) {
              throw CLI::ValidationError("--public-url",
                                         "expected http://... or https://..., "
                                         "without a query");
            }
            options.public_url = url.substr(0, url.find_last_not_of('/') + 1);
          },
          "The URL under which clients reach --http; stands before /status/ID in answers")
      ->type_name("URL")
      ->group("Network");
  command
      ->add_option("--tls-cert", options.tls.certificate,
                   "The server's certificate chain, PEM; read again when it changes")
      ->group("Network");
  command->add_option("--tls-key", options.tls.key, "Its key, PEM")->group("Network");
  command
      ->add_option("--tls-client-ca", options.tls.client_ca,
                   "Require a client certificate issued by one of these CAs, PEM")
      ->group("Network");
  command
      ->add_option("--access", arguments->access,
                   "Admit only the callers of this file, as their roles allow (docs/server.md); "
                   "SIGHUP reads it again")
      ->type_name("FILE")
      ->group("Network");
  command
      ->add_flag("--insecure", arguments->insecure,
                 "Serve at addresses that other machines can reach without TLS or known callers")
      ->group("Network");

  command->add_option("--max-message-bytes", limits.message_bytes, "Largest request")
      ->check(CLI::PositiveNumber)
      ->capture_default_str()
      ->group("Limits");
  command->add_option("--max-metadata-bytes", limits.metadata_bytes, "Largest metadata of a call")
      ->check(CLI::PositiveNumber)
      ->capture_default_str()
      ->group("Limits");
  command
      ->add_option("--max-streams", limits.streams_per_connection, "Open calls on one connection")
      ->check(CLI::PositiveNumber)
      ->capture_default_str()
      ->group("Limits");
  command
      ->add_option("--max-memory-bytes", limits.memory_bytes,
                   "Memory that clients may make the server occupy (default: a quarter of the "
                   "machine's)")
      ->check(CLI::Range(std::size_t{16} << 20, std::size_t{1} << 50))
      ->group("Limits");
  command
      ->add_option("--stream-buffer-bytes", limits.stream_buffer_bytes,
                   "Output that may wait for a stream's reader")
      ->check(CLI::PositiveNumber)
      ->capture_default_str()
      ->group("Limits");
  const auto add_limit = [&](const std::string& name, std::chrono::milliseconds& value,
                             const std::string& description) {
    add_duration(*command, name, value, description);
    command->get_option(name)->group("Limits");
  };
  add_limit("--min-ping-interval", limits.min_ping_interval,
            "Count a strike for a ping that comes sooner than this after the last");
  command
      ->add_option("--max-ping-strikes", limits.ping_strikes,
                   "Disconnect a client after this many too-frequent pings")
      ->check(CLI::PositiveNumber)
      ->capture_default_str()
      ->group("Limits");
  add_limit("--keepalive", limits.keepalive, "Ping a client after this time without traffic");
  add_limit("--keepalive-timeout", limits.keepalive_timeout,
            "Disconnect a client that does not answer a ping within this time");
  add_limit("--max-idle", limits.connection_idle, "Close connections without calls; 0s: never");
  add_limit("--max-age", limits.connection_age, "Close old connections; 0s: never");

  add_duration(*command, "--drain-timeout", options.drain_timeout,
               "How long running executions may continue after SIGTERM");
  options.drain_linger = std::chrono::seconds(2);
  add_duration(*command, "--drain-linger", options.drain_linger,
               "How long a drained server waits until the ends of ASYNC executions are read");
  add_choice<server::LogLevel>(*command, "--log-level", arguments->log_level,
                               {{"debug", server::LogLevel::kDebug},
                                {"info", server::LogLevel::kInfo},
                                {"warn", server::LogLevel::kWarn},
                                {"error", server::LogLevel::kError},
                                {"off", server::LogLevel::kOff}},
                               "The least important lines that are written (default: info)");
  add_choice<server::LogFormat>(
      *command, "--log-format", arguments->log_format,
      {{"text", server::LogFormat::kText}, {"json", server::LogFormat::kJson}},
      "How lines are written (default: text)");

  command->add_flag("--log-calls", options.log_calls,
                    "Write a line for every call that ends: method, code, identity, peer, time");

  command->footer(
      "Examples:\n"
      "  quintain serve --functions functions.json --http 127.0.0.1:8080\n"
      "  quintain serve --runtime simulated --scenario my.json          a programmable server\n"
      "  quintain serve --runtime simulated --scenario my.json --speed 10\n\n"
      "On SIGTERM or SIGINT the server accepts no new work, lets running executions finish, and\n"
      "exits; a second signal stops it at once.\n"
      "Exit code: 0 drained, 1 stopped at once, 2 bad usage or input, 3 harness error.");
  command->callback([arguments, &exit_code] {
    if (arguments->server.listen.empty()) arguments->server.listen = {"127.0.0.1:50051"};
    exit_code = serve(*arguments);
  });
}

}  // namespace quintain::cli
