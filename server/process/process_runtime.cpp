#include "server/process/process_runtime.h"

#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <filesystem>
#include <system_error>

#include "server/process/process_run.h"

namespace quintain::server {
namespace {

using std::chrono::steady_clock;

constexpr auto kMinSampleInterval = std::chrono::milliseconds(100);

std::string absolute(const std::string& path) {
  std::error_code error;
  const auto whole = std::filesystem::absolute(path, error);
  return error ? path : whole.lexically_normal().string();
}

}  // namespace

ProcessRuntime::ProcessRuntime(boost::asio::any_io_executor executor,
                               std::vector<ProcessFunction> functions, std::string base_directory)
    : functions_(std::move(functions)),
      base_directory_(absolute(base_directory)),
      table_(std::make_unique<ProcessTable>(std::move(executor))) {
  sample_.at = steady_clock::now();
  for (const ProcessFunction& function : functions_) {
    assert(!function.command.empty());
    const bool is_new = by_name_.try_emplace({function.task_id, function.name}, &function).second;
    assert(is_new && "two commands for one function");
    static_cast<void>(is_new);
  }
}

ProcessRuntime::~ProcessRuntime() {
  // Kill all before waiting for any, so that they end in parallel.
  for (const auto& [id, run] : table_->runs) run->kill();
  for (const auto& [id, run] : table_->runs) run->end_now();
}

void ProcessRuntime::start(const core::AttemptSpec& attempt, core::AttemptListener& listener) {
  auto run = std::make_shared<ProcessRun>(*table_, attempt.id, listener);
  table_->runs.emplace(attempt.id, run);
  run->start(attempt, function_of(attempt.task_id, attempt.function_name), base_directory_);
}

void ProcessRuntime::stop(core::AttemptId attempt) {
  const auto found = table_->runs.find(attempt);
  if (found != table_->runs.end()) found->second->stop();
}

void ProcessRuntime::set_tag(std::int64_t tag) { table_->tag = tag; }

void ProcessRuntime::set_max_result_bytes(std::int64_t bytes) { table_->max_result_bytes = bytes; }

void ProcessRuntime::on_start_failed(
    std::function<void(const core::AttemptSpec&, std::string_view why)> on_start_failed) {
  table_->on_start_failed = std::move(on_start_failed);
}

void ProcessRuntime::hold_output(core::AttemptId attempt) {
  const auto found = table_->runs.find(attempt);
  if (found != table_->runs.end()) found->second->hold_output();
}

void ProcessRuntime::resume_output(core::AttemptId attempt) {
  const auto found = table_->runs.find(attempt);
  if (found != table_->runs.end()) found->second->resume_output();
}

void ProcessRuntime::kill(core::AttemptId attempt) {
  const auto found = table_->runs.find(attempt);
  if (found != table_->runs.end()) found->second->kill();
}

void ProcessRuntime::retire(std::string_view) {}

core::ResourceUsage ProcessRuntime::usage() const {
  const auto now = steady_clock::now();
  const auto passed = now - sample_.at;
  if (passed < kMinSampleInterval) return sample_.usage;
  core::ResourceUsage usage;
  std::chrono::nanoseconds cpu_time = table_->ended_cpu_time;
  for (const auto& [id, run] : table_->runs) {
    usage.memory_bytes += run->resident_bytes();
    cpu_time += run->cpu_time();
  }
  const auto total_memory =
      static_cast<double>(sysconf(_SC_PHYS_PAGES)) * static_cast<double>(sysconf(_SC_PAGESIZE));
  usage.memory_percent = 100 * static_cast<double>(usage.memory_bytes) / total_memory;
  // The time of a process that was killed between two samples may be counted late, never twice.
  const auto used = std::max(cpu_time - sample_.cpu_time, std::chrono::nanoseconds::zero());
  const auto available = passed * sysconf(_SC_NPROCESSORS_ONLN);
  usage.cpu_percent = std::min(100.0, 100 * std::chrono::duration<double>(used) / available);
  sample_ = {.at = now, .cpu_time = cpu_time, .usage = usage};
  return usage;
}

const ProcessFunction* ProcessRuntime::function_of(std::string_view task,
                                                   std::string_view name) const {
  auto found = by_name_.find({std::string(task), std::string(name)});
  if (found == by_name_.end()) found = by_name_.find({std::string(task), ""});
  return found == by_name_.end() ? nullptr : found->second;
}

}  // namespace quintain::server
