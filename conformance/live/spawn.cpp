// Starts a target as a child process in its own group, reads its output on a thread, and waits
// until its health service answers.
#include "conformance/live/spawn.h"

#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <optional>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "conformance/judgement/bounded_parse.h"
#include "conformance/live/grpc_transport.h"
#include "conformance/transport.h"
#include "live/standard_services.pb.h"
#include "server/system/spawn.h"

namespace quintain::conformance {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;
using server::Descriptor;

// Output lines that are kept for error reports, and their maximum length in bytes.
constexpr std::size_t kMaxLines = 50;
constexpr std::size_t kMaxLineLength = 4096;
// The health service is polled, because nothing signals that a port has opened.
constexpr auto kPollInterval = 50ms;
constexpr auto kPollTimeout = 2s;

// Runs `/bin/sh -c script` with these descriptors as its standard input, output and error (-1:
// /dev/null). `variable`, NAME=value, is added to its environment unless it is empty.
absl::StatusOr<server::Child> run_shell(const std::string& script, int input, int output, int error,
                                        const std::string& variable) {
  std::vector<std::string> environment;
  for (char** entry = environ; *entry != nullptr; ++entry) environment.emplace_back(*entry);
  if (!variable.empty()) environment.push_back(variable);
  return server::spawn({.command = {"/bin/sh", "-c", script},
                        .environment = std::move(environment),
                        .standard = {input, output, error}});
}

// An environment variable that only the descendants of one command have.
std::string new_marker() {
  static std::atomic<int> number = 0;
  return fmt::format("QUINTAIN_SPAWNED_BY={}-{}", getpid(), ++number);
}

bool has_variable(const std::filesystem::path& process, const std::string& variable) {
  std::ifstream file(process / "environ", std::ios::binary);
  for (std::string entry; std::getline(file, entry, '\0');) {
    if (entry == variable) return true;
  }
  return false;
}

// Kills every process with this variable in its environment: descendants of the command that have
// left its group. A process that removes the variable escapes.
void kill_marked(const std::string& variable) {
  // A process may fork while the others are looked at, but not faster than it is killed forever.
  constexpr int kMaxRounds = 100;
  bool found = true;
  std::vector<pid_t> killed;
  for (int round = 0; found && round < kMaxRounds; ++round) {
    found = false;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator("/proc", error)) {
      pid_t pid = 0;
      if (!absl::SimpleAtoi(entry.path().filename().string(), &pid)) continue;
      if (!has_variable(entry.path(), variable)) continue;
      // The number may be another process's by now, so it is looked at again through a handle.
      const Descriptor handle(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
      if (!handle.is_open() || !has_variable(entry.path(), variable)) continue;
      found |= syscall(SYS_pidfd_send_signal, handle.get(), SIGKILL, nullptr, 0) == 0;
      killed.push_back(pid);
    }
  }
  // Those that are not this process's children by now are left to their parents.
  for (const pid_t pid : killed) waitpid(pid, nullptr, 0);
}

std::string in_words(int status) {
  if (WIFSIGNALED(status)) {
    return fmt::format("signal {} ({})", WTERMSIG(status), strsignal(WTERMSIG(status)));
  }
  return fmt::format("exit status {}", WEXITSTATUS(status));
}

// The address in a line like "quintain: listening on 127.0.0.1:7000"; empty for other lines.
std::string announced_address(std::string_view line) {
  constexpr std::string_view kWords = "listening on ";
  const std::size_t at = line.find(kWords);
  if (at == std::string_view::npos) return {};
  const std::string_view rest = line.substr(at + kWords.size());
  return std::string(rest.substr(0, rest.find_first_of(" \t\r,")));
}

bool is_http(std::string_view address) {
  return address.starts_with("http://") || address.starts_with("https://");
}

// The result of one query of the target's health service. `text` says why it is not ready.
struct Health {
  bool ready = false;
  std::string text{};
};

Health query_health(const LiveTarget& target, std::chrono::nanoseconds patience) {
  const std::unique_ptr<Transport> transport = target.connect();
  standard_services::HealthCheckResponse answer;
  std::optional<absl::Status> end;
  transport->start({
      .path = "/grpc.health.v1.Health/Check",
      .request = standard_services::HealthCheckRequest().SerializeAsString(),
      .deadline = transport->now() + patience,
      .on_message =
          [&answer](const std::string& bytes) {
            if (!parse_bounded(bytes, answer).ok()) answer.Clear();
          },
      .on_end = [&end](absl::Status status) { end = std::move(status); },
  });
  transport->run_until(core::Instant::never(), [&end] { return end.has_value(); });
  // A server without a health service, or without a status for the server as a whole, is ready when
  // it answers.
  if (absl::IsUnimplemented(*end) || absl::IsNotFound(*end)) return {.ready = true};
  if (!end->ok()) return {.text = end->ToString()};
  using Answer = standard_services::HealthCheckResponse;
  return {.ready = answer.status() == Answer::SERVING,
          .text = "its health is " + Answer::ServingStatus_Name(answer.status())};
}

}  // namespace

