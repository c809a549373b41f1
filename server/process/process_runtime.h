// A runtime whose functions are commands: every attempt is a new process.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
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

/// Runs functions as processes. What a process is told, what its output means and how its end is
/// taken: docs/functions.md.
///
/// An attempt is a new process in a process group of its own, so an instance is nothing but a name:
/// there is nothing to make ready in a cold start and nothing to retire. When the first process of
/// the group ends, the attempt ends and the rest of the group is killed; so it is by kill(). Only a
/// process that makes itself a new session escapes that.
///
/// Processes are started by, and heard of on, the thread that runs the executor's functions, which
/// must be one thread, in the serial context; if that thread ends, the kernel kills the processes.
/// No signal is handled and none is disposed of: a process's end is heard through its pidfd
/// (Linux 5.9, with what else is used).
class ProcessRuntime final : public core::Runtime {
 public:
  /// `base_directory`: where attempts get their own folders; must exist. Each function has a
  /// command, and no two play the same.
  ProcessRuntime(boost::asio::any_io_executor executor, std::vector<ProcessFunction> functions,
                 std::string base_directory);

  /// Kills what still runs and waits for its end. Nobody is told.
  ~ProcessRuntime() override;

  void start(const core::AttemptSpec& attempt, core::AttemptListener& listener) override;
  void stop(core::AttemptId attempt) override;
  void kill(core::AttemptId attempt) override;
  void retire(std::string_view instance_id) override;

  /// The memory of the groups' first processes, and the processor time of all since the call
  /// before. Looks at the machine at most ten times a second.
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
