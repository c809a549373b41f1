// The runtime whose functions are commands.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/runtime.h"
#include "server/process/process_function.h"

namespace quintain::server {

struct ProcessTable;

/// Runs functions as processes. docs/functions.md describes the input of a process and the meaning
/// of its output and its end.
///
/// An attempt is a new process in a process group of its own, so an instance is only a name: a cold
/// start prepares nothing and retire() frees nothing. When the first process of the group ends, the
/// attempt ends and the rest of the group is killed; kill() kills the whole group. Only a process
/// that creates a new session escapes.
///
/// Serial context only. The executor must run its functions in the serial context and on one
/// thread, which starts the processes and is notified of their ends; if that thread ends, the
/// kernel kills the processes. The end of a process is reported by its pidfd, so the runtime
/// neither handles SIGCHLD nor changes any signal handler. Requires Linux 5.9.
class ProcessRuntime final : public core::Runtime {
 public:
  /// Requires: the folder `base_directory`, where attempts get their own folders, exists; each
  /// function has a command; no two entries have the same task and name.
  ProcessRuntime(boost::asio::any_io_executor executor, std::vector<ProcessFunction> functions,
                 std::string base_directory);

  /// Processes get this tag, by which ProcessGuard finds them; 0: none.
  void set_tag(std::int64_t tag);

  /// Functions that return more are killed and have failed with RESULT_TOO_LARGE; by default only
  /// their own limit counts.
  void set_max_result_bytes(std::int64_t bytes);

  /// `on_start_failed` is called with the attempt and the reason when no process could be started.
  void on_start_failed(
      std::function<void(const core::AttemptSpec&, std::string_view why)> on_start_failed);

  /// Kills the running processes and waits for their end. Nothing is reported.
  ~ProcessRuntime() override;

  void start(const core::AttemptSpec& attempt, core::AttemptListener& listener) override;
  void stop(core::AttemptId attempt) override;
  void hold_output(core::AttemptId attempt) override;
  void resume_output(core::AttemptId attempt) override;
  void kill(core::AttemptId attempt) override;
  void retire(std::string_view instance_id) override;

  /// Returns the memory of the first process of every group, and the share of the machine's
  /// processor time that the processes have used since the previous sample. Samples at most ten
  /// times a second.
  core::ResourceUsage usage() const override;

 private:
  const ProcessFunction* function_of(std::string_view task, std::string_view name) const;

  std::vector<ProcessFunction> functions_;
  std::map<std::pair<std::string, std::string>, const ProcessFunction*> by_name_;
  std::string base_directory_;
  std::unique_ptr<ProcessTable> table_;

  struct Sample {
    std::chrono::steady_clock::time_point at{};
    std::chrono::nanoseconds cpu_time{0};
    core::ResourceUsage usage{};
  };
  mutable Sample sample_;
};

}  // namespace quintain::server