// The process of the command, its guardian, and the thread that reads its output.
class SpawnedServer::Process {
 public:
  Process(const SpawnOptions& options) : grace_(options.grace), address_(options.address) {}

  ~Process() {
    stop();
    if (reader_.joinable()) {
      eventfd_write(stop_reading_.get(), 1);
      reader_.join();
    }
    if (guardian_ > 0) {
      send(lifeline_.get(), "\n", 1, MSG_NOSIGNAL);
      lifeline_.reset();
      waitpid(guardian_, nullptr, 0);
    }
  }

  absl::Status start(const std::string& command) {
    // Processes whose parent has ended become this process's children, which reaps them: in a
    // container without an init no other process would.
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    auto output = server::make_pipe();
    auto error = server::make_pipe();
    int lifeline[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, lifeline) != 0) {
      return failure("cannot create a socket to its guardian");
    }
    lifeline_ = Descriptor(lifeline[0]);
    const Descriptor guardians_end(lifeline[1]);
    stop_reading_ = Descriptor(eventfd(0, EFD_CLOEXEC));
    if (!output || !error || !stop_reading_.is_open()) return failure("cannot create its pipes");
    auto shell = run_shell(command, -1, output->write.get(), error->write.get(), marker_);
    if (!shell.ok()) return shell.status();
    pid_ = shell->pid;
    ended_ = std::move(shell->pidfd);
    // The guardian has its own group, so that a signal from the terminal to this process does not
    // end it. A line from this process tells it that the group has ended and that its number may
    // have been reused.
    const auto guardian = run_shell(fmt::format("read -r line || kill -s KILL -- -{}", pid_),
                                    guardians_end.get(), -1, -1, "");
    if (!guardian.ok()) return guardian.status();
    guardian_ = guardian->pid;
    reader_ = std::thread([this, out = std::move(output->read), err = std::move(error->read)] {
      read_output(out, err);
    });
    return absl::OkStatus();
  }

  const std::string& address() const { return address_; }

  std::string http_base() const {
    const std::lock_guard lock(mutex_);
    return http_base_;
  }

  std::string output() const {
    const std::lock_guard lock(mutex_);
    std::string text;
    for (const std::string& line : lines_) text += line + '\n';
    return text;
  }

  // Waits until the address is known. False if the command ends first or at `until`.
  bool wait_for_address(Clock::time_point until) {
    std::unique_lock lock(mutex_);
    changed_.wait_until(lock, until, [this] { return ended_and_read_ || !address_.empty(); });
    return !address_.empty();
  }

  // Whether the command ends, and all of its own output is read, before `until`.
  bool wait_for_end(Clock::time_point until) {
    std::unique_lock lock(mutex_);
    return changed_.wait_until(lock, until, [this] { return ended_and_read_; });
  }

  void terminate() {
    if (pid_ >= 0) ::kill(-pid_, SIGTERM);
  }

  // `signal` is SIGTERM, or SIGKILL to leave it no time.
  std::string stop(int signal = SIGTERM) {
    if (pid_ < 0) return how_it_ended_;
    // The leader is reaped last, because until then the number of the group cannot be reused.
    ::kill(-pid_, signal);
    {
      std::unique_lock lock(mutex_);
      changed_.wait_for(lock, grace_, [this] { return closed_ || !reader_.joinable(); });
    }
    ::kill(-pid_, SIGKILL);
    int status = 0;
    while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    // The rest of the group are children of this process, see start().
    while (waitpid(-pid_, nullptr, 0) > 0) {
    }
    pid_ = -1;
    kill_marked(marker_);
    how_it_ended_ = in_words(status);
    return how_it_ended_;
  }

 private:
  absl::Status failure(std::string_view what) const {
    return absl::InternalError(fmt::format("{}: {}", what, std::strerror(errno)));
  }

  // Runs until the command has ended and no process holds its pipes open, or until it is told to
  // stop.
  void read_output(const Descriptor& output, const Descriptor& error) {
    enum : std::size_t { kOutput, kError, kEnded, kStopReading };
    pollfd sources[] = {{.fd = output.get(), .events = POLLIN, .revents = 0},
                        {.fd = error.get(), .events = POLLIN, .revents = 0},
                        {.fd = ended_.get(), .events = POLLIN, .revents = 0},
                        {.fd = stop_reading_.get(), .events = POLLIN, .revents = 0}};
    const auto closed = [&sources](std::size_t source) { return sources[source].fd < 0; };
    std::string unfinished[2];
    bool silent = false;
    while (!closed(kOutput) || !closed(kError) || !closed(kEnded)) {
      // When the command has ended, its last lines are in the pipes. Other processes of the group
      // may write later or never, so the rest is not waited for.
      const int ready = poll(sources, std::size(sources), closed(kEnded) && !silent ? 0 : -1);
      if (ready < 0) continue;  // a signal
      if (ready == 0) {
        silent = true;
        set(ended_and_read_);
        continue;
      }
      if (sources[kStopReading].revents != 0) break;
      for (const std::size_t i : {kOutput, kError}) {
        if (sources[i].revents == 0) continue;
        char buffer[4096];
        const ssize_t count = read(sources[i].fd, buffer, sizeof buffer);
        if (count > 0) {
          take({buffer, static_cast<std::size_t>(count)}, unfinished[i]);
        } else if (count == 0 || errno != EINTR) {
          if (!unfinished[i].empty()) take("\n", unfinished[i]);
          sources[i].fd = -1;  // poll() ignores it
        }
      }
      if (sources[kEnded].revents != 0) sources[kEnded].fd = -1;
    }
    set(ended_and_read_);
    set(closed_);
  }

  void set(bool& flag) {
    const std::lock_guard lock(mutex_);
    flag = true;
    changed_.notify_all();
  }

  // Splits output into lines. `unfinished` is the start of a line that has not ended yet.
  void take(std::string_view text, std::string& unfinished) {
    for (const char c : text) {
      if (c != '\n' && unfinished.size() < kMaxLineLength) {
        unfinished += c;
        continue;
      }
      const std::lock_guard lock(mutex_);
      const std::string announced = announced_address(unfinished);
      std::string& address = is_http(announced) ? http_base_ : address_;
      if (address.empty()) address = announced;
      changed_.notify_all();
      lines_.push_back(std::exchange(unfinished, c == '\n' ? "" : std::string(1, c)));
      if (lines_.size() > kMaxLines) lines_.pop_front();
    }
  }

  const std::chrono::milliseconds grace_;
  const std::string marker_ = new_marker();
  pid_t pid_ = -1;
  pid_t guardian_ = -1;
  std::string how_it_ended_ = "it was not started";
  Descriptor lifeline_;
  Descriptor ended_;
  Descriptor stop_reading_;
  std::thread reader_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::string address_;  // constant once it is not empty
  std::string http_base_;
  std::deque<std::string> lines_;
  bool ended_and_read_ = false;  // the command has ended, and its own output has been read
  bool closed_ = false;          // and no other process of its group holds its pipes open
};

