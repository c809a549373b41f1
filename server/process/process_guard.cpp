// The guard: a forked process that reads from a pipe whose other end only the server has.
#include "server/process/process_guard.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/close_range.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>
#include <string_view>
#include <system_error>

#include "server/process/folder_removal.h"

namespace quintain::server {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kFolderPrefix = "quintain-serve-";
constexpr std::string_view kOwnerFile = "owner";

// Microseconds: at least 35 years.
constexpr std::int64_t kMinTag = std::int64_t{1} << 50;

// A process that forks faster than it is found gets this many rounds.
constexpr int kMaxRounds = 200;
constexpr useconds_t kRoundMicroseconds = 5000;

std::int64_t tag_of(const fs::path& process) {
  std::ifstream limits(process / "limits");
  for (std::string line; std::getline(limits, line);) {
    long long soft = 0;
    long long hard = 0;
    if (std::sscanf(line.c_str(), "Max realtime timeout %lld %lld", &soft, &hard) == 2) return hard;
  }
  return 0;
}

// Kills the processes with the tag, and those that they start meanwhile.
void kill_tagged(std::int64_t tag) {
  if (tag < kMinTag) return;
  for (int round = 0; round < kMaxRounds; ++round) {
    bool found = false;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator("/proc", error)) {
      const std::string name = entry.path().filename();
      if (std::isdigit(static_cast<unsigned char>(name.front())) == 0) continue;
      if (tag_of(entry.path()) != tag) continue;
      // A killed process that was not reaped keeps its limits; it cannot be killed again.
      std::ifstream stat(entry.path() / "stat");
      std::string line;
      std::getline(stat, line);
      const std::size_t state = line.rfind(')') + 2;
      if (state < line.size() && (line[state] == 'Z' || line[state] == 'X')) continue;
      found = ::kill(static_cast<pid_t>(std::atoi(name.c_str())), SIGKILL) == 0 || found;
    }
    if (!found) return;
    usleep(kRoundMicroseconds);
  }
}

// Kills what a dead server has left and removes its folder, if the server is dead: a living one, or
// its guard, holds the lock.
void clean_up_after(const fs::path& folder) {
  struct stat status{};
  if (lstat(folder.c_str(), &status) != 0 || !S_ISDIR(status.st_mode)) return;
  if (status.st_uid != geteuid()) return;
  const fs::path owner = folder / kOwnerFile;
  const Descriptor file(open(owner.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!file.is_open() || flock(file.get(), LOCK_EX | LOCK_NB) != 0) return;
  std::int64_t tag = 0;
  std::ifstream(owner) >> tag;
  kill_tagged(tag);
  remove_tree(folder);
}

// The life of the forked process.
[[noreturn]] void run_guard(int alive, int lock, std::int64_t tag, const std::string& folder) {
  setsid();
  prctl(PR_SET_NAME, "quintain-guard");
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) ::signal(signal, SIG_IGN);
  const int null = open("/dev/null", O_RDWR);
  for (int fd = 0; fd < 3; ++fd) dup2(null, fd);
  // Everything else is closed, so that nothing of the server's is held open.
  const int kept_alive = fcntl(alive, F_DUPFD, 100);
  const int kept_lock = fcntl(lock, F_DUPFD, kept_alive + 1);
  syscall(SYS_close_range, 3U, static_cast<unsigned>(kept_alive - 1), 0U);
  syscall(SYS_close_range, static_cast<unsigned>(kept_alive + 1),
          static_cast<unsigned>(kept_lock - 1), 0U);
  syscall(SYS_close_range, static_cast<unsigned>(kept_lock + 1), ~0U, 0U);
  char byte = 0;
  ssize_t count = 0;
  do {
    count = read(kept_alive, &byte, 1);
  } while (count > 0 || (count < 0 && errno == EINTR));
  kill_tagged(tag);
  remove_tree(folder);
  _exit(0);
}

absl::Status system_error(std::string_view what) {
  return absl::UnavailableError(fmt::format("{}: {}", what, std::strerror(errno)));
}

}  // namespace

absl::StatusOr<std::unique_ptr<ProcessGuard>> ProcessGuard::start() {
  std::error_code error;
  const fs::path base = fs::temp_directory_path(error);
  if (error) return absl::UnavailableError("there is no folder for temporary files");
  for (const auto& entry : fs::directory_iterator(base, error)) {
    if (entry.path().filename().string().starts_with(kFolderPrefix)) clean_up_after(entry.path());
  }

  std::unique_ptr<ProcessGuard> guard(new ProcessGuard());
  std::string folder = (base / fmt::format("{}XXXXXX", kFolderPrefix)).string();
  if (mkdtemp(folder.data()) == nullptr) return system_error("can't create a temporary folder");
  guard->folder_ = folder;
  std::random_device random;
  guard->tag_ = kMinTag + static_cast<std::int64_t>((std::uint64_t{random()} << 16) ^ random());
  guard->lock_ = Descriptor(
      open((fs::path(folder) / kOwnerFile).c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  const std::string text = fmt::format("{}\n", guard->tag_);
  if (!guard->lock_.is_open() || flock(guard->lock_.get(), LOCK_EX | LOCK_NB) != 0 ||
      write(guard->lock_.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    return system_error("can't write to the temporary folder");
  }
  int ends[2] = {-1, -1};
  if (pipe2(ends, O_CLOEXEC) != 0) return system_error("no pipe");
  const Descriptor waits(ends[0]);
  guard->alive_ = Descriptor(ends[1]);
  const pid_t pid = fork();
  if (pid < 0) return system_error("no new process");
  if (pid == 0) run_guard(waits.get(), guard->lock_.get(), guard->tag_, folder);
  guard->pid_ = pid;
  return guard;
}

void ProcessGuard::let_others_in() const { chmod(folder_.c_str(), S_IRWXU | S_IXGRP | S_IXOTH); }

ProcessGuard::~ProcessGuard() {
  kill_tagged(tag_);
  if (!folder_.empty()) remove_tree(folder_);
  alive_ = Descriptor();
  if (pid_ > 0) waitpid(pid_, nullptr, 0);
}

}  // namespace quintain::server
