// Callers that keep what they were answered.
#pragma once

#include <absl/status/status.h>
#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "core/answer.h"

namespace quintain::core::testing {

/// Keeps the response or the status, and how often it was answered. Must outlive its answer.
template <class Response>
class RecordingCaller final : public UnaryCaller<Response> {
 public:
  void deliver(Response&& response) override {
    ++answers_;
    response_ = std::move(response);
  }
  void refuse(const absl::Status& status) override {
    ++answers_;
    status_ = status;
  }

  Answer<Response> answer() { return Answer<Response>(*this); }

  int answers() const { return answers_; }
  bool answered() const { return answers_ > 0; }

  /// The status it was refused with; OK if it was not.
  const absl::Status& status() const { return status_; }
  absl::StatusCode code() const { return status_.code(); }

  /// The response, which there must be.
  const Response& response() const {
    EXPECT_TRUE(answered() && status_.ok()) << "there is no response; status: " << status_;
    return response_;
  }
  const Response* operator->() const { return &response(); }

 private:
  int answers_ = 0;
  absl::Status status_;
  Response response_{};
};

/// Keeps the messages and the status. Must outlive its answer.
template <class Message>
class RecordingStreamCaller final : public StreamCaller<Message> {
 public:
  void write(Message&& message) override {
    EXPECT_EQ(answers_, 0) << "a message after the end of the stream";
    messages.push_back(std::move(message));
  }
  void finish(const absl::Status& status) override {
    ++answers_;
    status_ = status;
  }

  StreamAnswer<Message> answer() { return StreamAnswer<Message>(*this); }

  std::vector<Message> messages;

  int answers() const { return answers_; }
  bool answered() const { return answers_ > 0; }
  const absl::Status& status() const { return status_; }
  absl::StatusCode code() const { return status_.code(); }

 private:
  int answers_ = 0;
  absl::Status status_;
};

}  // namespace quintain::core::testing
