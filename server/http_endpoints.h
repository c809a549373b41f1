// The resources that the server offers over HTTP.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "core/function_service.h"
#include "core/node.h"
#include "server/access.h"
#include "server/http_server.h"
#include "server/metrics.h"
#include "server/serial_context.h"

namespace quintain::server {

/// Answers GET /status/{execution_id}, /healthz and /metrics. handler() may be called and used on
/// any thread; each request is handled in the serial context.
class HttpEndpoints {
 public:
  /// `context` and `metrics` must outlive the HttpServer that uses handler().
  HttpEndpoints(SerialContext& context, const RpcMetrics& metrics)
      : context_(context), metrics_(metrics) {}

  /// From now on the endpoints answer for this node, through `service`. Serial context only.
  /// `transport` returns the state of the transport at any time.
  /// `access` returns the list of callers for statuses and metrics; nullptr: all are admitted.
  void open(core::Node& node, core::FunctionService& service,
            std::function<TransportState()> transport,
            std::function<std::shared_ptr<const AccessList>()> access) {
    access_ = std::move(access);
    node_ = &node;
    service_ = &service;
    transport_ = std::move(transport);
  }

  /// From now on the endpoints answer 503. Serial context only.
  void close() { node_ = nullptr; }

  /// Returns the handler for an HttpServer. The endpoints must outlive the context's thread.
  HttpServer::Handler handler();

  /// Likewise, but it answers only /healthz and /metrics, and everybody is admitted.
  HttpServer::Handler probe_handler();

 private:
  void answer(const HttpRequest& request, const HttpRespond& respond);
  void answer_probe(const HttpRequest& request, const HttpRespond& respond) const;
  void answer_health(const HttpRespond& respond) const;
  void answer_status(const std::string& execution_id, const HttpRespond& respond);
  void answer_metrics(const HttpRespond& respond) const;

  SerialContext& context_;
  const RpcMetrics& metrics_;
  core::Node* node_ = nullptr;
  core::FunctionService* service_ = nullptr;
  std::function<TransportState()> transport_;
  std::function<std::shared_ptr<const AccessList>()> access_;
  // Bytes of statuses that are not yet converted to JSON.
  std::atomic<std::int64_t> status_bytes_ = 0;
};

/// Returns the response in protobuf's JSON mapping (lowerCamelCase names, enum values by name,
/// defaults left out). A result that cannot be shown that way is shown as
/// {"@type": its type URL, "value": its bytes in base64}: one of a type that this program does not
/// know, whose bytes are not of that type, or whose type can contain a google.protobuf.Any, because
/// these can be nested without limit. Thread-safe.
std::string to_json(const spearlet::GetExecutionStatusResponse& response);

}  // namespace quintain::server
