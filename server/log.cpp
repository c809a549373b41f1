// Formats log lines as text or JSON, writes them through spdlog, and redirects the logs of gRPC and
// protobuf.
#include "server/log.h"

#include <google/protobuf/stubs/logging.h>
#include <grpc/support/log.h>
#include <poll.h>
#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <climits>
#include <mutex>
#include <nlohmann/json.hpp>
#include <utility>

namespace quintain::server {
namespace {

spdlog::level::level_enum to_spdlog(LogLevel level) {
  constexpr spdlog::level::level_enum kLevels[] = {spdlog::level::debug, spdlog::level::info,
                                                   spdlog::level::warn, spdlog::level::err,
                                                   spdlog::level::off};
  return kLevels[static_cast<std::size_t>(level)];
}

// Returns a quoted JSON string. Invalid UTF-8 is replaced, because a log line must not fail.
std::string json_string(std::string_view text) {
  return nlohmann::json(std::string(text))
      .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

// Whether a value needs no quotes in a text line.
bool is_plain(std::string_view value) {
  if (value.empty()) return false;
  for (const char c : value) {
    if (c <= ' ' || c == '"' || c == '=' || c == '\\' || c > '~') return false;
  }
  return true;
}

std::string text_line(std::string_view event, Log::Fields fields) {
  std::string line(event);
  for (const LogField& field : fields) {
    line += fmt::format(" {}={}", field.name,
                        is_plain(field.value) ? field.value : json_string(field.value));
  }
  return line;
}

std::string json_members(std::string_view event, Log::Fields fields) {
  std::string line = R"("event":)" + json_string(event);
  for (const LogField& field : fields) {
    line += fmt::format(",{}:{}", json_string(field.name), json_string(field.value));
  }
  return line;
}

class DescriptorSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  DescriptorSink(int descriptor, LogFormat format) : descriptor_(descriptor), format_(format) {
    struct stat status{};
    is_pipe_ = fstat(descriptor, &status) == 0 && S_ISFIFO(status.st_mode);
  }

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    if (lost_ > 0) {
      const Log::Fields fields = {{"lines", lost_}};
      const std::string note = format_ == LogFormat::kText ? text_line("log-lost", fields)
                                                           : json_members("log-lost", fields);
      spdlog::details::log_msg line = message;
      line.level = spdlog::level::warn;
      line.payload = note;
      if (write_line(line)) lost_ = 0;
    }
    if (lost_ > 0 || !write_line(message)) ++lost_;
  }
  void flush_() override {}

  // Returns false if the line would have to wait.
  bool write_line(const spdlog::details::log_msg& message) {
    spdlog::memory_buf_t text;
    formatter_->format(message, text);
    // A pipe has room for PIPE_BUF bytes if it has any.
    if (is_pipe_ && text.size() > PIPE_BUF) return false;
    pollfd room{.fd = descriptor_, .events = POLLOUT, .revents = 0};
    if (poll(&room, 1, 0) == 0) return false;
    while (write(descriptor_, text.data(), text.size()) < 0 && errno == EINTR) {
    }
    return true;
  }

  const int descriptor_;
  const LogFormat format_;
  bool is_pipe_ = false;
  int lost_ = 0;
};

// Clients can cause messages of gRPC, so their number is limited: this many warnings per interval.
constexpr int kMaxWarnings = 20;
constexpr std::chrono::seconds kWarningInterval(10);

struct LibraryLog {
  std::mutex mutex;
  Log log;
  // The warnings since the start of the current interval, including suppressed ones.
  int warnings = 0;
  std::chrono::steady_clock::time_point interval_start{};
};

// Never destroyed: gRPC's threads may log until the process ends.
LibraryLog& library_log() {
  static LibraryLog& instance = *new LibraryLog;
  return instance;
}

Log current_library_log() {
  const std::lock_guard lock(library_log().mutex);
  return library_log().log;
}

void warn_of_grpc(std::string_view message) {
  LibraryLog& library = library_log();
  const std::lock_guard lock(library.mutex);
  const auto now = std::chrono::steady_clock::now();
  if (now - library.interval_start >= kWarningInterval) {
    if (library.warnings > kMaxWarnings) {
      library.log.warn("grpc-suppressed", {{"messages", library.warnings - kMaxWarnings}});
    }
    library.warnings = 0;
    library.interval_start = now;
  }
  if (++library.warnings <= kMaxWarnings) library.log.warn("grpc", {{"message", message}});
}

void on_grpc_message(gpr_log_func_args* message) {
  if (message->severity == GPR_LOG_SEVERITY_ERROR) return warn_of_grpc(message->message);
  current_library_log().debug("grpc", {{"message", message->message}});
}

// Usually about a request of a client, which receives an error as well.
void on_protobuf_message(google::protobuf::LogLevel, const char*, int, const std::string& message) {
  current_library_log().debug("protobuf", {{"message", message}});
}

}  // namespace

std::shared_ptr<spdlog::sinks::sink> descriptor_sink(int descriptor, LogFormat format) {
  return std::make_shared<DescriptorSink>(descriptor, format);
}

Log::Log() = default;

Log::Log(LogLevel level, LogFormat format)
    : Log(level, format, descriptor_sink(STDERR_FILENO, format)) {}

Log::Log(LogLevel level, LogFormat format, std::shared_ptr<spdlog::sinks::sink> sink)
    : logger_(std::make_shared<spdlog::logger>("quintain", std::move(sink))), format_(format) {
  logger_->set_level(to_spdlog(level));
  logger_->flush_on(spdlog::level::debug);
  logger_->set_formatter(std::make_unique<spdlog::pattern_formatter>(
      format == LogFormat::kText ? "%Y-%m-%dT%H:%M:%S.%eZ %l %v"
                                 : R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l",%v})",
      spdlog::pattern_time_type::utc));
}

bool Log::debugging() const {
  return logger_ != nullptr && logger_->should_log(spdlog::level::debug);
}

void Log::write(LogLevel level, std::string_view event, Fields fields) const {
  if (logger_ == nullptr || !logger_->should_log(to_spdlog(level))) return;
  logger_->log(to_spdlog(level), format_ == LogFormat::kText ? text_line(event, fields)
                                                             : json_members(event, fields));
}

void Log::debug(std::string_view event, Fields fields) const {
  write(LogLevel::kDebug, event, fields);
}
void Log::info(std::string_view event, Fields fields) const {
  write(LogLevel::kInfo, event, fields);
}
void Log::warn(std::string_view event, Fields fields) const {
  write(LogLevel::kWarn, event, fields);
}
void Log::error(std::string_view event, Fields fields) const {
  write(LogLevel::kError, event, fields);
}

bool LogLimiter::admit(const Log& log, std::string_view event) {
  constexpr int kMaxLines = 20;
  constexpr std::chrono::seconds kInterval(10);
  const auto now = std::chrono::steady_clock::now();
  if (now >= next_) {
    if (lines_ > kMaxLines) {
      log.info(fmt::format("{}-suppressed", event), {{"lines", lines_ - kMaxLines}});
    }
    lines_ = 0;
    next_ = now + kInterval;
  }
  return ++lines_ <= kMaxLines;
}

void redirect_library_logs(const Log& log) {
  {
    const std::lock_guard lock(library_log().mutex);
    library_log().log = log;
    library_log().warnings = 0;
  }
  gpr_set_log_function(&on_grpc_message);
  // gRPC logs nothing until it is initialized or its verbosity is set.
  gpr_set_log_verbosity(GPR_LOG_SEVERITY_ERROR);
  google::protobuf::SetLogHandler(&on_protobuf_message);
}

}  // namespace quintain::server