SpawnedServer::SpawnedServer(std::unique_ptr<Process> process) : process_(std::move(process)) {}
SpawnedServer::~SpawnedServer() = default;

const std::string& SpawnedServer::address() const { return process_->address(); }
std::string SpawnedServer::http_base() const { return process_->http_base(); }
std::string SpawnedServer::output() const { return process_->output(); }
void SpawnedServer::terminate() { process_->terminate(); }

void SpawnedServer::kill() { process_->stop(SIGKILL); }

std::string SpawnedServer::stop() { return process_->stop(); }

absl::StatusOr<std::unique_ptr<SpawnedServer>> SpawnedServer::start(const SpawnOptions& options) {
  const Clock::time_point until = Clock::now() + options.patience;
  auto process = std::make_unique<Process>(options);
  if (absl::Status started = process->start(options.command); !started.ok()) return started;

  const auto not_ready = [&](std::string_view what) {
    const std::string how = process->stop();
    return absl::UnavailableError(fmt::format("'{}' {}{}; its last lines:\n{}", options.command,
                                              what, how, process->output()));
  };
  const auto ended = [&] { return not_ready("ended before it was ready, with "); };
  if (!process->wait_for_address(until)) {
    if (process->wait_for_end(Clock::now())) return ended();
    return not_ready(
        fmt::format("did not print \"listening on ADDRESS\" within {} ms; it ended with ",
                    options.patience.count()));
  }
  const auto target = LiveTarget::of({.address = process->address(), .tls = options.tls});
  if (!target.ok()) {
    return not_ready(fmt::format("cannot be reached: {}; it ended with ",
                                 std::string(target.status().message())));
  }
  for (;;) {
    const Health health = query_health(
        *target, std::min<std::chrono::nanoseconds>(kPollTimeout, until - Clock::now()));
    if (health.ready) {
      return std::unique_ptr<SpawnedServer>(new SpawnedServer(std::move(process)));
    }
    if (process->wait_for_end(Clock::now() + kPollInterval)) return ended();
    if (Clock::now() >= until) {
      return not_ready(fmt::format("did not answer at {} within {} ms ({}); it ended with ",
                                   process->address(), options.patience.count(), health.text));
    }
  }
}

}  // namespace quintain::conformance
