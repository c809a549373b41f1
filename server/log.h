// Structured log lines.
#pragma once

#include <fmt/format.h>

#include <chrono>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace spdlog {
class logger;
namespace sinks {
class sink;
}
}  // namespace spdlog

namespace quintain::server {

enum class LogLevel { kDebug, kInfo, kWarn, kError, kOff };
enum class LogFormat { kText, kJson };

/// A named value of a log line.
struct LogField {
  std::string_view name;
  std::string value;

  LogField(std::string_view its_name, std::string_view text) : name(its_name), value(text) {}
  template <class Number>
    requires std::is_arithmetic_v<Number>
  LogField(std::string_view its_name, Number number)
      : name(its_name), value(fmt::to_string(number)) {}
};

/// Returns a sink that writes to a descriptor, which must stay open, and never waits. While nobody
/// reads a pipe that is full, lines are lost: a log that is not read must not stop the server. The
/// next line that is written comes after one that says how many, `log-lost`.
std::shared_ptr<spdlog::sinks::sink> descriptor_sink(int descriptor, LogFormat format);

/// Writes one line per event: `2026-01-31T12:00:00.123Z info listening address=127.0.0.1:50051`, or
/// the same as a JSON object in which every value is a string. Thread-safe. Copies write to the
/// same sink.
class Log {
 public:
  using Fields = std::initializer_list<LogField>;

  /// Discards all lines.
  Log();

  /// Writes to standard error, by a descriptor_sink().
  Log(LogLevel level, LogFormat format);

  /// Writes to a sink of spdlog.
  Log(LogLevel level, LogFormat format, std::shared_ptr<spdlog::sinks::sink> sink);

  void debug(std::string_view event, Fields fields = {}) const;
  void info(std::string_view event, Fields fields = {}) const;
  void warn(std::string_view event, Fields fields = {}) const;
  void error(std::string_view event, Fields fields = {}) const;

  /// Whether debug() writes anything.
  bool debugging() const;

 private:
  void write(LogLevel level, std::string_view event, Fields fields) const;

  std::shared_ptr<spdlog::logger> logger_;
  LogFormat format_ = LogFormat::kText;
};

/// Limits the lines about events that clients can cause at any rate: 20 in 10 s. Not thread-safe.
class LogLimiter {
 public:
  /// Returns whether a line may be written now. When lines were left out before, first writes how
  /// many, as `EVENT-suppressed`.
  bool admit(const Log& log, std::string_view event);

 private:
  std::chrono::steady_clock::time_point next_{};
  int lines_ = 0;
};

/// Sends the messages of gRPC and protobuf to `log`: gRPC's errors as warnings, because they
/// concern single connections, and the rest as debug. Clients can cause warnings, so at most 20 are
/// written in 10 s and the others are counted. Applies to the whole process; the last call wins.
/// Thread-safe.
void redirect_library_logs(const Log& log);

}  // namespace quintain::server
