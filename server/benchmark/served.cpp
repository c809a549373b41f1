// The servers that are measured (an echo and a node), each in a process of its own, and what the
// benchmark asks the operating system about these processes.
#include "server/benchmark/served.h"

#include <absl/synchronization/mutex.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <sched.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string_view>
#include <thread>
#include <utility>

#include "core/testing/immediate_runtime.h"
#include "echo.grpc.pb.h"
#include "server/server.h"

namespace quintain::server::bench {
namespace {

// The parent holds the other end as long as it runs.
void wait_for_end_of_input() {
  char byte = 0;
  while (read(STDIN_FILENO, &byte, 1) > 0) continue;
}

void announce(const std::string& address) {
  fmt::print("{}\n", address);
  std::fflush(stdout);
}

class EchoHandler final : public EchoService::CallbackService {
  grpc::ServerUnaryReactor* Echo(grpc::CallbackServerContext* context, const EchoMessage* request,
                                 EchoMessage* response) override {
    pad(*response, request->answer_bytes());
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }
};

[[noreturn]] void abort_with(const std::string& message) {
  fmt::print(stderr, "server_benchmarks: {}\n", message);
  std::exit(1);
}

std::string read_line(int descriptor) {
  std::string line;
  char next = 0;
  while (read(descriptor, &next, 1) == 1 && next != '\n') line.push_back(next);
  return line;
}

}  // namespace

void pad(EchoMessage& message, std::size_t bytes) {
  message.clear_padding();
  while (message.ByteSizeLong() < bytes) {
    const std::size_t missing = bytes - message.ByteSizeLong();
    // The first byte of the field adds its tag and length, too.
    const bool first = message.padding().empty();
    message.mutable_padding()->append(first && missing > 2 ? missing - 2 : 1, 'x');
  }
}

int serve_echo() {
  // As in the server.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  EchoHandler service;
  grpc::ServerBuilder builder;
  builder.RegisterService(&service);
  int port = 0;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr) return 1;
  announce(fmt::format("127.0.0.1:{}", port));
  wait_for_end_of_input();
  server->Shutdown(std::chrono::system_clock::now());
  return 0;
}

int serve_node(const std::string& estimator) {
  ServerOptions options;
  options.listen = {"127.0.0.1:0"};
  constexpr std::string_view kStore = "store:";
  if (estimator.starts_with(kStore)) {
    options.store = estimator.substr(kStore.size());
  } else {
    options.node.eta.estimator = estimator;
  }
  core::TaskSpec task;
  task.task_id = "work";
  options.tasks = {task};
  options.runtime = [](core::Environment& environment, boost::asio::any_io_executor) {
    return std::make_unique<core::testing::ImmediateRuntime>(environment);
  };
  const auto server = Server::start(std::move(options));
  if (!server.ok()) {
    fmt::print(stderr, "{}\n", server.status().ToString());
    return 1;
  }
  announce((*server)->addresses().front());
  wait_for_end_of_input();
  (*server)->stop();
  (*server)->wait();
  return 0;
}

double syncs_per_second(const std::string& folder) {
  const std::string path = folder + "/syncs";
  const Descriptor file(open(path.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600));
  if (!file.is_open()) abort_with("can't write to " + path);
  const std::string block(4096, 'x');
  const auto started_at = std::chrono::steady_clock::now();
  std::chrono::duration<double> took{};
  int syncs = 0;
  while (took < std::chrono::milliseconds(300)) {
    if (write(file.get(), block.data(), block.size()) < 0 || fdatasync(file.get()) != 0) {
      abort_with("can't sync " + path);
    }
    ++syncs;
    took = std::chrono::steady_clock::now() - started_at;
  }
  return syncs / took.count();
}

ServerProcess::ServerProcess(const std::string& name) {
  auto input = make_pipe();
  auto output = make_pipe();
  if (!input || !output) abort_with("can't make a pipe");
  auto child = spawn({.command = {"/proc/self/exe", "--serve", name},
                      .standard = {input->read.get(), output->write.get(), STDERR_FILENO}});
  if (!child.ok()) abort_with(child.status().ToString());
  child_ = *std::move(child);
  input_ = std::move(input->write);
  output->write.reset();
  address_ = read_line(output->read.get());
  if (address_.empty()) abort_with(fmt::format("'{}' does not listen", name));
}

ServerProcess::~ServerProcess() {
  input_.reset();
  waitpid(child_.pid, nullptr, 0);
}

std::chrono::nanoseconds processor_time(pid_t process) {
  clockid_t clock{};
  timespec time{};
  if (clock_getcpuclockid(process, &clock) != 0 || clock_gettime(clock, &time) != 0) {
    abort_with(fmt::format("process {} has ended", process));
  }
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

void pin(pid_t process, std::optional<unsigned> core) {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  for (unsigned i = 0; i < std::thread::hardware_concurrency(); ++i) {
    if (!core || *core == i) CPU_SET(i, &cores);
  }
  const std::string threads = fmt::format("/proc/{}/task", process);
  for (const auto& thread : std::filesystem::directory_iterator(threads)) {
    // The thread may have ended meanwhile.
    sched_setaffinity(std::atoi(thread.path().filename().c_str()), sizeof(cores), &cores);
  }
}

}  // namespace quintain::server::bench
