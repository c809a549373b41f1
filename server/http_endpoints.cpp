#include "server/http_endpoints.h"

#include <prometheus/metric_family.h>

#include <optional>
#include <string_view>
#include <utility>

#include "server/status_json.h"

namespace quintain::server {
namespace {

constexpr std::string_view kStatus = "/status/";
constexpr auto kJson = "application/json";

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// RFC 3986, 2.1. Nothing if it is malformed.
std::optional<std::string> percent_decoded(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    if (i + 2 >= text.size()) return std::nullopt;
    const int high = hex_digit(text[i + 1]);
    const int low = hex_digit(text[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    decoded += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return decoded;
}

// Asks for a status and answers the request with it; ends with its answer.
class StatusCall final : public core::UnaryCaller<spearlet::GetExecutionStatusResponse> {
  using Answer = core::Answer<spearlet::GetExecutionStatusResponse>;

 public:
  static void make(core::FunctionService& service, const std::string& execution_id,
                   HttpRespond respond) {
    spearlet::GetExecutionStatusRequest request;
    request.set_execution_id(execution_id);
    request.set_include_result(true);
    request.set_include_logs(true);
    service.GetExecutionStatus(request, Answer(*new StatusCall(std::move(respond))));
  }

 private:
  explicit StatusCall(HttpRespond respond) : respond_(std::move(respond)) {}

  void deliver(spearlet::GetExecutionStatusResponse&& response) override {
    respond_({.status = response.found() ? 200 : 404,
              .content_type = kJson,
              .body = to_json(response) + "\n"});
    delete this;
  }

  void refuse(const absl::Status& status) override {
    respond_({.status = status.code() == absl::StatusCode::kUnavailable ? 503 : 500,
              .body = std::string(status.message()) + "\n"});
    delete this;
  }

  HttpRespond respond_;
};

}  // namespace

HttpServer::Handler HttpEndpoints::handler() {
  return [this](const std::string& path, HttpRespond respond) {
    context_.post([this, path, respond = std::move(respond)] { answer(path, respond); });
  };
}

void HttpEndpoints::answer(const std::string& path, const HttpRespond& respond) {
  if (node_ == nullptr) return respond({.status = 503, .body = "shut down\n"});
  if (path == "/healthz") {
    return node_->manager().draining() ? respond({.status = 503, .body = "draining\n"})
                                       : respond({.body = "ok\n"});
  }
  if (path == "/metrics") {
    return respond({.content_type = "text/plain; version=0.0.4; charset=utf-8", .body = metrics()});
  }
  if (path.starts_with(kStatus)) return status(path.substr(kStatus.size()), respond);
  respond({.status = 404, .body = "there is /status/{execution_id}, /healthz and /metrics\n"});
}

void HttpEndpoints::status(const std::string& execution_id, const HttpRespond& respond) {
  const auto id = percent_decoded(execution_id);
  if (!id) return respond({.status = 400, .body = "the path is not percent-encoded rightly\n"});
  StatusCall::make(*service_, *id, respond);
}

std::string HttpEndpoints::metrics() const {
  std::vector<prometheus::MetricFamily> families;
  metrics_.append_to(families);
  append_node_metrics(*node_, families);
  return to_text(families);
}

}  // namespace quintain::server
