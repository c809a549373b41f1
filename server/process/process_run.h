// The process of one attempt, from its start until it is reaped.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/runtime.h"
#include "server/process/attempt_io.h"
#include "server/process/folder_removal.h"
#include "server/process/process_function.h"
#include "server/process/text.h"
#include "server/system/spawn.h"

namespace quintain::server {

class ProcessRun;

/// What the runs of one runtime share. Serial context only.
struct ProcessTable {
  explicit ProcessTable(boost::asio::any_io_executor its_executor)
      : executor(std::move(its_executor)) {}

  boost::asio::any_io_executor executor;
  std::map<core::AttemptId, std::shared_ptr<ProcessRun>> runs{};        // those not yet reaped
  std::vector<char> buffer = std::vector<char>(std::size_t{64} << 10);  // the latest bytes read
  std::chrono::nanoseconds ended_cpu_time{0};  // of all processes that have been reaped
  FolderRemover remover{};
  // A larger output would be no result, so it is not kept. A stream's chunks are not concerned.
  std::int64_t max_result_bytes = std::numeric_limits<std::int64_t>::max();
  std::int64_t tag = 0;  // the hard limit of RLIMIT_RTTIME, by which ProcessGuard finds processes
  // Called when a process could not be started.
  std::function<void(const core::AttemptSpec&, std::string_view why)> on_start_failed{};
  // Writes large documents; made for the first one. Declared last: its thread ends before the rest
  // is destroyed.
  std::optional<boost::asio::thread_pool> writer{};
};

/// Starts a process, feeds its standard input, reports its output to the listener and reaps it.
///
/// Serial context only. Pending handlers share ownership of the run. Once the run is over they do
/// nothing, so they may outlive the table. The listener may call stop() or kill() from within a
/// report; after kill() nothing more is reported.
class ProcessRun : public std::enable_shared_from_this<ProcessRun> {
 public:
  /// The table must contain the run from now until its end.
  ProcessRun(ProcessTable& table, core::AttemptId id, core::AttemptListener& listener);

  /// Starts the attempt's process after the caller's turn, or reports then that it cannot be
  /// started. `function` (null: the task has no command for it) and `base_directory` must outlive
  /// the table.
  void start(const core::AttemptSpec& attempt, const ProcessFunction* function,
             const std::string& base_directory);

  /// Sends the stop signal to the process group.
  void stop();

  /// Reads no more output until resume_output(), so that the function has to wait.
  void hold_output();
  void resume_output();

  /// Kills the process group. Nothing is reported any more.
  void kill();

  /// Like kill(), and waits for the end of the process. For the destruction of the runtime.
  void end_now();

  /// The current memory and processor time of the first process of the group.
  std::int64_t resident_bytes() const;
  std::chrono::nanoseconds cpu_time() const;

 private:
  using Stream = boost::asio::posix::stream_descriptor;
  using Take = bool (ProcessRun::*)(std::string_view);

  void prepare(const core::AttemptSpec& attempt, const ProcessFunction* function,
               const std::string& base_directory);
  void launch(const core::AttemptSpec& attempt, const ProcessFunction* function,
              const std::string& base_directory);
  std::optional<core::Outcome> try_start(const core::AttemptSpec& attempt,
                                         const ProcessFunction* function,
                                         const std::string& base_directory);
  std::string watch(Child child, Descriptor input, Descriptor output, Descriptor error);
  void on_started();
  void await_exit();
  void await_bytes(Stream& stream, Take take);
  bool may_read(const Stream& stream);
  void await_input();
  void write_input();
  // A report to the listener may end the run; these return whether it continues.
  bool take_output(std::string_view bytes);
  bool take_error(std::string_view bytes);
  std::int64_t max_output_bytes() const;
  bool emit_chunk();
  bool log(std::string line);
  void read_remaining();
  bool drain(Stream& stream, Take take);
  void on_exit();
  core::Outcome outcome(const ProcessEnd& end);
  void finish(core::Outcome outcome);
  void signal_group(int signal) const;
  bool has_ended();
  ProcessEnd reap();
  void clean_up();

  ProcessTable& table_;
  core::AttemptId id_;
  core::AttemptListener* listener_;  // null once nothing may be reported
  bool over_ = false;                // reaped, or never started

  bool streams_ = false;
  ProcessLimits limits_;
  int stop_signal_ = 0;
  bool stopped_ = false;
  bool too_large_ = false;
  std::string own_directory_;

  pid_t pid_ = 0;  // 0: not started yet, or reaped
  Stream exit_;    // the pidfd
  Stream input_;
  Stream output_;
  Stream error_;
  bool output_held_ = false;
  bool output_awaited_ = false;
  boost::asio::steady_timer log_pause_;
  std::int64_t log_bytes_ = 0;  // since the last pause could have ended
  std::chrono::steady_clock::time_point log_window_{};

  std::string document_;
  std::size_t written_ = 0;  // bytes of document_
  std::int64_t output_bytes_ = 0;
  std::string result_;  // of a stream: the part that has not been sent yet
  LineSplitter lines_;
  std::string last_line_;
  std::int64_t memory_bytes_ = 0;
};

}  // namespace quintain::server
