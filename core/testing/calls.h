// Calls for tests: requests, callers that record their answers, and messages with every field set.
#pragma once

#include <absl/status/status.h>
#include <google/protobuf/message.h>
#include <gtest/gtest.h>

#include <cassert>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/function_service.h"
#include "core/task_registry.h"
#include "spearlet/function.pb.h"

namespace quintain::core::testing {

inline TaskSpec task_spec(std::string id, std::vector<std::string> functions = {},
                          int instance_limit = 0) {
  TaskSpec spec;
  spec.task_id = std::move(id);
  spec.functions = std::move(functions);
  spec.instance_limit = instance_limit;
  return spec;
}

/// The fields of an invocation that tests set. Default values are left out of the request.
struct Ask {
  std::string id{};
  std::string task = "task";
  std::string function = "f";
  std::int64_t timeout_ms = 0;
  int retries = 0;
  std::optional<int> priority{};
  bool fresh = false;
};

inline spearlet::InvokeFunctionRequest request(spearlet::ExecutionMode mode, const Ask& ask = {}) {
  spearlet::InvokeFunctionRequest request;
  request.set_execution_mode(mode);
  request.set_task_id(ask.task);
  request.set_function_name(ask.function);
  if (!ask.id.empty()) request.set_execution_id(ask.id);
  if (ask.timeout_ms != 0) request.mutable_context()->set_timeout_ms(ask.timeout_ms);
  if (ask.retries != 0) request.mutable_context()->set_max_retries(ask.retries);
  if (ask.priority) {
    (*request.mutable_invocation_metadata())["priority"] = std::to_string(*ask.priority);
  }
  request.set_force_new_instance(ask.fresh);
  return request;
}

inline spearlet::InvokeFunctionRequest sync_request(const Ask& ask = {}) {
  return request(spearlet::EXECUTION_MODE_SYNC, ask);
}
inline spearlet::InvokeFunctionRequest async_request(const Ask& ask = {}) {
  return request(spearlet::EXECUTION_MODE_ASYNC, ask);
}
inline spearlet::InvokeFunctionRequest stream_request(const Ask& ask = {}) {
  return request(spearlet::EXECUTION_MODE_STREAM, ask);
}

/// Records the response or the status, and the number of answers. Must outlive its answer.
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

  /// The status of a refusal; OK if there was none.
  const absl::Status& status() const { return status_; }
  absl::StatusCode code() const { return status_.code(); }

  /// The response. Fails the test if there is none.
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

/// Records the messages and the status. Must outlive its answer.
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

/// Sets every field of a message and of its nested messages, by reflection, so that fields that are
/// added to the contract later are included. Strings are set to `text`.
inline void fill(google::protobuf::Message& message, const std::string& text) {
  using google::protobuf::FieldDescriptor;
  const auto& reflection = *message.GetReflection();
  for (int i = 0; i < message.GetDescriptor()->field_count(); ++i) {
    const FieldDescriptor* field = message.GetDescriptor()->field(i);
    const bool repeated = field->is_repeated();
    switch (field->cpp_type()) {
      case FieldDescriptor::CPPTYPE_STRING:
        repeated ? reflection.AddString(&message, field, text)
                 : reflection.SetString(&message, field, text);
        break;
      case FieldDescriptor::CPPTYPE_BOOL:
        repeated ? reflection.AddBool(&message, field, true)
                 : reflection.SetBool(&message, field, true);
        break;
      case FieldDescriptor::CPPTYPE_INT32:
        repeated ? reflection.AddInt32(&message, field, 7)
                 : reflection.SetInt32(&message, field, 7);
        break;
      case FieldDescriptor::CPPTYPE_INT64:
        repeated ? reflection.AddInt64(&message, field, 7)
                 : reflection.SetInt64(&message, field, 7);
        break;
      case FieldDescriptor::CPPTYPE_DOUBLE:
        repeated ? reflection.AddDouble(&message, field, 7)
                 : reflection.SetDouble(&message, field, 7);
        break;
      case FieldDescriptor::CPPTYPE_ENUM:
        repeated ? reflection.AddEnumValue(&message, field, 1)
                 : reflection.SetEnumValue(&message, field, 1);
        break;
      case FieldDescriptor::CPPTYPE_MESSAGE:
        fill(repeated ? *reflection.AddMessage(&message, field)
                      : *reflection.MutableMessage(&message, field),
             text);
        break;
      default:
        assert(false && "a field type that the contract does not use");
    }
  }
}

}  // namespace quintain::core::testing
