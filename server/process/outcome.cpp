#include "server/process/outcome.h"

#include <absl/strings/ascii.h>
#include <fmt/format.h>
#include <google/protobuf/any.pb.h>
#include <google/protobuf/wrappers.pb.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "server/process/text.h"

namespace quintain::server {
namespace {

constexpr std::string_view kCodeMark = "error_code: ";
constexpr std::size_t kLongestCode = 64;

std::string signal_name(int signal) {
  const char* const name = sigabbrev_np(signal);
  return name != nullptr ? name : std::to_string(signal);
}

bool is_code(std::string_view code) {
  const auto fits = [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return absl::ascii_isupper(byte) || absl::ascii_isdigit(byte) || c == '_';
  };
  return !code.empty() && code.size() <= kLongestCode &&
         absl::ascii_isupper(static_cast<unsigned char>(code.front())) &&
         std::all_of(code.begin(), code.end(), fits);
}

template <class Wrapper>
core::Payload wrap(std::string bytes) {
  Wrapper wrapper;
  wrapper.set_value(std::move(bytes));
  return {.type_url = "type.googleapis.com/" + Wrapper::descriptor()->full_name(),
          .value = wrapper.SerializeAsString()};
}

}  // namespace

core::Outcome failure(std::string code, std::string message) {
  core::Outcome outcome;
  outcome.kind = core::Outcome::Kind::kFailed;
  outcome.error_code = std::move(code);
  outcome.error_message = std::move(message);
  return outcome;
}

core::Outcome outcome_of(const ProcessEnd& end) {
  core::Outcome outcome;
  if (!end.by_signal && end.number == 0) return outcome;
  if (end.stop_signal != 0 &&
      end.number == (end.by_signal ? end.stop_signal : 128 + end.stop_signal)) {
    outcome.kind = core::Outcome::Kind::kStopped;
    return outcome;
  }
  std::string_view message = end.last_line;
  if (end.by_signal) {
    const std::string name = signal_name(end.number);
    return failure("SIGNAL_" + name, message.empty() ? fmt::format("ended by signal {}", name)
                                                     : std::string(message));
  }
  std::string code = fmt::format("EXIT_{}", end.number);
  if (message.starts_with(kCodeMark)) {
    const std::string_view rest = message.substr(kCodeMark.size());
    const std::string_view named = rest.substr(0, rest.find(' '));
    if (is_code(named)) {
      code = named;
      message = rest.substr(std::min(rest.size(), named.size() + 1));
    }
  }
  return failure(std::move(code),
                 message.empty() ? fmt::format("exit code {}", end.number) : std::string(message));
}

core::Payload payload_of(std::string bytes) {
  return is_utf8(bytes) ? wrap<google::protobuf::StringValue>(std::move(bytes))
                        : wrap<google::protobuf::BytesValue>(std::move(bytes));
}

}  // namespace quintain::server
