#include "server/benchmark/server_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <thread>

namespace quintain::server::bench {
namespace {

[[noreturn]] void give_up(const std::string& what) {
  fmt::print(stderr, "server_benchmarks: {}\n", what);
  std::exit(1);
}

struct Pipe {
  Pipe() {
    if (pipe2(ends, O_CLOEXEC) != 0) give_up("there is no pipe to be had");
  }
  int ends[2] = {-1, -1};
  int reading() const { return ends[0]; }
  int writing() const { return ends[1]; }
};

std::string first_line(int descriptor) {
  std::string line;
  char next = 0;
  while (read(descriptor, &next, 1) == 1 && next != '\n') line.push_back(next);
  return line;
}

std::filesystem::path threads_of(pid_t process) { return fmt::format("/proc/{}/task", process); }

}  // namespace

ServerProcess::ServerProcess(const std::string& name) {
  const Pipe input;
  const Pipe output;
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, input.reading(), STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, output.writing(), STDOUT_FILENO);
  std::string program = "server_benchmarks";
  std::string serve = "--serve";
  std::string what = name;
  char* arguments[] = {program.data(), serve.data(), what.data(), nullptr};
  const int error = posix_spawn(&id_, "/proc/self/exe", &actions, nullptr, arguments, environ);
  posix_spawn_file_actions_destroy(&actions);
  close(input.reading());
  close(output.writing());
  if (error != 0) give_up(fmt::format("can't start '{}': {}", name, std::strerror(error)));
  input_ = input.writing();
  address_ = first_line(output.reading());
  close(output.reading());
  if (address_.empty()) give_up(fmt::format("'{}' does not listen", name));
}

ServerProcess::~ServerProcess() {
  close(input_);
  waitpid(id_, nullptr, 0);
}

std::chrono::nanoseconds processor_time(pid_t process) {
  clockid_t clock{};
  timespec time{};
  if (clock_getcpuclockid(process, &clock) != 0 || clock_gettime(clock, &time) != 0) {
    give_up(fmt::format("process {} is gone", process));
  }
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

void pin(pid_t process, std::optional<unsigned> core) {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  for (unsigned i = 0; i < std::thread::hardware_concurrency(); ++i) {
    if (!core || *core == i) CPU_SET(i, &cores);
  }
  for (const auto& thread : std::filesystem::directory_iterator(threads_of(process))) {
    // A thread may have ended meanwhile.
    sched_setaffinity(std::atoi(thread.path().filename().c_str()), sizeof(cores), &cores);
  }
}

}  // namespace quintain::server::bench
