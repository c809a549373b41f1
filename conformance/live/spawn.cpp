#include "conformance/live/spawn.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <mutex>
#include <optional>
#include <string_view>
#include <thread>
#include <utility>

#include "conformance/live/grpc_transport.h"
#include "conformance/transport.h"
#include "live/standard_services.pb.h"

namespace quintain::conformance {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

// Of a target's talk, so much is worth a report.
constexpr std::size_t kLines = 50;
constexpr std::size_t kLineLength = 4096;
// Nothing tells that a port has opened, so it is tried again and again.
constexpr auto kBetweenTries = 50ms;
constexpr auto kTry = 2s;

class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() { reset(); }
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    reset();
    fd_ = std::exchange(other.fd_, -1);
    return *this;
  }

  int get() const { return fd_; }
  bool open() const { return fd_ >= 0; }
  void reset() {
    if (fd_ >= 0) close(std::exchange(fd_, -1));
  }

 private:
  int fd_ = -1;
};

struct Pipe {
  Descriptor read;
  Descriptor write;
};

std::optional<Pipe> make_pipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return std::nullopt;
  return Pipe{.read = Descriptor(ends[0]), .write = Descriptor(ends[1])};
}

// Runs `/bin/sh -c script` as the leader of a new process group, with these descriptors as its
// standard ones (-1: /dev/null). The process id, or -1 with errno set.
pid_t run_shell(const std::string& script, int input, int output, int error) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  const int standard[] = {input, output, error};
  for (int i = 0; i < 3; ++i) {
    if (standard[i] < 0) {
      posix_spawn_file_actions_addopen(&actions, i, "/dev/null", O_RDWR, 0);
    } else {
      posix_spawn_file_actions_adddup2(&actions, standard[i], i);
    }
  }
  posix_spawn_file_actions_addclosefrom_np(&actions, 3);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t signals;
  sigemptyset(&signals);
  posix_spawnattr_setsigmask(&attributes, &signals);
  sigfillset(&signals);
  posix_spawnattr_setsigdefault(&attributes, &signals);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes,
                           POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);

  std::string shell = "sh";
  std::string option = "-c";
  std::string text = script;
  char* arguments[] = {shell.data(), option.data(), text.data(), nullptr};
  pid_t pid = -1;
  const int failed = posix_spawn(&pid, "/bin/sh", &actions, &attributes, arguments, environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  errno = failed;
  return failed == 0 ? pid : -1;
}

std::string in_words(int status) {
  if (WIFSIGNALED(status)) {
    return fmt::format("signal {} ({})", WTERMSIG(status), strsignal(WTERMSIG(status)));
  }
  return fmt::format("exit status {}", WEXITSTATUS(status));
}

// What stands after "listening on" in a line like "quintain: listening on 127.0.0.1:7000"; empty if
// it is another line.
std::string announced_address(std::string_view line) {
  constexpr std::string_view kWords = "listening on ";
  const std::size_t at = line.find(kWords);
  if (at == std::string_view::npos) return {};
  const std::string_view rest = line.substr(at + kWords.size());
  return std::string(rest.substr(0, rest.find_first_of(" \t\r,")));
}

bool is_http(std::string_view address) {
  return address.substr(0, 7) == "http://" || address.substr(0, 8) == "https://";
}

// What one try to reach the target's health service came to.
struct Health {
  bool ready = false;
  std::string text{};
};

