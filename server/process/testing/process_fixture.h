// A test fixture with a process runtime.
#pragma once

#include <google/protobuf/wrappers.pb.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/runtime.h"
#include "server/process/process_runtime.h"

namespace quintain::server::testing {

/// The reports about one attempt.
struct Reports {
  int started = 0;
  std::vector<core::Payload> chunks{};
  std::vector<std::string> logs{};
  std::optional<core::Outcome> outcome{};
};

/// A folder that is removed with this object.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string path = (std::filesystem::temp_directory_path() / "process-test-XXXXXX").string();
    if (mkdtemp(path.data()) == nullptr) std::abort();
    path_ = path;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::string& path() const { return path_; }
  bool empty() const { return std::filesystem::is_empty(path_); }

 private:
  std::string path_;
};

/// What fixtures with processes share.
class ProcessHelpers {
 protected:
  /// Returns a function of the task "task" that is a shell script.
  static ProcessFunction script(std::string name, std::string text) {
    ProcessFunction function;
    function.task_id = "task";
    function.name = std::move(name);
    function.command = {"/bin/sh", "-c", std::move(text)};
    return function;
  }

  /// Returns whether a process that is not a child ends within 30 s.
  static bool ends(pid_t pid) {
    const int pidfd = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
    if (pidfd < 0) return errno == ESRCH;
    pollfd event{.fd = pidfd, .events = POLLIN, .revents = 0};
    const bool ended = poll(&event, 1, 30'000) == 1;
    close(pidfd);
    return ended;
  }
};

class ProcessTest : public ::testing::Test,
                    protected ProcessHelpers,
                    protected core::AttemptListener {
 protected:
  void make_runtime(std::vector<ProcessFunction> functions) {
    runtime_ = std::make_unique<ProcessRuntime>(context_.get_executor(), std::move(functions),
                                                folder_.path());
  }

  /// Makes a runtime with this function only.
  void make_runtime(ProcessFunction function) {
    make_runtime(std::vector<ProcessFunction>{std::move(function)});
  }

  /// Starts an attempt, whose spec and request live as long as the test.
  core::AttemptId start(std::string function, spearlet::InvokeFunctionRequest request = {}) {
    const auto number = requests_.size() + 1;
    requests_.push_back(std::move(request));
    names_.push_back(std::move(function));
    ids_.push_back("exec-" + std::to_string(number));
    const auto id = static_cast<core::AttemptId>(number);
    const core::AttemptSpec spec{.id = id,
                                 .ordinal = number,
                                 .number = 1,
                                 .execution_id = ids_.back(),
                                 .task_id = "task",
                                 .function_name = names_.back(),
                                 .instance_id = "instance",
                                 .cold_start = true,
                                 .request = requests_.back()};
    runtime_->start(spec, *this);
    return id;
  }

  /// Handles events until `done` returns true; fails after 30 s.
  void run_until(const std::function<bool()>& done) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!done()) {
      context_.restart();
      context_.run_one_until(deadline);
      if (std::chrono::steady_clock::now() >= deadline) {
        ADD_FAILURE() << "timeout";
        return;
      }
    }
  }

  const core::Outcome& outcome(core::AttemptId id) {
    run_until([&] { return reports_[id].outcome.has_value(); });
    if (!reports_[id].outcome) reports_[id].outcome.emplace();
    return *reports_[id].outcome;
  }

  void run_until_logged(core::AttemptId id, const std::string& line) {
    run_until([&] {
      const auto& logs = reports_[id].logs;
      return reports_[id].outcome || std::find(logs.begin(), logs.end(), line) != logs.end();
    });
    EXPECT_FALSE(reports_[id].outcome) << reports_[id].outcome->error_message;
  }

  const core::Outcome& run(std::string function, spearlet::InvokeFunctionRequest request = {}) {
    return outcome(start(std::move(function), std::move(request)));
  }

  /// Makes a runtime with this script only, and runs it.
  const core::Outcome& run_script(std::string text) {
    make_runtime(script("f", std::move(text)));
    return run("f");
  }

  static std::string text_of(const core::Payload& payload) {
    EXPECT_EQ(payload.type_url, "type.googleapis.com/google.protobuf.StringValue");
    google::protobuf::StringValue text;
    EXPECT_TRUE(text.ParseFromString(payload.value));
    return text.value();
  }

  static std::string bytes_of(const core::Payload& payload) {
    EXPECT_EQ(payload.type_url, "type.googleapis.com/google.protobuf.BytesValue");
    google::protobuf::BytesValue bytes;
    EXPECT_TRUE(bytes.ParseFromString(payload.value));
    return bytes.value();
  }

  void on_started(core::AttemptId id) override {
    Reports& reports = reports_[id];
    ++reports.started;
    EXPECT_TRUE(reports.started == 1 && reports.chunks.empty() && reports.logs.empty());
    EXPECT_FALSE(reports.outcome);
    if (on_any_) on_any_(id);
  }
  void on_chunk(core::AttemptId id, core::Payload chunk) override {
    expect_running(id);
    reports_[id].chunks.push_back(std::move(chunk));
    if (on_any_) on_any_(id);
  }
  void on_log(core::AttemptId id, std::string line) override {
    expect_running(id);
    reports_[id].logs.push_back(std::move(line));
    if (on_any_) on_any_(id);
  }
  void on_finished(core::AttemptId id, core::Outcome&& outcome) override {
    EXPECT_FALSE(reports_[id].outcome) << "finished twice";
    reports_[id].outcome = std::move(outcome);
    if (on_any_) on_any_(id);
  }

  void expect_running(core::AttemptId id) {
    EXPECT_EQ(reports_[id].started, 1);
    EXPECT_FALSE(reports_[id].outcome) << "a report after the end";
  }

  TemporaryFolder folder_;
  boost::asio::io_context context_;
  std::map<core::AttemptId, Reports> reports_;
  std::function<void(core::AttemptId)> on_any_;
  std::deque<spearlet::InvokeFunctionRequest> requests_;
  std::deque<std::string> names_;
  std::deque<std::string> ids_;
  std::unique_ptr<ProcessRuntime> runtime_;
};

}  // namespace quintain::server::testing
