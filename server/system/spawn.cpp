// Starts child processes by clone(2) in the caller's memory: everything that the child needs is
// prepared before, and between clone and execve it only makes system calls.
#include "server/system/spawn.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <pwd.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstddef>
#include <cstring>
#include <string_view>

namespace quintain::server {
namespace {

constexpr std::size_t kMaxLimits = 7;

struct KernelLimit {
  int resource;
  rlimit value;
};

/// The input of the child, and its report if a step fails. The parent prepares all of it, because
/// the child must not allocate.
struct ChildPlan {
  const char* program;
  char* const* arguments;
  char* const* environment;
  const char* working_directory;  // null: unchanged
  int standard[3];                // become descriptors 0, 1 and 2; each is at least 3
  KernelLimit limits[kMaxLimits];
  std::size_t limit_count;
  const User* user;  // null: unchanged
  pid_t parent;      // 0: the child may outlive it
  bool no_new_privileges;

  const char* failed_step = nullptr;
  int error = 0;
};

// The child runs in the parent's memory while the parent's thread waits. Until it executes the
// program it makes only raw system calls: libc's wrappers (and even more so the sanitizers')
// maintain state that belongs to the parent, while syscall() only sets errno.
// Returns the step that failed; does not return on success.
[[gnu::no_sanitize("address", "thread", "undefined")]]
const char* execute(const ChildPlan& plan) {
  // The kernel's struct sigaction, which differs from libc's: the default handler, no flags, no
  // mask. All signals are blocked until the mask is reset below, so no handler runs here.
  const unsigned long default_action[4] = {};
  for (int signal = 1; signal < NSIG; ++signal) {
    syscall(SYS_rt_sigaction, signal, default_action, nullptr, NSIG / 8);
  }
  if (syscall(SYS_setpgid, 0, 0) < 0) return "setpgid";
  // Only for this thread of the shared memory, which is the child: libc's functions would change
  // all threads. Before the parent's death signal, which the kernel forgets with the user.
  if (plan.user != nullptr) {
    const User& user = *plan.user;
    if (syscall(SYS_setgroups, user.groups.size(), user.groups.data()) < 0) return "setgroups";
    if (syscall(SYS_setresgid, user.group, user.group, user.group) < 0) return "setresgid";
    if (syscall(SYS_setresuid, user.id, user.id, user.id) < 0) return "setresuid";
  }
  if (plan.parent != 0) {
    if (syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0) return "prctl";
    if (syscall(SYS_getppid) != plan.parent) return "the parent process has ended";
  }
  if (plan.no_new_privileges && syscall(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) {
    return "prctl";
  }
  for (int fd = 0; fd < 3; ++fd) {
    if (syscall(SYS_dup3, plan.standard[fd], fd, 0) < 0) return "dup3";
  }
  if (syscall(SYS_close_range, 3U, ~0U, 0U) < 0) return "close_range";
  if (plan.working_directory != nullptr && syscall(SYS_chdir, plan.working_directory) < 0) {
    return "the working directory";
  }
  for (std::size_t i = 0; i < plan.limit_count; ++i) {
    const KernelLimit& limit = plan.limits[i];
    if (syscall(SYS_prlimit64, 0, limit.resource, &limit.value, nullptr) < 0) return "setrlimit";
  }
  const unsigned long none = 0;
  if (syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, nullptr, NSIG / 8) < 0) return "sigprocmask";
  syscall(SYS_execve, plan.program, plan.arguments, plan.environment);
  return "execute";
}

[[gnu::no_sanitize("address", "thread", "undefined")]]
int run_child(void* argument) {
  auto& plan = *static_cast<ChildPlan*>(argument);
  plan.failed_step = execute(plan);
  plan.error = errno;
  syscall(SYS_exit_group, 127);
  __builtin_unreachable();
}

// Returns a copy of `fd`, or of /dev/null if it is negative, that is none of the descriptors 0, 1
// and 2, which the child replaces.
Descriptor copy_above_standard(int fd) {
  const Descriptor null(fd < 0 ? open("/dev/null", O_RDWR | O_CLOEXEC) : -1);
  return Descriptor(fcntl(fd < 0 ? null.get() : fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> all;
  for (const std::string& text : texts) all.push_back(const_cast<char*>(text.c_str()));
  all.push_back(nullptr);
  return all;
}

// Finds a program as execvp(3) does, but in `path`. Returns "" if there is none.
std::string find_program(const std::string& name, std::string_view path) {
  if (name.find('/') != std::string::npos) return name;
  while (true) {
    const std::size_t colon = path.find(':');
    const std::string_view folder = path.substr(0, colon);
    // execvp takes an empty entry for the working directory, from which nothing is executed here.
    if (!folder.empty()) {
      std::string candidate = fmt::format("{}/{}", folder, name);
      if (faccessat(AT_FDCWD, candidate.c_str(), X_OK, AT_EACCESS) == 0) return candidate;
    }
    if (colon == std::string_view::npos) return {};
    path.remove_prefix(colon + 1);
  }
}

// Reduces a limit to the caller's hard limit: setrlimit(2) rejects a higher one.
KernelLimit within_own_limit(const ResourceLimit& limit) {
  rlimit own{};
  getrlimit(static_cast<decltype(RLIMIT_AS)>(limit.resource), &own);
  return {limit.resource,
          {.rlim_cur = std::min(static_cast<rlim_t>(limit.soft), own.rlim_max),
           .rlim_max = std::min(static_cast<rlim_t>(limit.hard), own.rlim_max)}};
}

// Clones with all signals blocked, so that no handler of the parent runs in the child.
pid_t clone_with_signals_blocked(ChildPlan& plan, int& pidfd) {
  constexpr std::size_t kStackBytes = std::size_t{32} << 10;
  alignas(64) std::array<std::byte, kStackBytes> stack;  // grows downwards
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t pid = clone(run_child, stack.data() + stack.size(),
                          CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, &plan, &pidfd);
  const int error = errno;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  errno = error;
  return pid;
}

absl::Status system_error(std::string_view what) {
  return absl::UnavailableError(fmt::format("{}: {}", what, std::strerror(errno)));
}

}  // namespace

absl::StatusOr<User> find_user(const std::string& name) {
  std::vector<char> text(std::size_t{64} << 10);
  passwd entry{};
  passwd* found = nullptr;
  getpwnam_r(name.c_str(), &entry, text.data(), text.size(), &found);
  if (found == nullptr) return absl::NotFoundError(fmt::format("there is no user '{}'", name));
  User user{.id = entry.pw_uid, .group = entry.pw_gid};
  int count = NGROUPS_MAX;
  user.groups.resize(static_cast<std::size_t>(count));
  if (getgrouplist(name.c_str(), user.group, user.groups.data(), &count) < 0) {
    return absl::InternalError(fmt::format("can't find the groups of user '{}'", name));
  }
  user.groups.resize(static_cast<std::size_t>(count));
  return user;
}

absl::Status check_may_switch_user() {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};
  if (syscall(SYS_capget, &header, data) < 0) return system_error("capget");
  struct Needed {
    unsigned number;
    const char* name;
  };
  std::string missing;
  for (const auto& [number, name] :
       {Needed{CAP_SETUID, "CAP_SETUID"}, Needed{CAP_SETGID, "CAP_SETGID"},
        Needed{CAP_CHOWN, "CAP_CHOWN"}, Needed{CAP_KILL, "CAP_KILL"},
        Needed{CAP_DAC_OVERRIDE, "CAP_DAC_OVERRIDE"}}) {
    if ((data[0].effective & (1U << number)) == 0) missing += fmt::format(" {}", name);
  }
  if (missing.empty()) return absl::OkStatus();
  return absl::PermissionDeniedError(fmt::format(
      "needs a process that runs as root; the capabilities that it lacks are{}", missing));
}

absl::StatusOr<Child> spawn(const SpawnRequest& request) {
  assert(!request.command.empty() && request.limits.size() <= kMaxLimits);
  const std::string& name = request.command.front();
  const std::string program = find_program(name, request.search_path);
  if (program.empty()) {
    return absl::NotFoundError(fmt::format("there is no program '{}' in PATH", name));
  }
  const auto arguments = pointers(request.command);
  const auto environment =
      request.environment ? pointers(*request.environment) : std::vector<char*>();
  ChildPlan plan{.program = program.c_str(),
                 .arguments = arguments.data(),
                 .environment = request.environment ? environment.data() : environ,
                 .working_directory = request.working_directory.empty()
                                          ? nullptr
                                          : request.working_directory.c_str(),
                 .standard = {},
                 .limits = {},
                 .limit_count = 0,
                 .user = request.user ? &*request.user : nullptr,
                 .parent = request.ends_with_caller ? getpid() : 0,
                 .no_new_privileges = request.no_new_privileges};
  Descriptor standard[3];
  for (std::size_t i = 0; i < 3; ++i) {
    standard[i] = copy_above_standard(request.standard[i]);
    if (!standard[i].is_open()) return system_error("no descriptor for the process");
    plan.standard[i] = standard[i].get();
  }
  for (const ResourceLimit& limit : request.limits) {
    plan.limits[plan.limit_count++] = within_own_limit(limit);
  }

  int pidfd = -1;
  const pid_t pid = clone_with_signals_blocked(plan, pidfd);
  if (pid < 0) return system_error("no new process");
  Child child{.pid = pid, .pidfd = Descriptor(pidfd)};
  if (plan.failed_step == nullptr) return child;
  siginfo_t ended{};
  waitid(P_PIDFD, static_cast<id_t>(pidfd), &ended, WEXITED);
  errno = plan.error;
  return system_error(fmt::format("can't start '{}': {}", program, plan.failed_step));
}

}  // namespace quintain::server