Health ask_health(const LiveTarget& target, std::chrono::nanoseconds patience) {
  const std::unique_ptr<Transport> transport = target.make_arm();
  standard_services::HealthCheckResponse answer;
  std::optional<absl::Status> end;
  transport->start({
      .path = "/grpc.health.v1.Health/Check",
      .request = standard_services::HealthCheckRequest().SerializeAsString(),
      .deadline = transport->now() + patience,
      .on_message = [&answer](const std::string& bytes) { answer.ParseFromString(bytes); },
      .on_end = [&end](absl::Status status) { end = std::move(status); },
  });
  transport->run_until(core::Instant::never(), [&end] { return end.has_value(); });
  // Without the service, or without a status of the server as a whole, an answer is all there is.
  if (absl::IsUnimplemented(*end) || absl::IsNotFound(*end)) return {.ready = true};
  if (!end->ok()) return {.text = end->ToString()};
  using Answer = standard_services::HealthCheckResponse;
  return {.ready = answer.status() == Answer::SERVING,
          .text = "its health is " + Answer::ServingStatus_Name(answer.status())};
}

}  // namespace

// The command's process, and the thread that listens to it.
class SpawnedServer::Process {
 public:
  Process(const SpawnOptions& options) : grace_(options.grace), address_(options.address) {}

  ~Process() {
    stop();
    if (listener_.joinable()) {
      eventfd_write(enough_.get(), 1);
      listener_.join();
    }
    if (guardian_ > 0) {
      send(lifeline_.get(), "\n", 1, MSG_NOSIGNAL);
      lifeline_.reset();
      waitpid(guardian_, nullptr, 0);
    }
  }

  absl::Status start(const std::string& command) {
    auto output = make_pipe();
    auto error = make_pipe();
    int lifeline[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, lifeline) != 0) {
      return failure("no socket to its guardian");
    }
    lifeline_ = Descriptor(lifeline[0]);
    const Descriptor guardians_end(lifeline[1]);
    enough_ = Descriptor(eventfd(0, EFD_CLOEXEC));
    if (!output || !error || !enough_.open()) return failure("no pipe to it");
    pid_ = run_shell(command, -1, output->write.get(), error->write.get());
    if (pid_ < 0) return failure("/bin/sh can't be started");
    ended_ = Descriptor(static_cast<int>(syscall(SYS_pidfd_open, pid_, 0)));
    // The guardian has a group of its own, so that what ends us from the terminal leaves it alone.
    // A line from us says that the group is gone, and its number may be another's.
    guardian_ = run_shell(fmt::format("read -r line || kill -s KILL -- -{}", pid_),
                          guardians_end.get(), -1, -1);
    if (!ended_.open() || guardian_ < 0) return failure("it can't be watched");
    listener_ = std::thread(
        [this, out = std::move(output->read), err = std::move(error->read)] { listen(out, err); });
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

  /// False if the command ends or time is up before it has said where it listens.
  bool wait_for_address(Clock::time_point until) {
    std::unique_lock lock(mutex_);
    changed_.wait_until(lock, until, [this] { return silent_ || !address_.empty(); });
    return !address_.empty();
  }

  /// Whether the command has ended, and its output been read, by then.
  bool wait_for_end(Clock::time_point until) {
    std::unique_lock lock(mutex_);
    return changed_.wait_until(lock, until, [this] { return silent_; });
  }

  std::string stop() {
    if (pid_ < 0) return how_it_ended_;
    // The leader is not reaped before the group is gone: until then the group's number is its own.
    kill(-pid_, SIGTERM);
    {
      std::unique_lock lock(mutex_);
      changed_.wait_for(lock, grace_, [this] { return gone_ || !listener_.joinable(); });
    }
    kill(-pid_, SIGKILL);
    int status = 0;
    while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    how_it_ended_ = in_words(status);
    return how_it_ended_;
  }

 private:
  absl::Status failure(std::string_view what) const {
    return absl::InternalError(fmt::format("{}: {}", what, std::strerror(errno)));
  }

