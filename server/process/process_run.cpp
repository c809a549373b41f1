// Starts, feeds, reads, signals and reaps the process of one attempt. Everything that waits does so
// on a descriptor in the serial context: pipes, and the pidfd for the end of the process.
#include "server/process/process_run.h"

#include <absl/strings/str_join.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/system/error_code.hpp>
#include <cassert>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <utility>

namespace quintain::server {
namespace {

using boost::system::error_code;
using std::chrono::nanoseconds;

constexpr const char* kStartFailed = "START_FAILED";

// What one attempt may write on standard error in an interval. Then its pipe is not read until the
// interval is over: a function that chats without end must not keep the context busy.
constexpr std::int64_t kMaxLogBytes = 256 << 10;
constexpr std::chrono::milliseconds kLogInterval(100);

// Folders of attempts that have ended and wait for their removal.
constexpr std::size_t kMaxRemovals = 1000;

constexpr std::size_t kLargeRequest = 64 << 10;

// What an attempt refers to, for another thread.
class AttemptCopy {
 public:
  explicit AttemptCopy(const core::AttemptSpec& attempt)
      : execution_id_(attempt.execution_id),
        task_id_(attempt.task_id),
        function_name_(attempt.function_name),
        instance_id_(attempt.instance_id),
        request_(attempt.request),
        attempt_{.id = attempt.id,
                 .ordinal = attempt.ordinal,
                 .number = attempt.number,
                 .execution_id = execution_id_,
                 .task_id = task_id_,
                 .function_name = function_name_,
                 .instance_id = instance_id_,
                 .cold_start = attempt.cold_start,
                 .request = request_} {}
  AttemptCopy(const AttemptCopy&) = delete;
  AttemptCopy& operator=(const AttemptCopy&) = delete;

  const core::AttemptSpec& attempt() const { return attempt_; }

