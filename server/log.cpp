#include "server/log.h"

#include <google/protobuf/stubs/logging.h>
#include <grpc/support/log.h>
#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <mutex>
#include <nlohmann/json.hpp>
#include <utility>

namespace quintain::server {
namespace {

spdlog::level::level_enum to_spdlog(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarn:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
    case LogLevel::kOff:
      break;
  }
  return spdlog::level::off;
}

// As a JSON string, quotes included. What is not UTF-8 is replaced: a log line must not fail.
std::string json_string(std::string_view text) {
  return nlohmann::json(std::string(text))
      .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

bool plain(std::string_view value) {
  if (value.empty()) return false;
  for (const char c : value) {
    if (c <= ' ' || c == '"' || c == '=' || c == '\\' || c > '~') return false;
  }
  return true;
}

std::string text_of(std::string_view event, Log::Fields fields) {
  std::string line(event);
  for (const LogField& field : fields) {
    line += fmt::format(" {}={}", field.name,
                        plain(field.value) ? field.value : json_string(field.value));
  }
  return line;
}

std::string members_of(std::string_view event, Log::Fields fields) {
  std::string line = R"("event":)" + json_string(event);
  for (const LogField& field : fields) {
    line += fmt::format(",{}:{}", json_string(field.name), json_string(field.value));
  }
  return line;
}

struct LibraryLog {
  std::mutex mutex;
  Log log;
};

// Never destroyed: gRPC's threads may speak until the process ends.
LibraryLog& library_log() {
  static LibraryLog& instance = *new LibraryLog;
  return instance;
}

Log current_library_log() {
  const std::lock_guard lock(library_log().mutex);
  return library_log().log;
}

void on_grpc_message(gpr_log_func_args* message) {
  const Log log = current_library_log();
  if (message->severity == GPR_LOG_SEVERITY_ERROR) {
    log.warn("grpc", {{"message", message->message}});
  } else {
    log.debug("grpc", {{"message", message->message}});
  }
}

// About what a client sent, mostly, and the client is told as well.
void on_protobuf_message(google::protobuf::LogLevel, const char*, int, const std::string& message) {
  current_library_log().debug("protobuf", {{"message", message}});
}

}  // namespace

Log::Log() = default;

Log::Log(LogLevel level, LogFormat format)
    : Log(level, format, std::make_shared<spdlog::sinks::stderr_sink_mt>()) {}

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
  logger_->log(to_spdlog(level),
               format_ == LogFormat::kText ? text_of(event, fields) : members_of(event, fields));
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

void redirect_library_logs(const Log& log) {
  {
    const std::lock_guard lock(library_log().mutex);
    library_log().log = log;
  }
  gpr_set_log_function(&on_grpc_message);
  // Until gRPC is used, or told so, it says nothing at all.
  gpr_set_log_verbosity(GPR_LOG_SEVERITY_ERROR);
  google::protobuf::SetLogHandler(&on_protobuf_message);
}

}  // namespace quintain::server