  // Until the command has ended and nobody holds its pipes open any more, or it is enough.
  void listen(const Descriptor& output, const Descriptor& error) {
    enum : std::size_t { kOutput, kError, kEnded, kEnough };
    pollfd sources[] = {{.fd = output.get(), .events = POLLIN, .revents = 0},
                        {.fd = error.get(), .events = POLLIN, .revents = 0},
                        {.fd = ended_.get(), .events = POLLIN, .revents = 0},
                        {.fd = enough_.get(), .events = POLLIN, .revents = 0}};
    const auto closed = [&sources](std::size_t source) { return sources[source].fd < 0; };
    std::string unfinished[2];
    bool silent = false;
    while (!closed(kOutput) || !closed(kError) || !closed(kEnded)) {
      // The command's own last lines are in the pipes when it has ended. Whatever it has left
      // behind in its group may write later, or never.
      const int ready = poll(sources, std::size(sources), closed(kEnded) && !silent ? 0 : -1);
      if (ready < 0) continue;  // a signal
      if (ready == 0) {
        silent = true;
        note(silent_);
        continue;
      }
      if (sources[kEnough].revents != 0) break;
      for (const std::size_t i : {kOutput, kError}) {
        if (sources[i].revents == 0) continue;
        char buffer[4096];
        const ssize_t count = read(sources[i].fd, buffer, sizeof buffer);
        if (count > 0) {
          take({buffer, static_cast<std::size_t>(count)}, unfinished[i]);
        } else if (count == 0 || errno != EINTR) {
          if (!unfinished[i].empty()) take("\n", unfinished[i]);
          sources[i].fd = -1;  // poll passes over it
        }
      }
      if (sources[kEnded].revents != 0) sources[kEnded].fd = -1;
    }
    note(silent_);
    note(gone_);
  }

  void note(bool& fact) {
    const std::lock_guard lock(mutex_);
    fact = true;
    changed_.notify_all();
  }

  void take(std::string_view text, std::string& unfinished) {
    for (const char c : text) {
      if (c != '\n' && unfinished.size() < kLineLength) {
        unfinished += c;
        continue;
      }
      const std::lock_guard lock(mutex_);
      const std::string announced = announced_address(unfinished);
      std::string& place = is_http(announced) ? http_base_ : address_;
      if (place.empty()) place = announced;
      changed_.notify_all();
      lines_.push_back(std::exchange(unfinished, c == '\n' ? "" : std::string(1, c)));
      if (lines_.size() > kLines) lines_.pop_front();
    }
  }

  const std::chrono::milliseconds grace_;
  pid_t pid_ = -1;
  pid_t guardian_ = -1;
  std::string how_it_ended_ = "it was not started";
  Descriptor lifeline_;
  Descriptor ended_;
  Descriptor enough_;
  std::thread listener_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::string address_;  // does not change once it is not empty
  std::string http_base_;
  std::deque<std::string> lines_;
  bool silent_ = false;  // the command has ended, and what it wrote has been read
  bool gone_ = false;    // and nobody else of its group holds its pipes
};

SpawnedServer::SpawnedServer(std::unique_ptr<Process> process) : process_(std::move(process)) {}
SpawnedServer::~SpawnedServer() = default;

const std::string& SpawnedServer::address() const { return process_->address(); }
std::string SpawnedServer::http_base() const { return process_->http_base(); }
std::string SpawnedServer::output() const { return process_->output(); }
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
        fmt::format("did not say \"listening on ADDRESS\" within {} ms; it ended with ",
                    options.patience.count()));
  }
  const auto target = LiveTarget::of({.address = process->address(), .tls = options.tls});
  if (!target.ok()) {
    return not_ready(fmt::format("can't be reached: {}; it ended with ",
                                 std::string(target.status().message())));
  }
  for (;;) {
    const Health health =
        ask_health(*target, std::min<std::chrono::nanoseconds>(kTry, until - Clock::now()));
    if (health.ready) {
      return std::unique_ptr<SpawnedServer>(new SpawnedServer(std::move(process)));
    }
    if (process->wait_for_end(Clock::now() + kBetweenTries)) return ended();
    if (Clock::now() >= until) {
      return not_ready(fmt::format("did not answer at {} within {} ms ({}); it ended with ",
                                   process->address(), options.patience.count(), health.text));
    }
  }
}

}  // namespace quintain::conformance
