// One attempt's process, from its start until it is reaped.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/runtime.h"
#include "server/process/outcome.h"
#include "server/process/process_function.h"
#include "server/process/spawn.h"
#include "server/process/text.h"

namespace quintain::server {

class ProcessRun;

/// What the runs of a runtime share.
struct ProcessTable {
  explicit ProcessTable(boost::asio::any_io_executor its_executor)
      : executor(std::move(its_executor)) {}

  boost::asio::any_io_executor executor;
  std::map<core::AttemptId, std::shared_ptr<ProcessRun>> runs{};        // until they are reaped
  std::vector<char> buffer = std::vector<char>(std::size_t{64} << 10);  // what was just read
  std::chrono::nanoseconds ended_cpu_time{0};
};

/// Serial context only. Handlers that wait hold the run; once it is over they do
/// nothing, so they may outlive the table.
class ProcessRun : public std::enable_shared_from_this<ProcessRun> {
 public:
  /// The table holds the run until its end.
  ProcessRun(ProcessTable& table, core::AttemptId id, core::AttemptListener& listener);

  /// Starts the attempt's process after the caller's turn, or finds then that it can't be. The
  /// function and the folder's name must be there as long as the table.
  void start(const core::AttemptSpec& attempt, const ProcessFunction* function,
             const std::string& base_directory);

  void stop();

  /// Kills the group. Nothing is reported any more.
  void kill();

  /// kill(), and waits for the end. For when the runtime goes.
  void end_now();

  /// Of the group's first process, at this moment.
  std::int64_t resident_bytes() const;
  std::chrono::nanoseconds cpu_time() const;

 private:
  using Stream = boost::asio::posix::stream_descriptor;
  using Take = bool (ProcessRun::*)(std::string_view);

  std::optional<core::Outcome> try_start(const core::AttemptSpec& attempt,
                                         const ProcessFunction* function,
                                         const std::string& base_directory);
  std::string adopt(Child child);
  void begin();
  void await_exit();
  void await_bytes(Stream& stream, Take take);
  void await_input();
  void write_input();
  // What is said to the listener may end the run; these say whether it goes on.
  bool take_output(std::string_view bytes);
  bool take_error(std::string_view bytes);
  bool emit_chunk();
  bool log(std::string line);
  void read_what_is_left();
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

  pid_t pid_ = 0;
  Stream exit_;
  Stream input_;
  Stream output_;
  Stream error_;

  std::string document_;
  std::size_t written_ = 0;
  std::int64_t output_bytes_ = 0;
  std::string result_;  // of a stream: what is not sent yet
  LineSplitter lines_;
  std::string last_line_;
  std::int64_t memory_bytes_ = 0;
};

}  // namespace quintain::server