 private:
  const std::string execution_id_;
  const std::string task_id_;
  const std::string function_name_;
  const std::string instance_id_;
  const spearlet::InvokeFunctionRequest request_;
  const core::AttemptSpec attempt_;
};

nanoseconds to_nanoseconds(const timeval& time) {
  return std::chrono::seconds(time.tv_sec) + std::chrono::microseconds(time.tv_usec);
}

// Returns the peak resident memory of a process; 0 once it has ended.
std::int64_t peak_resident_bytes(pid_t pid) {
  std::ifstream status(fmt::format("/proc/{}/status", pid));
  for (std::string line; std::getline(status, line);) {
    std::int64_t kilobytes = 0;
    if (std::sscanf(line.c_str(), "VmHWM: %ld", &kilobytes) == 1) return kilobytes * 1024;
  }
  return 0;
}

// Like write(2), but never raises SIGPIPE, independent of how the server handles that signal.
ssize_t write_quietly(int fd, std::string_view bytes) {
  sigset_t pipe;
  sigset_t before;
  sigset_t pending;
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  sigpending(&pending);
  const bool was_pending = sigismember(&pending, SIGPIPE) == 1;
  pthread_sigmask(SIG_BLOCK, &pipe, &before);
  const ssize_t written = write(fd, bytes.data(), bytes.size());
  const int error = errno;
  if (written < 0 && error == EPIPE && !was_pending) {
    const timespec no_wait{};
    sigtimedwait(&pipe, nullptr, &no_wait);
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  errno = error;
  return written;
}

void close_quietly(boost::asio::posix::stream_descriptor& stream) {
  error_code ignored;
  stream.close(ignored);
}

// Waits for the end of a child and reaps it.
void wait_and_reap(int pidfd, siginfo_t& ended, rusage& used) {
  // Asio makes descriptors non-blocking, which would apply to waitid(2) too.
  fcntl(pidfd, F_SETFL, 0);
  // libc's waitid() does not return the usage.
  while (syscall(SYS_waitid, P_PIDFD, pidfd, &ended, WEXITED, &used) != 0 && errno == EINTR) {
  }
}

std::vector<ResourceLimit> resource_limits(const ProcessLimits& limits, std::int64_t tag) {
  std::vector<ResourceLimit> all = {{RLIMIT_CORE, 0, 0},
                                    {RLIMIT_NOFILE, limits.open_files, limits.open_files}};
  const std::int64_t memory = limits.address_space_bytes;
  if (memory > 0) all.push_back({RLIMIT_AS, memory, memory});
  // The signal of the soft limit is XCPU, which names the reason; that of the hard limit is KILL.
  const std::int64_t cpu = limits.cpu_seconds;
  if (cpu > 0) all.push_back({RLIMIT_CPU, cpu, cpu + 1});
  const std::int64_t file = limits.file_bytes;
  if (file > 0) all.push_back({RLIMIT_FSIZE, file, file});
  const std::int64_t processes = limits.processes;
  if (processes > 0) all.push_back({RLIMIT_NPROC, processes, processes});
  if (tag > 0) all.push_back({RLIMIT_RTTIME, tag, tag});
  return all;
}

}  // namespace

ProcessRun::ProcessRun(ProcessTable& table, core::AttemptId id, core::AttemptListener& listener)
    : table_(table),
      id_(id),
      listener_(&listener),
      exit_(table.executor),
      input_(table.executor),
      output_(table.executor),
      error_(table.executor),
      log_pause_(table.executor),
      lines_(0) {}

void ProcessRun::start(const core::AttemptSpec& attempt, const ProcessFunction* function,
                       const std::string& base_directory) {
  // The listener must not be called before the caller's turn has ended. And the process is started
  // on the context's own thread, because the kernel kills it when the thread that started it ends.
  boost::asio::post(table_.executor,
                    [self = shared_from_this(), attempt, function, &base_directory] {
                      self->prepare(attempt, function, base_directory);
                    });
}

// Writes the document: that of a large request on another thread, because it takes too long for the
// context.
void ProcessRun::prepare(const core::AttemptSpec& attempt, const ProcessFunction* function,
                         const std::string& base_directory) {
  if (over_) return;
  // After kill() the objects to which the attempt refers may be destroyed.
  if (listener_ == nullptr) return finish({});
  if (attempt.request.ByteSizeLong() < kLargeRequest) {
    document_ = document_of(attempt);
    return launch(attempt, function, base_directory);
  }
  if (!table_.writer) table_.writer.emplace(1);
  boost::asio::post(*table_.writer,
                    [self = shared_from_this(), executor = table_.executor, attempt, function,
                     &base_directory, copy = std::make_shared<const AttemptCopy>(attempt)] {
                      std::string document = document_of(copy->attempt());
                      boost::asio::post(executor, [self, attempt, function, &base_directory,
                                                   document = std::move(document)]() mutable {
                        if (self->over_) return;
                        if (self->listener_ == nullptr) return self->finish({});
                        self->document_ = std::move(document);
                        self->launch(attempt, function, base_directory);
                      });
                    });
}

void ProcessRun::launch(const core::AttemptSpec& attempt, const ProcessFunction* function,
                        const std::string& base_directory) {
  if (auto failed = try_start(attempt, function, base_directory)) {
    clean_up();
    if (table_.on_start_failed) table_.on_start_failed(attempt, failed->error_message);
    return finish(*std::move(failed));
  }
  if (stopped_) signal_group(stop_signal_);
  on_started();
}

std::optional<core::Outcome> ProcessRun::try_start(const core::AttemptSpec& attempt,
                                                   const ProcessFunction* function,
                                                   const std::string& base_directory) {
  if (function == nullptr) {
    return failure(kStartFailed, fmt::format("no command for function '{}' of task '{}'",
                                             attempt.function_name, attempt.task_id));
  }
  if (const auto problems = environment_problems(attempt.request); !problems.empty()) {
    return failure("INVALID_ENVIRONMENT", "context.environment: " + absl::StrJoin(problems, "; "));
  }
  streams_ = attempt.request.execution_mode() == spearlet::EXECUTION_MODE_STREAM;
  limits_ = function->limits;
  stop_signal_ = function->stop_signal;
  lines_ = LineSplitter(static_cast<std::size_t>(limits_.log_line_bytes));

  std::string directory = function->working_directory;
  if (directory.empty()) {
    if (table_.remover.waiting() > kMaxRemovals) {
      return failure(kStartFailed, "the folders of earlier attempts have not been removed yet");
    }
    directory = base_directory + "/attempt-XXXXXX";
    if (mkdtemp(directory.data()) == nullptr) {
      return failure(kStartFailed, fmt::format("can't make a folder in '{}': {}", base_directory,
                                               std::strerror(errno)));
    }
    own_directory_ = directory;
    if (function->user &&
        chown(directory.c_str(), function->user->id, function->user->group) != 0) {
      return failure(kStartFailed, fmt::format("can't give a folder to the function's user: {}",
                                               std::strerror(errno)));
    }
  }
  auto input = make_pipe();
  auto output = make_pipe();
  auto error = make_pipe();
  if (!input || !output || !error) {
    return failure(kStartFailed, fmt::format("no pipe for the process: {}", std::strerror(errno)));
  }
  SpawnRequest request{.command = function->command,
                       .environment = std::vector<std::string>(),
                       .working_directory = directory,
                       .standard = {input->read.get(), output->write.get(), error->write.get()},
                       .limits = resource_limits(limits_, table_.tag),
                       .user = function->user,
                       .ends_with_caller = true,
                       .no_new_privileges = true};
  for (const auto& [name, value] : environment_of(attempt, *function, directory)) {
    request.environment->push_back(fmt::format("{}={}", name, value));
    if (name == "PATH") request.search_path = value;
  }
  auto child = spawn(request);
  if (!child.ok()) return failure(kStartFailed, std::string(child.status().message()));
  const std::string problem = watch(*std::move(child), std::move(input->write),
                                    std::move(output->read), std::move(error->read));
  if (!problem.empty()) return failure(kStartFailed, problem);
  return std::nullopt;
}

std::string ProcessRun::watch(Child child, Descriptor input, Descriptor output, Descriptor error) {
  pid_ = child.pid;
  const std::pair<Stream*, Descriptor*> ends[] = {
      {&exit_, &child.pidfd}, {&input_, &input}, {&output_, &output}, {&error_, &error}};
  for (const auto& [stream, descriptor] : ends) {
    error_code failed;
    stream->assign(descriptor->get(), failed);
    if (!failed) stream->non_blocking(true, failed);
    if (failed) {
      signal_group(SIGKILL);
      siginfo_t ended{};
      rusage used{};
      wait_and_reap(exit_.is_open() ? exit_.native_handle() : child.pidfd.get(), ended, used);
      pid_ = 0;
      if (stream->is_open()) descriptor->release();
      return "can't watch the process: " + failed.message();
    }
    descriptor->release();
  }
  return {};
}

void ProcessRun::on_started() {
  if (listener_ != nullptr) listener_->on_started(id_);
  await_exit();
  if (listener_ == nullptr) return;
  await_input();
  await_bytes(output_, &ProcessRun::take_output);
  await_bytes(error_, &ProcessRun::take_error);
}

void ProcessRun::await_exit() {
  exit_.async_wait(Stream::wait_read, [self = shared_from_this()](const error_code&) {
    if (self->over_) return;
    // Asio may wake a descriptor for an event of an earlier descriptor with the same number.
    self->has_ended() ? self->on_exit() : self->await_exit();
  });
}

void ProcessRun::await_bytes(Stream& stream, Take take) {
  if (!may_read(stream)) return;
  stream.async_wait(
      Stream::wait_read, [self = shared_from_this(), &stream, take](const error_code& error) {
        if (&stream == &self->output_) self->output_awaited_ = false;
        if (error || self->over_ || !stream.is_open()) return;
        if (&stream == &self->output_ && self->output_held_) return;
        auto& buffer = self->table_.buffer;
        const ssize_t count = read(stream.native_handle(), buffer.data(), buffer.size());
        if (count > 0) {
          const std::string_view bytes(buffer.data(), static_cast<std::size_t>(count));
          if (&stream == &self->error_) self->log_bytes_ += count;
          if (!((*self).*take)(bytes)) return;
        } else if (count == 0 || (errno != EAGAIN && errno != EINTR)) {
          return close_quietly(stream);
        }
        self->await_bytes(stream, take);
      });
}

// Whether the stream may be read now; otherwise it is read again later.
bool ProcessRun::may_read(const Stream& stream) {
  if (&stream == &output_) {
    output_awaited_ = !output_held_;
    return output_awaited_;
  }
  const auto now = std::chrono::steady_clock::now();
  if (now >= log_window_ + kLogInterval) {
    log_window_ = now;
    log_bytes_ = 0;
  }
  if (log_bytes_ < kMaxLogBytes) return true;
  log_pause_.expires_at(log_window_ + kLogInterval);
  log_pause_.async_wait([self = shared_from_this()](const error_code& error) {
    if (!error && !self->over_ && self->error_.is_open()) {
      self->await_bytes(self->error_, &ProcessRun::take_error);
    }
  });
  return false;
}

void ProcessRun::hold_output() { output_held_ = true; }

void ProcessRun::resume_output() {
  output_held_ = false;
  if (!output_awaited_ && !over_ && output_.is_open()) {
    await_bytes(output_, &ProcessRun::take_output);
  }
}

void ProcessRun::await_input() {
  input_.async_wait(Stream::wait_write, [self = shared_from_this()](const error_code& error) {
    if (error || self->over_ || !self->input_.is_open()) return;
    self->write_input();
  });
}

void ProcessRun::write_input() {
  const ssize_t count =
      write_quietly(input_.native_handle(), std::string_view(document_).substr(written_));
  if (count > 0) written_ += static_cast<std::size_t>(count);
  const bool broken = count < 0 && errno != EAGAIN && errno != EINTR;
  if (!broken && written_ < document_.size()) return await_input();
  // Either the whole document was written or the function closed its stdin; both are fine.
  close_quietly(input_);
  document_ = {};
}

bool ProcessRun::take_output(std::string_view bytes) {
  memory_bytes_ = std::max(memory_bytes_, peak_resident_bytes(pid_));
  output_bytes_ += static_cast<std::int64_t>(bytes.size());
  if (output_bytes_ > max_output_bytes()) {
    too_large_ = true;
    result_ = {};
    close_quietly(output_);
    signal_group(SIGKILL);
    return false;
  }
  result_ += bytes;
  return !streams_ || emit_chunk();
}

std::int64_t ProcessRun::max_output_bytes() const {
  return streams_ ? limits_.output_bytes : std::min(limits_.output_bytes, table_.max_result_bytes);
}

bool ProcessRun::emit_chunk() {
  // A character that arrives in two pieces is sent with the second piece.
  std::string chunk = result_.substr(0, result_.size() - incomplete_tail(result_));
  result_.erase(0, chunk.size());
  if (!chunk.empty()) listener_->on_chunk(id_, payload_of(std::move(chunk)));
  return listener_ != nullptr;
}

bool ProcessRun::take_error(std::string_view bytes) {
  lines_.add(bytes, [this](std::string line) { return log(std::move(line)); });
  return listener_ != nullptr;
}

bool ProcessRun::log(std::string line) {
  if (!line.empty()) last_line_ = line;
  listener_->on_log(id_, std::move(line));
  return listener_ != nullptr;
}

void ProcessRun::on_exit() {
  // The number of the group is that of the leader, so it cannot be reused before it is reaped.
  signal_group(SIGKILL);
  if (listener_ != nullptr) read_remaining();
  const ProcessEnd end = reap();
  clean_up();
  finish(outcome(end));
}

void ProcessRun::read_remaining() {
  if (!drain(error_, &ProcessRun::take_error)) return;
  std::string rest = lines_.take_rest();
  if (!rest.empty() && !log(std::move(rest))) return;
  if (!drain(output_, &ProcessRun::take_output)) return;
  if (streams_ && !result_.empty()) {
    listener_->on_chunk(id_, payload_of(std::exchange(result_, {})));
  }
}

// Reads only the bytes that are in the pipe now: a process that escaped from the group may hold the
// other end open and write forever.
bool ProcessRun::drain(Stream& stream, Take take) {
  int left = 0;
  if (!stream.is_open() || ioctl(stream.native_handle(), FIONREAD, &left) != 0) return true;
  auto& buffer = table_.buffer;
  while (left > 0 && stream.is_open()) {
    const std::size_t size = std::min(buffer.size(), static_cast<std::size_t>(left));
    const ssize_t count = read(stream.native_handle(), buffer.data(), size);
    if (count <= 0) break;
    left -= static_cast<int>(count);
    if (!(this->*take)({buffer.data(), static_cast<std::size_t>(count)}))
      return listener_ != nullptr;
  }
  return true;
}

core::Outcome ProcessRun::outcome(const ProcessEnd& end) {
  const bool is_own_limit = max_output_bytes() == limits_.output_bytes;
  core::Outcome outcome =
      too_large_ ? failure(is_own_limit ? "OUTPUT_TOO_LARGE" : "RESULT_TOO_LARGE",
                           fmt::format("the function wrote more than {} bytes", max_output_bytes()))
                 : outcome_of(end);
  // The output of a stream was sent in chunks.
  if (outcome.kind == core::Outcome::Kind::kCompleted && !streams_) {
    outcome.payload = payload_of(std::exchange(result_, {}));
  }
  outcome.memory_used_bytes = memory_bytes_;
  return outcome;
}

void ProcessRun::finish(core::Outcome outcome) {
  over_ = true;
  table_.runs.erase(id_);  // the current handler keeps the run alive
  core::AttemptListener* const listener = std::exchange(listener_, nullptr);
  if (listener != nullptr) listener->on_finished(id_, std::move(outcome));
}

void ProcessRun::stop() {
  if (listener_ == nullptr) return;
  stopped_ = true;
  signal_group(stop_signal_);  // if there is no process yet, start() sends it later
}

void ProcessRun::kill() {
  if (std::exchange(listener_, nullptr) == nullptr) return;
  signal_group(SIGKILL);
  close_quietly(input_);
  close_quietly(output_);
  close_quietly(error_);
}

void ProcessRun::end_now() {
  listener_ = nullptr;
  over_ = true;
  signal_group(SIGKILL);
  if (pid_ != 0) reap();
  clean_up();
}

void ProcessRun::signal_group(int signal) const {
  if (pid_ == 0) return;
  const bool group_is_empty = ::kill(-pid_, signal) != 0;
  // The leader may have left its own group.
  if (group_is_empty || signal == SIGKILL) ::kill(pid_, signal);
}

bool ProcessRun::has_ended() {
  siginfo_t end{};
  const int error =
      waitid(P_PIDFD, static_cast<id_t>(exit_.native_handle()), &end, WEXITED | WNOHANG | WNOWAIT);
  return error != 0 || end.si_pid != 0;
}

ProcessEnd ProcessRun::reap() {
  siginfo_t ended{};
  rusage used{};
  rusage own{};
  wait_and_reap(exit_.native_handle(), ended, used);
  pid_ = 0;
  table_.ended_cpu_time += to_nanoseconds(used.ru_utime) + to_nanoseconds(used.ru_stime);
  // A process inherits the peak of its parent (execve counts the memory that it replaces), so only
  // a peak above the server's own is certainly that of the process.
  getrusage(RUSAGE_SELF, &own);
  if (used.ru_maxrss > own.ru_maxrss) memory_bytes_ = used.ru_maxrss * 1024;
  return {.by_signal = ended.si_code != CLD_EXITED,
          .number = ended.si_status,
          .stop_signal = stopped_ ? stop_signal_ : 0,
          .last_line = last_line_};
}

void ProcessRun::clean_up() {
  log_pause_.cancel();
  for (Stream* stream : {&exit_, &input_, &output_, &error_}) close_quietly(*stream);
  if (!own_directory_.empty()) table_.remover.remove(std::exchange(own_directory_, {}));
}

std::int64_t ProcessRun::resident_bytes() const {
  if (pid_ == 0) return 0;
  std::int64_t total = 0;
  std::int64_t resident = 0;
  std::ifstream statm(fmt::format("/proc/{}/statm", pid_));
  statm >> total >> resident;
  return resident * sysconf(_SC_PAGESIZE);
}

std::chrono::nanoseconds ProcessRun::cpu_time() const {
  clockid_t clock{};
  timespec time{};
  if (pid_ == 0 || clock_getcpuclockid(pid_, &clock) != 0) return {};
  if (clock_gettime(clock, &time) != 0) return {};
  return std::chrono::seconds(time.tv_sec) + nanoseconds(time.tv_nsec);
}

}  // namespace quintain::server
