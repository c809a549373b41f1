#include "server/process/spawn.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/close_range.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstring>
#include <string_view>
#include <utility>

namespace quintain::server {
namespace {

using Resource = decltype(RLIMIT_AS);

struct Limit {
  Resource resource;
  rlimit value;
};

/// The child's orders, and its report if it can't follow them. All of it made before, since the
/// child must not allocate.
struct Orders {
  const char* program;
  char* const* arguments;
  char* const* environment;
  const char* working_directory;
  int standard[3];  // what becomes descriptors 0, 1 and 2; each at least 3
  Limit limits[4];
  int limit_count;
  pid_t server;

  const char* failed_step = nullptr;
  int error = 0;
};

// The child runs in the server's memory while the server's thread waits, so until it executes the
// program it makes system calls and nothing else: libc's wrappers keep books that belong to the
// server (and the sanitizers' even more so), while syscall() only sets errno.
// Says how far it came; execve does not return if it succeeds.
[[gnu::no_sanitize("address", "thread", "undefined")]]
const char* obey(const Orders& orders) {
  // The kernel's struct sigaction, which is not libc's: the default handler, no flags, no mask.
  const unsigned long by_default[4] = {};
  // All signals are blocked until the mask is reset below, so no handler can run in here.
  for (int signal = 1; signal < NSIG; ++signal) {
    syscall(SYS_rt_sigaction, signal, by_default, nullptr, NSIG / 8);
  }
  if (syscall(SYS_setpgid, 0, 0) < 0) return "setpgid";
  if (syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0) return "prctl";
  if (syscall(SYS_getppid) != orders.server) return "the server is gone";
  for (int fd = 0; fd < 3; ++fd) {
    if (syscall(SYS_dup3, orders.standard[fd], fd, 0) < 0) return "dup3";
  }
  if (syscall(SYS_close_range, 3U, ~0U, 0U) < 0) return "close_range";
  if (syscall(SYS_chdir, orders.working_directory) < 0) return "the working directory";
  for (int i = 0; i < orders.limit_count; ++i) {
    const Limit& limit = orders.limits[i];
    if (syscall(SYS_prlimit64, 0, limit.resource, &limit.value, nullptr) < 0) return "setrlimit";
  }
  const unsigned long none = 0;
  if (syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, nullptr, NSIG / 8) < 0) return "sigprocmask";
  syscall(SYS_execve, orders.program, orders.arguments, orders.environment);
  return "execute";
}

[[gnu::no_sanitize("address", "thread", "undefined")]]
int run_child(void* argument) {
  auto& orders = *static_cast<Orders*>(argument);
  orders.failed_step = obey(orders);
  orders.error = errno;
  syscall(SYS_exit_group, 127);
  __builtin_unreachable();
}

struct Pipe {
  Descriptor server;
  Descriptor child;
};

// A pipe whose child's end is not 0, 1 or 2, which the child puts others in the place of.
bool open_pipe(bool child_reads, Pipe& pipe) {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return false;
  pipe.child.reset(ends[child_reads ? 0 : 1]);
  pipe.server.reset(ends[child_reads ? 1 : 0]);
  if (pipe.child.get() <= STDERR_FILENO) {
    pipe.child = Descriptor(fcntl(pipe.child.get(), F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
    if (pipe.child.get() < 0) return false;
  }
  return fcntl(pipe.server.get(), F_SETFL, O_NONBLOCK) == 0;
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> all;
  for (const std::string& text : texts) all.push_back(const_cast<char*>(text.c_str()));
  all.push_back(nullptr);
  return all;
}

// As execvp(3) finds a program, but in the function's PATH.
std::string find_program(const std::string& name, std::string_view path) {
  if (name.find('/') != std::string::npos) return name;
  while (true) {
    const std::size_t colon = path.find(':');
    const std::string_view folder = path.substr(0, colon);
    // An empty entry would mean the working directory: nothing there is ever the program.
    if (!folder.empty()) {
      std::string candidate = fmt::format("{}/{}", folder, name);
      if (faccessat(AT_FDCWD, candidate.c_str(), X_OK, AT_EACCESS) == 0) return candidate;
    }
    if (colon == std::string_view::npos) return {};
    path.remove_prefix(colon + 1);
  }
}

// Asking for more than one may have is an error; what one has is all there is.
Limit at_most_ours(Resource resource, std::int64_t soft, std::int64_t hard) {
  rlimit ours{};
  getrlimit(resource, &ours);
  return {resource,
          {.rlim_cur = std::min(static_cast<rlim_t>(soft), ours.rlim_max),
           .rlim_max = std::min(static_cast<rlim_t>(hard), ours.rlim_max)}};
}

void set_limits(const ProcessLimits& limits, Orders& orders) {
  const auto add = [&orders](Resource resource, std::int64_t soft, std::int64_t hard) {
    orders.limits[orders.limit_count++] = at_most_ours(resource, soft, hard);
  };
  add(RLIMIT_CORE, 0, 0);
  add(RLIMIT_NOFILE, limits.open_files, limits.open_files);
  const std::int64_t memory = limits.address_space_bytes;
  if (memory > 0) add(RLIMIT_AS, memory, memory);
  // The soft limit's signal is XCPU, which says what is wrong; the hard one's is KILL.
  const std::int64_t cpu = limits.cpu_seconds;
  if (cpu > 0) add(RLIMIT_CPU, cpu, cpu + 1);
}

// Clones with all signals blocked, lest a handler of the server run in its child.
pid_t clone_blocked(Orders& orders, int& pidfd) {
  constexpr std::size_t kStackBytes = std::size_t{32} << 10;
  alignas(64) std::array<std::byte, kStackBytes> stack;  // grows downwards wherever we run
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t pid = clone(run_child, stack.data() + stack.size(),
                          CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, &orders, &pidfd);
  const int error = errno;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  errno = error;
  return pid;
}

std::string because(std::string_view what) {
  return fmt::format("{}: {}", what, std::strerror(errno));
}

}  // namespace

std::variant<Child, std::string> spawn(const SpawnRequest& request) {
  const std::string& name = request.command.front();
  const std::string program = find_program(name, request.search_path);
  if (program.empty()) return fmt::format("there is no program '{}' in PATH", name);
  Pipe input;
  Pipe output;
  Pipe error;
  if (!open_pipe(true, input) || !open_pipe(false, output) || !open_pipe(false, error)) {
    return because("no pipe for the process");
  }
  const auto arguments = pointers(request.command);
  const auto environment = pointers(request.environment);
  Orders orders{.program = program.c_str(),
                .arguments = arguments.data(),
                .environment = environment.data(),
                .working_directory = request.working_directory.c_str(),
                .standard = {input.child.get(), output.child.get(), error.child.get()},
                .limits = {},
                .limit_count = 0,
                .server = getpid()};
  set_limits(request.limits, orders);

  int pidfd = -1;
  const pid_t pid = clone_blocked(orders, pidfd);
  if (pid < 0) return because("no new process");
  Child child{.pid = pid,
              .pidfd = Descriptor(pidfd),
              .input = std::move(input.server),
              .output = std::move(output.server),
              .error = std::move(error.server)};
  if (orders.failed_step == nullptr) return child;
  siginfo_t ended{};
  waitid(P_PIDFD, static_cast<id_t>(pidfd), &ended, WEXITED);
  errno = orders.error;
  return because(fmt::format("can't start '{}': {}", program, orders.failed_step));
}

}  // namespace quintain::server
