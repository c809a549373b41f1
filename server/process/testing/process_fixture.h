// A process runtime with everything around it that a test needs.
#pragma once

#include <google/protobuf/wrappers.pb.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
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

/// What was reported of one attempt.
struct Heard {
  int started = 0;
  std::vector<core::Payload> chunks{};
  std::vector<std::string> logs{};
  std::optional<core::Outcome> outcome{};
};

/// A folder that goes with the test.
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

class ProcessTest : public ::testing::Test, protected core::AttemptListener {
 protected:
  /// A function of the task "task" that is a shell script.
  static ProcessFunction script(std::string name, std::string text) {
    ProcessFunction function;
    function.task_id = "task";
    function.name = std::move(name);
    function.command = {"/bin/sh", "-c", std::move(text)};
    return function;
  }

  void make_runtime(std::vector<ProcessFunction> functions) {
    runtime_ = std::make_unique<ProcessRuntime>(context_.get_executor(), std::move(functions),
                                                folder_.path());
  }

  /// A runtime with just this function.
  void make_runtime(ProcessFunction function) {
    make_runtime(std::vector<ProcessFunction>{std::move(function)});
  }

  /// Starts an attempt; its spec and request live as long as the test.
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

  /// Handles events until `done`; a hang is a failure.
  void run_until(const std::function<bool()>& done) {
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!done()) {
      context_.restart();
      context_.run_one_until(give_up);
      if (std::chrono::steady_clock::now() >= give_up) {
        ADD_FAILURE() << "this took too long";
        return;
      }
    }
  }

  const core::Outcome& outcome(core::AttemptId id) {
    run_until([&] { return heard_[id].outcome.has_value(); });
    if (!heard_[id].outcome) heard_[id].outcome.emplace();
    return *heard_[id].outcome;
  }

  void run_until_logged(core::AttemptId id, const std::string& line) {
    run_until([&] {
      const auto& logs = heard_[id].logs;
      return heard_[id].outcome || std::find(logs.begin(), logs.end(), line) != logs.end();
    });
    EXPECT_FALSE(heard_[id].outcome) << heard_[id].outcome->error_message;
  }

  const core::Outcome& run(std::string function, spearlet::InvokeFunctionRequest request = {}) {
    return outcome(start(std::move(function), std::move(request)));
  }

  /// Runs a function of that script alone.
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
    Heard& heard = heard_[id];
    ++heard.started;
    EXPECT_TRUE(heard.started == 1 && heard.chunks.empty() && heard.logs.empty());
    EXPECT_FALSE(heard.outcome);
    if (on_any_) on_any_(id);
  }
  void on_chunk(core::AttemptId id, core::Payload chunk) override {
    expect_running(id);
    heard_[id].chunks.push_back(std::move(chunk));
    if (on_any_) on_any_(id);
  }
  void on_log(core::AttemptId id, std::string line) override {
    expect_running(id);
    heard_[id].logs.push_back(std::move(line));
    if (on_any_) on_any_(id);
  }
  void on_finished(core::AttemptId id, core::Outcome&& outcome) override {
    EXPECT_FALSE(heard_[id].outcome) << "finished twice";
    heard_[id].outcome = std::move(outcome);
    if (on_any_) on_any_(id);
  }

  void expect_running(core::AttemptId id) {
    EXPECT_EQ(heard_[id].started, 1);
    EXPECT_FALSE(heard_[id].outcome) << "a report after the end";
  }

  TemporaryFolder folder_;
  boost::asio::io_context context_;
  std::map<core::AttemptId, Heard> heard_;
  std::function<void(core::AttemptId)> on_any_;
  std::deque<spearlet::InvokeFunctionRequest> requests_;
  std::deque<std::string> names_;
  std::deque<std::string> ids_;
  std::unique_ptr<ProcessRuntime> runtime_;
};

}  // namespace quintain::server::testing
